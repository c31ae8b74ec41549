"""Sync bodies on threads: interrupted on time, with clean-up code, never beside a retry; threads end with the run."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte.errors import RuntimeUserError, TaskTimeoutError
from flyte.running import local
from flyte.running.threads import ActionAborted, BodyThreads, run_on_thread
from flyte_engine.clock import SystemClock, Timer

env = flyte.TaskEnvironment("body_threads")
events: list[str] = []


@pytest.fixture(autouse=True)
def no_events() -> None:
    events.clear()


def spin(name: str) -> None:
    """Execute Python code until somebody interrupts it."""
    try:
        events.append(f"{name} began")
        while True:
            time.sleep(0.005)
    finally:
        events.append(f"{name} cleaned up")


class UntilSomebodySpins(SystemClock):
    """Lets a limit of a tenth of a second pass once a body spins: a slow machine may take longer to start its thread."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        async def later() -> None:
            while not is_somebody_spinning():
                await asyncio.sleep(0.005)
            callback()

        return asyncio.ensure_future(later()) if seconds <= 0.1 else super().call_later(seconds, callback)


def is_somebody_spinning() -> bool:
    return sum(event.endswith("began") for event in events) > sum(event.endswith("cleaned up") for event in events)


@pytest.fixture
def limits_pass_while_bodies_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SystemClock", UntilSomebodySpins)


@env.task(timeout=timedelta(seconds=0.1))
def spins() -> int:
    spin("body")
    return 1


@pytest.mark.usefixtures("limits_pass_while_bodies_spin")
def test_body_that_runs_too_long_is_interrupted() -> None:
    with pytest.raises(TaskTimeoutError):
        flyte.run(spins)
    assert events == ["body began", "body cleaned up"]


@env.task(timeout=timedelta(seconds=0.1), retries=2)
def spins_again() -> int:
    number = flyte.ctx().attempt_number
    assert len([event for event in events if "began" in event]) == len([e for e in events if "cleaned" in e])
    if number == 2:
        return number
    spin(f"attempt {number}")
    return -1


@pytest.mark.usefixtures("limits_pass_while_bodies_spin")
def test_retry_begins_when_the_body_has_ended() -> None:
    assert flyte.run(spins_again).outputs()[0] == 2
    assert events == [f"attempt {i} {what}" for i in range(2) for what in ("began", "cleaned up")]


@env.task
def sibling() -> int:
    spin("sibling")
    return 1


@env.task
async def fails_beside() -> int:
    child = asyncio.ensure_future(sibling.aio())
    while "sibling began" not in events:
        await asyncio.sleep(0.005)
    assert not child.done()
    raise ValueError("the parent fails")


def test_failure_of_the_parent_interrupts_children() -> None:
    with pytest.raises(RuntimeUserError, match="the parent fails"):
        flyte.run(fails_beside)
    assert events == ["sibling began", "sibling cleaned up"]


def test_cancellation_of_the_run_interrupts_bodies() -> None:
    async def cancel() -> None:
        run = asyncio.ensure_future(flyte.run.aio(sibling))
        while "sibling began" not in events:
            await asyncio.sleep(0.005)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        deadline = time.monotonic() + 120
        while len(events) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)

    asyncio.run(cancel())
    assert events == ["sibling began", "sibling cleaned up"]


def test_body_that_catches_the_interruption_is_interrupted_again() -> None:
    caught: list[int] = []
    begun = threading.Event()

    def stubborn() -> str:
        while len(caught) < 2:
            try:
                begun.set()
                while True:
                    time.sleep(0.005)
            except ActionAborted:
                caught.append(1)
        return "went on"

    async def cancel() -> None:
        task = asyncio.ensure_future(run_on_thread(stubborn))
        while not begun.is_set():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert len(caught) == 2


def test_interruptions_hit_no_other_body() -> None:
    """Bodies that end in the moment they are interrupted leave nothing to the next body of their thread."""

    async def many() -> list[int]:
        threads, leftovers = BodyThreads(), list[asyncio.Future[Any]]()
        results: list[int] = []
        for i in range(150):
            task = asyncio.ensure_future(threads.run(leftovers, time.sleep, (i % 7) * 0.0003))
            await asyncio.sleep(0.0008)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            results.append(await threads.run(leftovers, int, "7"))
        if leftovers:
            await asyncio.wait(leftovers)
        threads.close()
        return results

    assert asyncio.run(many()) == [7] * 150


def test_threads_end_with_the_run() -> None:
    before = set(threading.enumerate())

    @env.task
    def quick(x: int) -> int:
        return x

    @env.task
    def parent() -> int:
        return sum(flyte.map(quick, range(8), return_exceptions=False))

    assert flyte.run(parent).outputs()[0] == 28
    deadline = time.monotonic() + 120
    while left := [t for t in set(threading.enumerate()) - before if t.name.startswith("flyte-body")]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


_STUCK = """
import time
from datetime import timedelta
import flyte

env = flyte.TaskEnvironment("stuck")

@env.task(timeout=timedelta(seconds=2), retries=3)
def sleeps() -> int:
    print("began", flush=True)
    time.sleep(600)
    return 1

try:
    flyte.run(sleeps)
except flyte.errors.TaskTimeoutError:
    print("timed out", flush=True)
"""


def test_body_that_never_ends_is_not_repeated_and_the_process_ends(tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(_STUCK)
    done = subprocess.run(
        [sys.executable, "stuck.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == ["began", "timed out"], done.stderr
    assert done.returncode == 0
    assert "left alone, and not repeated" in done.stderr
