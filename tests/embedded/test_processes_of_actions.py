"""Actions in processes that are forked from a warm parent: what they find, what they may use, what is left of them."""

import os
from pathlib import Path

import pytest
from flyteidl2.common import phase_pb2

from .running import create, end, load, on, result, start, until, until_over


@pytest.fixture(scope="module")
def devbox(tmp_path_factory):
    server, port = start(tmp_path_factory.mktemp("devbox") / "devbox")
    yield server.pid, port
    end(server)


@pytest.fixture(scope="module")
def native():
    return load("native")


@pytest.fixture(scope="module")
def places():
    return load("places")


@pytest.fixture
def bundles(tmp_path):
    return tmp_path / "bundles"


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_libraries_with_threads_work_in_parents_and_children(devbox, native, bundles) -> None:
    # A fork of a process that has used Polars or obstore hangs.
    assert result(devbox[1], native.everything, bundles) == [700, 90, 27, 6, 12]


def test_each_action_has_a_process_a_session_and_a_folder_of_its_own(devbox, places, bundles) -> None:
    server, port = devbox
    found = result(port, places.many, bundles, n=5)
    for name in ("pid", "folder", "action"):
        assert len({one[name] for one in found}) == 5
    assert {one["session"] == one["pid"] for one in found} == {True}
    assert {one["argv"] for one in found} == {"a0"}
    (parent,) = {int(one["parent"]) for one in found}
    assert _parent_of(parent) == server


def test_what_is_read_at_the_start_of_an_interpreter_is_respected(devbox, places, bundles) -> None:
    server, port = devbox
    found = result(port, places.who, bundles, env={"PYTHONHASHSEED": "7"})
    assert found["seed"] == "7"
    assert int(found["parent"]) == server


def test_nothing_is_left_of_an_action(devbox, places, bundles, tmp_path) -> None:
    marker = tmp_path / "left"
    result(devbox[1], places.leaves_something, bundles, path=str(marker))
    until(lambda: not _is_alive(int(marker.read_text())), "it ends")


def test_a_killed_action_is_the_systems_failure(devbox, places, bundles) -> None:
    async def go(transport):
        return await until_over(transport, await create(transport, places.is_killed, bundles))

    action = on(devbox[1], go)
    assert action.status.phase == phase_pb2.ACTION_PHASE_FAILED
    assert action.error_info.code == "Interrupted"
    assert "SIGKILL" in action.error_info.message


def test_a_warm_parent_that_was_killed_is_replaced(devbox, places, bundles) -> None:
    _, port = devbox
    first = int(result(port, places.who, bundles)["parent"])
    os.kill(first, 9)
    second = int(result(port, places.who, bundles)["parent"])
    assert second != first
