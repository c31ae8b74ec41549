"""Runs on a terminal: what tasks print, questions, and the live picture, on one screen without wiping each other out."""

import os
import pty
import re
import subprocess
import sys
import threading
import time
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

    def __init__(self, folder: Path, *words: str) -> None:
        leader, follower = pty.openpty()
        environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "xterm"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, FLYTE, *words],
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
        return self._shown.decode()

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
    assert "early\r\n" in shown  # the picture begins on a line of its own
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
