"""An abort interrupts a sync task also while it waits in C: its clean-up code runs, and nothing is left of it."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from flyteidl2.common import phase_pb2
from flyteidl2.workflow import run_service_pb2

from .running import LONGEST, RUNS, SOON, create, load, on, result, until_over


@pytest.fixture(scope="module")
def blocked():
    return load("blocked")


def _is_there(path: Path) -> bool:
    deadline = time.monotonic() + LONGEST
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("task", ["sleeps", "reads", "waits", "parent", "sleeps_in_a_worker"])
def test_clean_up_code_runs(port, blocked, tmp_path, task) -> None:
    place = tmp_path / "place"
    place.mkdir()

    async def go(transport):
        run = await create(transport, getattr(blocked, task), tmp_path / "bundles", place=str(place))
        assert await asyncio.to_thread(_is_there, place / "child" / "begun" if task == "parent" else place / "begun")
        await transport.call(RUNS["AbortRun"], run_service_pb2.AbortRunRequest(run_id=run, reason="not needed"), SOON)
        return await until_over(transport, run)

    assert on(port, go).status.phase == phase_pb2.ACTION_PHASE_ABORTED
    assert _is_there(place / "cleaned")
    assert (place / "cleaned").read_text() == "MainThread"
    assert (place / "error").read_text() == "ActionAborted"
    if task == "sleeps_in_a_worker":
        # It is there for others: only the attempt is over.
        assert _is_process(int((place / "pid").read_text()))
    if task == "parent":
        assert _is_there(place / "child" / "cleaned")
    if task == "waits":
        # It is killed after the clean-up, at the latest with all that is left of the attempt.
        pid, deadline = int((place / "pid").read_text()), time.monotonic() + LONGEST
        while _is_process(pid):
            assert time.monotonic() < deadline, "the process is left"
            time.sleep(0.02)


def test_a_sync_task_has_the_main_thread_and_children(port, blocked, tmp_path) -> None:
    assert result(port, blocked.many, tmp_path / "bundles", n=3) == [3, 0, 2, 4, 1]
