"""What a shell completes: asked as the shells' scripts do, and through a real bash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FLYTE = Path(sys.executable).with_name("flyte")
PROGRAM = """\
import flyte

raise RuntimeError("a completion does not run this")

env = flyte.TaskEnvironment("shop")


@env.task
def price(item: int, is_new: bool = False) -> int:
    '''Price one item.'''
    return item


@env.task(retries=2)
async def order(items: list[int]) -> int:
    return len(items)


def helper() -> None: ...
"""
RUNNABLE = """\
import flyte

env = flyte.TaskEnvironment("small")


@env.task
def double(x: int) -> int:
    return 2 * x
"""


class Terminal:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder), "PATH": f"{FLYTE.parent}:{os.environ['PATH']}"}
        (folder / "shop.py").write_text(PROGRAM)
        (folder / "small.py").write_text(RUNNABLE)
        (folder / "notes.txt").write_text("")
        (folder / "sub").mkdir()
        (folder / "sub" / "other.py").write_text("")

    def run(self, *words: str, **variables: str) -> str:
        done = subprocess.run(
            [FLYTE, *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def complete(self, line: str) -> list[str]:
        """The values offered for the last word of a line."""
        words = line.split(" ")
        answer = self.run(_FLYTE_COMPLETE="bash_complete", COMP_WORDS=" ".join(words), COMP_CWORD=str(len(words) - 1))
        return [item.partition(",")[2] for item in answer.splitlines() if item]


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    terminal = Terminal(tmp_path_factory.mktemp("shell"))
    terminal.run("--no-progress", "run", "--name", "first", "small.py", "double", "--x", "1")
    terminal.run("--no-progress", "run", "--name", "second", "small.py", "double", "--x", "2")
    return terminal


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("flyte ge", ["gen", "get"]),
        ("flyte get ru", ["run"]),
        ("flyte run sh", ["shop.py"]),
        ("flyte run he", ["hello"]),
        ("flyte run sub/", ["sub/other.py"]),
        ("flyte run shop.py ", ["order", "price"]),
        ("flyte run --name x shop.py pr", ["price"]),
        ("flyte run shop.py price --i", ["--item", "--is_new"]),
        ("flyte run missing.py ", []),
        ("flyte get run ", ["second", "first"]),
        ("flyte get run fi", ["first"]),
        ("flyte get action second ", ["double", "a0"]),
        ("flyte get io first a", ["a0"]),
        ("flyte delete run se", ["second"]),
        ("flyte run --resume fi", ["first"]),
        ("flyte why first d", ["double"]),
        ("flyte get run --in-phase su", ["succeeded"]),
        ("flyte -of js", ["json", "json-raw"]),
    ],
)
def test_offers(terminal: Terminal, line: str, offered: list[str]) -> None:
    assert sorted(terminal.complete(line)) == sorted(offered)


def test_every_command_is_offered(terminal: Terminal) -> None:
    assert {"run", "get", "delete", "why", "completion"} <= set(terminal.complete("flyte "))


def test_without_a_history_nothing_is_offered_and_nothing_complains(tmp_path: Path) -> None:
    assert Terminal(tmp_path).complete("flyte get run ") == []


@pytest.mark.parametrize(
    "line", ["flyte get task shop.", "flyte run deployed-task shop ", "flyte run deployed-task shop.price --"]
)
def test_with_a_control_plane_that_is_down_nothing_complains(tmp_path: Path, line: str) -> None:
    terminal = Terminal(tmp_path)
    (tmp_path / ".flyte").mkdir()
    (tmp_path / ".flyte" / "config.yaml").write_text("admin:\n  endpoint: dns:///localhost:1\n  insecure: true\n")
    assert set(terminal.complete(line)) <= {"--project", "--domain", "--help"}


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("zsh", ".zfunc/_flyte"),
        ("fish", ".config/fish/completions/flyte.fish"),
        ("bash", ".local/share/bash-completion/completions/flyte"),
    ],
)
def test_scripts_are_printed_and_installed(terminal: Terminal, shell: str, place: str) -> None:
    script = terminal.run("completion", shell)
    assert "_FLYTE_COMPLETE" in script
    assert str(terminal.folder / place) in terminal.run("completion", shell, "--install")
    assert (terminal.folder / place).read_text().strip() == script.strip()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_in_a_real_bash(terminal: Terminal) -> None:
    program = """
        source <(flyte completion bash)
        COMP_WORDS=(flyte run shop.py pr); COMP_CWORD=3
        _flyte_completion flyte
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", program],
        cwd=terminal.folder,
        env=terminal.environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stdout.strip() == "price", done.stderr
