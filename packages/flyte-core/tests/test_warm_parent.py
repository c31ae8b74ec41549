"""The warm parent as a process: what it forks, and what it tells of it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flyte_protocol.process_messages import MessageCutter, pack_message


class Parent:
    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(60)
        self._cutter = MessageCutter()
        self._told: list[dict[str, object]] = []
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flyte.runtime.warm", str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )

    def ask(self, message: dict[str, object]) -> None:
        self._socket.sendall(pack_message({"has_inputs": False, **message}))

    def told(self) -> dict[str, object]:
        while not self._told:
            piece = self._socket.recv(65536)
            assert piece, "the warm parent is gone"
            self._told += [message for message, _ in self._cutter.feed(piece)]
        return self._told.pop(0)

    def close(self) -> int:
        self._socket.close()
        return self.process.wait(120)


@pytest.fixture
def parent():
    parent = Parent()
    yield parent
    if parent.process.poll() is None:
        parent.close()


def test_it_has_one_thread_when_it_is_ready(parent) -> None:
    assert parent.told() == {"ready": 1}


def test_what_it_forks_is_a_process_like_any_other(parent, tmp_path) -> None:
    parent.told()
    log = tmp_path / "log"
    request = {"id": 7, "argv": ["--no-such-option"], "cwd": str(tmp_path), "log": str(log), "env": {}, "unset": []}
    parent.ask(request)
    started, ended = parent.told(), parent.told()
    assert started["id"] == ended["id"] == 7
    assert os.waitstatus_to_exitcode(ended["status"]) == 2
    assert ended["cpu"] >= 0
    assert ended["rss"] > 0
    assert "a0: error" in log.read_text()


def test_a_log_that_cannot_be_opened_is_said(parent, tmp_path) -> None:
    parent.told()
    Path(tmp_path, "file").touch()
    missing = str(Path(tmp_path, "file", "log"))
    parent.ask({"id": 1, "argv": [], "cwd": str(tmp_path), "log": missing, "env": {}, "unset": []})
    assert "log" in parent.told()["error"]


def test_it_ends_with_who_asked_it(parent) -> None:
    parent.told()
    assert parent.close() == 0


def test_nothing_stays_of_the_rehearsal(tmp_path) -> None:
    text = """
import os, sys
from flyte.runtime.preloading import preload
preload()
before = (os.getcwd(), dict(os.environ), list(sys.path), set(sys.path_importer_cache))
from flyte.runtime import warm
from flyte.tasks.declarations import declared
warm.rehearse()
warm._wait_for_threads()
assert (os.getcwd(), dict(os.environ), list(sys.path)) == before[:3]
assert not [path for path in set(sys.path_importer_cache) - before[3] if "flyte-rehearsal" in path]
assert not [name for name in sys.modules if "flyte_rehearsed" in name]
assert not declared()
assert warm.thread_count() == 1
assert not os.listdir(os.environ["TMPDIR"])
"""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", text], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
