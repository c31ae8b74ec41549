"""The channel of a real server: who may use it, what it refuses, and what it tells of children."""

import json
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.workflow import state_service_pb2

from flyte_protocol.channel import Enqueued, FrameCutter, Kind, pack, pack_enqueue, unpack_update

from .serving import DOMAIN, PROJECT, SUCCEED, Server, abort, action_id, create_run, details, shell_task, start, until


@pytest.fixture(scope="module")
def near() -> Iterator[Server]:
    """A server in a folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="box") as folder:
        running = start(Path(folder, "devbox"))
        yield running
        running.stop()


@pytest.fixture
def lines(near: Server) -> "Iterator[Callable[[], Line]]":
    opened: list[Line] = []

    def open_line() -> Line:
        opened.append(Line(near))
        return opened[-1]

    yield open_line
    for line in opened:
        line.socket.close()


class Line:
    def __init__(self, server: Server) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(server.folder / "channel"))
        self.cutter = FrameCutter()
        self.frames: list[tuple[Kind, bytes]] = []

    def hello(self, server: Server, run: str, **changed: str) -> "Line":
        said = {"token": server.record.token, "project": PROJECT, "domain": DOMAIN, "run": run, "action": "a0"}
        self.socket.sendall(pack(Kind.HELLO, json.dumps(said | changed).encode()))
        return self

    def until(self, kind: Kind) -> bytes:
        while True:
            for place, (found, content) in enumerate(self.frames):
                if found is kind:
                    del self.frames[: place + 1]
                    return content
            data = self.socket.recv(65536)
            assert data, "the devbox has cut the channel"
            self.frames += self.cutter.feed(data)

    def is_cut(self) -> bool:
        while self.socket.recv(65536):
            pass
        return True


def child(server: Server, run: str, name: str, number: int, spec: int = 1) -> bytes:
    base = f"{server.folder}/objects/{PROJECT}/{DOMAIN}/{run}"
    action = actions_service_pb2.Action(
        parent_action_name="a0", input_uri=f"{base}/{name}/inputs.pb", run_output_base=base
    )
    action.action_id.run.project, action.action_id.run.domain = PROJECT, DOMAIN
    action.action_id.run.name, action.action_id.name = run, name
    action.task.SetInParent()
    return pack_enqueue(Enqueued(number, spec, action.SerializeToString(), b""))


def specification(script: str) -> bytes:
    return pack(Kind.SPEC, (1).to_bytes(4, "little"), shell_task(script).SerializeToString())


def test_children_are_taken_and_their_ends_are_told(near: Server, lines: Callable[[], Line]) -> None:
    run = create_run(near, shell_task("sleep 300"))
    line = lines().hello(near, run)
    line.socket.sendall(pack(Kind.WATCH) + specification(SUCCEED))
    line.until(Kind.SYNCED)
    line.socket.sendall(b"".join(child(near, run, f"c{number}", number) for number in range(3)))
    ended = {}
    for _ in range(3):
        update, _ = unpack_update(line.until(Kind.UPDATE))
        told = state_service_pb2.ActionUpdate.FromString(update)
        ended[told.action_id.name] = told.phase
    assert ended == {"c0": 5, "c1": 5, "c2": 5}
    # A later connection is told what the first was, and a repeated request changes nothing.
    other = lines().hello(near, run)
    other.socket.sendall(pack(Kind.WATCH) + specification(SUCCEED) + child(near, run, "c0", 7))
    assert other.until(Kind.TAKEN) == (7).to_bytes(4, "little")
    until(lambda: details(near, run, "c0").status.phase == 5)


def test_what_cannot_be_taken_is_refused_and_the_rest_goes_on(near: Server, lines: Callable[[], Line]) -> None:
    run = create_run(near, shell_task("sleep 300"))
    line = lines().hello(near, run)
    line.socket.sendall(specification(SUCCEED) + child(near, "nosuchrun", "c0", 1) + child(near, run, "../c0", 2))
    for number, code in ((1, "not_found"), (2, "invalid_argument")):
        answer = line.until(Kind.TAKEN)
        assert int.from_bytes(answer[:4], "little") == number
        assert json.loads(answer[4:])["code"] == code
    line.socket.sendall(child(near, run, "c0", 3))
    assert line.until(Kind.TAKEN) == (3).to_bytes(4, "little")


def abortion(run: str, name: str, number: int) -> bytes:
    request = actions_service_pb2.AbortRequest(reason="not needed any more")
    request.action_id.CopyFrom(action_id(run, name))
    return pack(Kind.ABORT, number.to_bytes(4, "little"), request.SerializeToString())


def test_an_abort_is_confirmed_when_it_is_recorded(near: Server, lines: Callable[[], Line]) -> None:
    run = create_run(near, shell_task("sleep 300"))
    line = lines().hello(near, run)
    # All at once: what is taken back is there by then, and one that never was ends nothing.
    line.socket.sendall(
        specification("sleep 300")
        + child(near, run, "c0", 1)
        + abortion(run, "c0", 2)
        + abortion(run, "nosuchchild", 3)
        + child(near, run, "c1", 4)
    )
    answers: dict[int, bytes] = {}
    while len(answers) < 4:
        answer = line.until(Kind.TAKEN)
        answers[int.from_bytes(answer[:4], "little")] = answer[4:]
        if 2 in answers:
            ended = details(near, run, "c0")
            assert (ended.status.phase, ended.abort_info.reason) == (7, "not needed any more")
    assert (answers[1], answers[2], answers[4]) == (b"", b"", b"")
    assert json.loads(answers[3])["code"] == "not_found"
    abort(near, run)


def test_who_does_not_know_the_token_is_refused(near: Server, lines: Callable[[], Line]) -> None:
    if near.record.token:
        line = lines().hello(near, "r", token="wrong")
        assert json.loads(line.until(Kind.REFUSED))["code"] == "unauthenticated"
        assert line.is_cut()


@pytest.mark.parametrize("data", [b"\xff" * 100, pack(Kind.WATCH), pack(Kind.HELLO, b"[]"), pack(Kind.HELLO, b"{")])
def test_bytes_that_are_no_channel_are_refused_and_the_server_lives(
    near: Server, lines: Callable[[], Line], data: bytes
) -> None:
    line = lines()
    line.socket.sendall(data)
    line.until(Kind.REFUSED)
    assert line.is_cut()
    assert create_run(near, shell_task(SUCCEED))
