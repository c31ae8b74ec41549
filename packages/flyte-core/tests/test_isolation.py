"""Bodies in processes of their own: what works as in this process, and what is killed."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte import durable
from flyte.errors import RuntimeUserError, TaskTimeoutError
from flyte.running.conditions import paused_conditions, signal_condition
from flyte.running.options import RunOptions
from flyte.running.outputs import LocalRun
from flyte.running.start import Runner
from flyte_engine.memory import MemoryStore
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore

env = flyte.TaskEnvironment("isolation", env_vars={"LEVEL": "3"})


@pytest.fixture(autouse=True)
def no_processes_left() -> Iterator[None]:
    """Every test ends without a process of its own."""
    yield
    assert [child for child in multiprocessing.active_children() if child.name == "flyte-isolated"] == []


def attempt(task: Any, *args: Any, store: ActionStore | None = None, limit: int | None = None) -> LocalRun:
    options = RunOptions(name="r1", store=store or MemoryStore(), isolation="process", max_action_concurrency=limit)
    return asyncio.run(Runner(options).attempt(task, args, {}))


@env.task
def process_of(x: int) -> list[int]:
    return [x, os.getpid()]


@env.task
async def where(n: int) -> list[list[int]]:
    with flyte.group("numbers"), flyte.custom_context(key="value"):
        children = await asyncio.gather(*(process_of.aio(i) for i in range(n)))
    mapped = [each async for each in flyte.map.aio(process_of, [n])]
    return [[-1, os.getpid()], *children, *mapped]


@env.task
def sync_parent() -> list[str]:
    first = process_of(1)
    assert flyte.ctx().action.name == "a0"
    return [str(first[0]), os.environ["LEVEL"], os.environ.get("OTHER", "none")]


def test_bodies_run_in_other_processes_and_call_children() -> None:
    store = MemoryStore()
    run = attempt(where, 2, store=store)
    assert run.error is None, run.error
    results = run.outputs()[0]
    assert [each[0] for each in results] == [-1, 0, 1, 2]
    processes = {each[1] for each in results}
    assert os.getpid() not in processes
    actions = store.actions("r1", "a0")
    assert [action.group for action in actions] == ["numbers", "numbers", f"{process_of.name}_map"]
    # The same names as in this process.
    here = MemoryStore()
    asyncio.run(Runner(RunOptions(name="r1", store=here)).attempt(where, (2,), {}))
    assert {action.name for action in here.actions("r1")} == {action.name for action in store.actions("r1")}


def test_sync_bodies_and_variables() -> None:
    run = attempt(sync_parent)
    assert run.error is None, run.error
    assert run.outputs()[0] == ["1", "3", "none"]


class OwnError(Exception):
    """An exception that pickling cannot make again."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__(f"{left} and {right}")


@env.task
async def raises(kind: str) -> int:
    raise OwnError(1, 2) if kind == "own" else ValueError(kind)


@env.task
async def catches() -> str:
    try:
        await raises("plain")
    except RuntimeUserError as error:
        return f"{error.code}: {error}"
    return "nothing"


def test_failures_come_back() -> None:
    run = attempt(raises, "plain")
    assert isinstance(run.error, RuntimeUserError)
    assert run.error.code == "ValueError"
    assert isinstance(run.error.__cause__, ValueError)
    assert "in raises" in "".join(run.error.__cause__.__notes__)
    own = attempt(raises, "own").error
    assert isinstance(own, RuntimeUserError)
    assert (own.code, str(own)) == ("OwnError", "1 and 2")
    assert attempt(catches).outputs()[0] == "ValueError: plain"


@env.task(timeout=timedelta(seconds=5), retries=5)
def sleeps_in_native_code(folder: str) -> int:
    # Not by the number of the attempt: on a busy machine the limit may pass before the process has begun.
    mark = Path(folder) / "process"
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        time.sleep(600)
    try:
        os.kill(int(mark.read_text()), 0)
    except ProcessLookupError:
        return 1
    raise AssertionError("the first attempt still runs")


@env.task(timeout=timedelta(seconds=6))
def cleans_up(folder: str) -> int:
    try:
        (Path(folder) / "began").touch()
        while True:
            time.sleep(0.01)
    finally:
        (Path(folder) / "cleaned").touch()


def test_body_that_cannot_be_interrupted_is_killed_and_tried_again(tmp_path: Path) -> None:
    run = attempt(sleeps_in_native_code, str(tmp_path))
    assert run.error is None, run.error
    assert run.outputs()[0] == 1


def test_clean_up_code_runs(tmp_path: Path) -> None:
    assert isinstance(attempt(cleans_up, str(tmp_path)).error, TaskTimeoutError)
    # On a busy machine the limit may pass before the process has begun.
    assert (tmp_path / "cleaned").exists() == (tmp_path / "began").exists()


@env.task
def crashes(folder: str) -> str:
    mark = Path(folder) / "crashed"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def test_process_that_dies_is_the_systems_failure(tmp_path: Path) -> None:
    store = MemoryStore()
    run = attempt(crashes, str(tmp_path), store=store)
    assert run.error is None, run.error
    first, second = store.attempts("r1", "a0")
    assert first.error is not None
    assert "ended by signal 9" in first.error.message
    assert second.error is None


@flyte.trace
async def noted(folder: str) -> int:
    with (Path(folder) / "notes").open("a") as file:
        file.write("x")
    return 5


@env.task(retries=1)
async def traced(folder: str) -> list[float]:
    print("printed", flush=True)
    found = [await noted(folder), await durable.time.aio()]
    checkpoint = flyte.ctx().checkpoint
    if flyte.ctx().attempt_number == 0:
        await checkpoint.save(str(found[1]).encode())
        raise ValueError("again")
    loaded = await checkpoint.load()
    assert float(loaded.read_text()) == found[1]
    return found


def test_traces_checkpoints_and_logs(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.db")
    run = attempt(traced, str(tmp_path), store=store)
    assert run.error is None, run.error
    assert run.outputs()[0][0] == 5
    assert (tmp_path / "notes").read_text() == "x"
    assert [(log.attempt, log.text) for _, log in store.logs("r1", "a0")] == [(1, "printed"), (2, "printed")]
    store.close()


@env.task
async def asks() -> int:
    return await (await flyte.new_condition.aio("count", data_type=int)).wait.aio()


def test_conditions() -> None:
    store = MemoryStore()

    async def answer() -> None:
        while not paused_conditions(store, "r1"):
            await asyncio.sleep(0.01)
        await signal_condition(store, "r1", "count", 4)

    async def both() -> LocalRun:
        runner = Runner(RunOptions(name="r1", store=store, isolation="process"))
        answering = asyncio.ensure_future(answer())
        run = await runner.attempt(asks, (), {})
        answering.cancel()
        return run

    run = asyncio.run(both())
    assert run.error is None, run.error
    assert run.outputs()[0] == 4


def test_task_that_no_module_has_is_pickled() -> None:
    factor = 3

    @env.task
    def local(x: int) -> int:
        return x * factor

    assert attempt(local, 2).outputs()[0] == 6


def test_only_two_ways() -> None:
    with pytest.raises(ValueError, match="`thread` or `process`"):
        flyte.with_runcontext(isolation="container")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
