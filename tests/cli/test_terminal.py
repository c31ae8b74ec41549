"""Runs on a terminal: what tasks print, questions, and the live picture, on one screen without wiping each other out."""

import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

FLYTE = Path(sys.executable).with_name("flyte")
_TAKE_TERMINAL = """\
import fcntl, os, sys, termios

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
PROGRAM = """\
import sys
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("slow")


@env.task
def work(shown: str) -> int:
    print("early", end="", flush=True)
    while not Path(shown).exists():
        time.sleep(0.02)
    print(" and late")
    print("to standard error", file=sys.stderr)
    time.sleep(0.5)
    print("never ended", end="")
    return 3


@env.task
async def ask() -> bool:
    condition = await flyte.new_condition.aio("sure", prompt="Are you sure?")
    return await condition.wait.aio()
"""


class Terminal:
    """A program on a terminal of its own, as its controlling one."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        program: Sequence[str | Path] = (FLYTE,),
        variables: dict[str, str] | None = None,
    ) -> None:
        leader, follower = pty.openpty()
        environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "xterm", **(variables or {})}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *program, *words],
            cwd=folder,
            env=environment,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        self._leader = leader
        self._shown = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._leader, 4096)
            except OSError:
                return  # the program has ended
            if not data:
                return
            self._shown += data

    @property
    def shown(self) -> str:
        return self._shown.decode(errors="replace")  # it may end within a letter

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 180
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            time.sleep(0.02)

    def type(self, text: str) -> None:
        os.write(self._leader, text.encode())

    def end(self) -> str:
        try:
            self.process.wait(180)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join(30)
            os.close(self._leader)
        return self.shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(PROGRAM)
    return tmp_path


def test_what_tasks_print_is_shown_above_the_picture_and_recorded_without_it(folder: Path) -> None:
    terminal = Terminal(folder, "run", "--name", "one", "slow.py", "work", "--shown", str(folder / "shown"))
    # However slow this machine is: the picture is there before the task goes on.
    terminal.wait_for("running")
    (folder / "shown").touch()
    shown = terminal.end()
    assert "result    3" in shown
    # The picture begins on a line of its own, unless it was there before the line was begun, which then appears when it ends.
    assert "early\r\n" in shown or "early and late\r\n" in shown
    assert " and late\r\n" in shown
    assert "to standard error\r\n" in shown
    assert "never ended" in shown
    assert re.search(r"\u2713.*work.*done", shown)
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    command = [FLYTE, "get", "logs", "one", "a0"]
    logs = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180).stdout
    assert sorted(logs.splitlines()) == ["early and late", "never ended", "to standard error"]


def test_a_question_stays_on_the_screen_and_is_answered(folder: Path) -> None:
    terminal = Terminal(folder, "run", "slow.py", "ask")
    terminal.wait_for("waiting")
    terminal.type("y\n")
    shown = terminal.end()
    assert re.search(r"Are you sure\? \[y/n\] \r\n", shown)
    assert "result    True" in shown


def after_the_interface(shown: str) -> str:
    """Return what stands on the terminal when the interface has given it back."""
    return re.sub("\x1b[^a-zA-Z]*[a-zA-Z]", "", shown.rpartition("\x1b[?1049l")[2])


def test_a_run_in_the_text_interface_prints_afterwards_what_it_prints_without(folder: Path) -> None:
    terminal = Terminal(folder, "run", "--tui", "--name", "one", "slow.py", "work", "--shown", str(folder / "shown"))
    terminal.wait_for("running")
    (folder / "shown").touch()
    terminal.wait_for("prints the result")
    terminal.type("q")
    lines = after_the_interface(terminal.end()).splitlines()
    assert terminal.process.returncode == 0
    assert [line for line in lines if line.strip()] == [
        "early and late",
        "to standard error",
        "never endedresult    3",
        "recorded  ~/.flyte/history.db as run one",
        "next      flyte get run one",
    ]
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    command = [FLYTE, "get", "logs", "one", "a0"]
    logs = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180).stdout
    assert sorted(logs.splitlines()) == ["early and late", "never ended", "to standard error"]


def test_ctrl_c_in_the_text_interface_ends_the_run(folder: Path) -> None:
    terminal = Terminal(folder, "run", "--tui", "--name", "one", "slow.py", "work", "--shown", str(folder / "never"))
    terminal.wait_for("running")
    terminal.type("\x03")
    left = after_the_interface(terminal.end())
    assert terminal.process.returncode == 130
    assert "error: interrupted: run `one` was aborted" in left


def test_what_fails_in_the_interface_itself_is_told_as_everything_else(folder: Path) -> None:
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    subprocess.run([FLYTE, "run", "hello"], cwd=folder, env=environment, capture_output=True, timeout=180)
    (folder / "broken.py").write_text(
        "from flyte_cli.main import main\n"
        "from flyte_cli.tui.runs_screen import RunsScreen\n"
        "def draw(self, index):\n"
        "    raise RuntimeError('no colours left')\n"
        "RunsScreen.draw = draw\n"
        "main()\n"
    )
    terminal = Terminal(folder, "start", "tui", program=[sys.executable, "broken.py"])
    left = after_the_interface(terminal.end())
    assert terminal.process.returncode == 70
    assert "a bug of flyte: RuntimeError: no colours left" in left
