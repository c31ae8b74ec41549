"""A worker of a reusable environment as a process: what it hands over, and what it writes when nobody has taken it."""

import os
import socket
import subprocess
import sys

import pytest

from flyte.controllers.conversion import codec_for
from flyte.runtime.rehearsed import nothing_async
from flyte_protocol.process_messages import MessageCutter, pack_message


class Worker:
    """A worker for two attempts at once, and this side of its socket."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(60)
        with theirs:
            command = [sys.executable, "-m", "flyte.runtime.worker", str(theirs.fileno()), "2"]
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self._cutter = MessageCutter()
        self._told: list = []

    def next_message(self):
        while not self._told:
            piece = self.socket.recv(65536)
            assert piece, "the worker is gone"
            self._told.extend(self._cutter.feed(piece))
        return self._told.pop(0)


def test_an_attempt_that_is_cancelled_before_it_begins_is_answered(tmp_path) -> None:
    worker = Worker()
    assert worker.next_message() == ({"ready": True}, b"")
    attempt = {"id": 1, "argv": [], "environment": 0, "own": {}, "log": str(tmp_path / "log"), "has_inputs": False}
    worker.socket.sendall(
        pack_message({"environment": 0, "env": {}, "unset": []})
        + pack_message({**attempt, "output_prefix": str(tmp_path)})
        + pack_message({"cancel": 1})
    )
    answer, _ = worker.next_message()
    assert (answer["id"], answer["code"], answer["has_outputs"]) == (1, 143, False)
    worker.socket.close()
    assert worker.process.wait(120) == 0


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_outputs_that_are_not_on_disk_are_written_when_the_other_side_is_gone(tmp_path, is_confirmed) -> None:
    worker = Worker()
    ours, process, next_message = worker.socket, worker.process, worker.next_message
    assert next_message() == ({"ready": True}, b"")
    prefix = str(tmp_path / "a1" / "1")
    options = {"inputs": str(tmp_path / "a1" / "inputs.pb"), "outputs-path": prefix, "run-base-dir": str(tmp_path)}
    options |= {"name": "a1", "run-name": "r", "version": "v", "raw-data-path": prefix}
    argv = [word for name, text in options.items() for word in (f"--{name}", text)]
    argv += ["--resolver", "flyte._internal.resolvers.default.DefaultTaskResolver"]
    argv += ["mod", "flyte.runtime.rehearsed", "instance", "nothing_async"]
    attempt = {"id": 1, "argv": argv, "environment": 0, "own": {}, "log": str(tmp_path / "log")}
    codec = codec_for(nothing_async)
    ours.sendall(pack_message({"environment": 0, "env": {"FLYTE_DEVBOX_FOLDER": "/"}, "unset": []}))
    inputs = codec.encode_inputs({"x": 4, "text": "b"})
    ours.sendall(pack_message({**attempt, "output_prefix": prefix, "has_inputs": True}, inputs))
    answer, outputs = next_message()
    assert (answer["code"], answer["has_outputs"]) == (0, True)
    assert codec.decode_outputs(outputs) == (4, "b")
    assert not os.path.exists(prefix)
    if is_confirmed:
        ours.sendall(pack_message({"confirm": 1}))
    ours.close()
    assert process.wait(120) == 0
    assert os.path.exists(f"{prefix}/outputs.pb") is not is_confirmed
    assert not (tmp_path / "log").exists()
