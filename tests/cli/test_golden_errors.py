"""The errors users meet most, word for word. Change one only on purpose: `just snap` accepts the new text."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

PROGRAMS = Path(__file__).parent / "programs"
FLYTE = Path(sys.executable).with_name("flyte")


class Shell:
    """Runs `flyte` in a folder of its own, with a home of its own, and no terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "HOME": str(folder / "home"),
            "PATH": os.environ["PATH"],
            "COLUMNS": "120",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        (folder / "home").mkdir()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [FLYTE, "--no-progress", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fail(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        _, err = process.communicate(timeout=60)
        return process.returncode, self.normalise(err)

    def normalise(self, text: str) -> str:
        text = text.replace(str(self.folder), "<folder>")
        text = re.sub(r"\br[a-z0-9]{12}\b", "<run>", text)
        text = re.sub(r"0x[0-9a-f]+", "0x…", text)
        text = re.sub(r"\d+ frames? of flyte", "<n> frames of flyte", text)
        return text


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    for program in PROGRAMS.glob("*.py"):
        shutil.copy(program, tmp_path)
    shutil.copy(PROGRAMS / "syntax_error.txt", tmp_path / "syntax_error.py")
    return Shell(tmp_path)


def test_misspelt_task(shell: Shell) -> None:
    assert shell.fail("run", "failing.py", "compte") == snapshot()


def test_wrong_type(shell: Shell) -> None:
    assert shell.fail("run", "failing.py", "compute", "--count", "many") == snapshot()


def test_missing_input(shell: Shell) -> None:
    assert shell.fail("run", "failing.py", "compute", "--name", "x") == snapshot()


def test_unknown_input(shell: Shell) -> None:
    assert shell.fail("run", "failing.py", "compute", "--cuont", "3") == snapshot()


def test_bad_path(shell: Shell) -> None:
    assert shell.fail("run", "failling.py", "compute") == snapshot()


def test_missing_import(shell: Shell) -> None:
    assert shell.fail("run", "missing_import.py", "main") == snapshot()


def test_syntax_error(shell: Shell) -> None:
    assert shell.fail("run", "syntax_error.py", "main") == snapshot()


def test_exception_in_a_task(shell: Shell) -> None:
    assert shell.fail("run", "failing.py", "crash") == snapshot()


def test_exception_in_a_mapped_child(shell: Shell) -> None:
    assert shell.fail("run", "failing.py", "mapped") == snapshot()


def test_retries_used_up(shell: Shell) -> None:
    assert shell.fail("run", "failing.py", "unlucky") == snapshot()


def test_unserialisable_output(shell: Shell) -> None:
    assert shell.fail("run", "failing.py", "unserialisable") == snapshot()


def test_two_environments_of_one_name(shell: Shell) -> None:
    assert shell.fail("run", "two_environments.py", "main") == snapshot()


def test_task_called_without_a_run(shell: Shell) -> None:
    assert shell.fail("run", "called_without_run.py", "main", "--x", "1") == snapshot()


def test_no_such_command(shell: Shell) -> None:
    assert shell.fail("rnu", "failing.py", "compute") == snapshot()


def test_unreadable_config(shell: Shell) -> None:
    (shell.folder / "config.yaml").write_text("admin:\n  endpoint: [unclosed\n")
    assert shell.fail("run", "failing.py", "compute", "--count", "1") == snapshot()


def test_ctrl_c(shell: Shell) -> None:
    process = shell.start("run", "failing.py", "slow")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == "cleaned up\n"
    assert (process.returncode, shell.normalise(err)) == snapshot()


def test_verbose_shows_all_frames(shell: Shell) -> None:
    process = shell.start("-v", "run", "failing.py", "crash")
    _, err = process.communicate(timeout=60)
    assert "flyte/controllers/local.py" in err
    assert "folded" not in err
