"""`flyte COMMAND --help` is answered from `pages.txt`: held here to what the commands themselves would show."""

import io
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from flyte_cli import help_pages, page_writer
from flyte_cli.app import root
from flyte_cli.deployed_task import RegisteredTasks
from flyte_cli.gen_docs import walk

FLYTE = Path(sys.executable).with_name("flyte")
COMMANDS = {
    context.command_path: command
    for command, context in walk(root)
    if context.parent is not None and not isinstance(command, RegisteredTasks)
}


class Terminal(io.StringIO):
    """What has colours."""

    def isatty(self) -> bool:
        return True


def flyte(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [FLYTE, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )


def test_the_stored_pages_are_those_of_the_commands() -> None:
    stored = Path(help_pages.__file__).with_name(help_pages.PAGES).read_text(encoding="utf-8")
    assert stored == page_writer.pages(), "a command has changed, or a new one is there: run `just pages`"


@pytest.mark.parametrize(("width", "colour"), [(60, False), (100, True)])
def test_each_page_looks_as_click_would_draw_it(width: int, colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal() if colour else io.StringIO())
    assert len(COMMANDS) > 60
    for path, command in COMMANDS.items():
        context = _context(path)
        drawn = command.get_help(context)
        assert help_pages.stored_page(path.split()[1:], colour=colour, width=width) == f"{drawn}\n", path


def _context(path: str) -> click.Context:
    return next(context for _, context in walk(root) if context.command_path == path)


def test_a_page_needs_no_click(tmp_path: Path) -> None:
    program = "import sys; sys.argv[1:] = ['get', 'run', '--help']; from flyte_cli.main import main; main(); assert 'click' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: flyte get run [OPTIONS] [NAME]\n")


def test_what_is_no_command_is_refused_as_ever(tmp_path: Path) -> None:
    done = flyte(tmp_path, "get", "rnu", "--help")
    assert done.returncode == 2
    assert "did you mean `run`?" in done.stderr


@pytest.mark.parametrize("words", [["get", "--help", "run"], ["--no-progress", "get", "run", "--help"]])
def test_help_among_other_words(tmp_path: Path, words: list[str]) -> None:
    assert flyte(tmp_path, *words).stdout.startswith("Usage: flyte get ")


@pytest.mark.parametrize("columns", ["40", "0", "", "many"])
def test_the_width_is_what_the_terminal_says(tmp_path: Path, columns: str) -> None:
    page = flyte(tmp_path, "get", "run", "--help", COLUMNS=columns).stdout
    widest = max(map(len, page.splitlines()))
    assert 70 < widest <= 80 if columns != "40" else widest <= 80
    assert (len(page.splitlines()) > 40) == (columns == "40")


@pytest.mark.parametrize("words", ["get run --help", "--help", "gen docs --type json"])
def test_a_reader_that_has_enough(tmp_path: Path, words: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {FLYTE} {words} | true"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_plugin_may_change_a_page(tmp_path: Path) -> None:
    (tmp_path / "changing.py").write_text(
        "def hook(command):\n    command.help = 'Another text.'\n    return command\n"
    )
    information = tmp_path / "changing-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: changing\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[flyte.plugins.cli.hooks]\nget.run = changing:hook\n")
    assert "Another text." in flyte(tmp_path, "get", "run", "--help", PYTHONPATH=str(tmp_path)).stdout


def test_tasks_that_cannot_be_listed_leave_the_page(tmp_path: Path) -> None:
    done = flyte(tmp_path, "run", "deployed-task", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: flyte run deployed-task [OPTIONS] NAME [--INPUT VALUE]...\n")
    assert "no endpoint is configured" in " ".join(done.stdout.split())
