"""A worker of a reusable environment as a process: what it hands over, and what it writes when nobody has taken it."""

import os
import socket
import subprocess
import sys

import pytest

from flyte.controllers.conversion import codec_for
from flyte.runtime.rehearsed import nothing_async
from flyte_protocol.process_messages import MessageCutter, pack_message


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_outputs_that_are_not_on_disk_are_written_when_the_other_side_is_gone(tmp_path, is_confirmed) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with theirs:
        command = [sys.executable, "-m", "flyte.runtime.worker", str(theirs.fileno()), "2"]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    cutter = MessageCutter()
    told: list = []

    def next_message():
        while not told:
            piece = ours.recv(65536)
            assert piece, "the worker is gone"
            told.extend(cutter.feed(piece))
        return told.pop(0)

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
    assert process.wait(30) == 0
    assert os.path.exists(f"{prefix}/outputs.pb") is not is_confirmed
    assert not (tmp_path / "log").exists()
