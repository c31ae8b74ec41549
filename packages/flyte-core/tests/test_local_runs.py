"""Runs in this process: children, threads, map, retries, failures, cancellation, recording."""

import asyncio
import copy
import json
import threading
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte.errors import (
    InitializationError,
    NonRecoverableError,
    RuntimeUserError,
    SyncTaskCallInAsyncContextError,
    TaskTimeoutError,
)
from flyte.failures import path_of
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte_engine.sqlite import SQLiteStore
from flyte_models.phases import ActionPhase
from flyte_types.errors import InlineLimitError

env = flyte.TaskEnvironment("local_runs")


@dataclass
class Point:
    x: int
    y: list[int]


@env.task
def square(x: int) -> int:
    return x * x


@env.task
async def square_async(x: int) -> int:
    await asyncio.sleep(0)
    return x * x


@env.task
def sync_parent(n: int) -> int:
    return square(n) + sum(flyte.map(square, range(n), return_exceptions=False))


@env.task
async def async_parent(n: int) -> list[int]:
    first = await square_async(n)
    second = await square.aio(n)
    rest = await asyncio.gather(*(square_async(i) for i in range(n)))
    mapped = [r async for r in flyte.map.aio(square, range(n))]
    return [first, second, *rest, *mapped]


def test_sync_and_async_tasks_call_each_other() -> None:
    assert flyte.run(sync_parent, 3).outputs()[0] == 14
    assert flyte.run(async_parent, n=3).outputs()[0] == [9, 9, 0, 1, 4, 0, 1, 4]


def test_run_has_an_async_face() -> None:
    async def main() -> int:
        run = await flyte.run.aio(square, 4)
        return (await run.outputs.aio())[0]

    assert asyncio.run(main()) == 16


def test_a_finished_run_tells_about_itself() -> None:
    run = flyte.with_runcontext(mode="local", name="named").run(square, 4)
    assert (run.name, run.phase, run.done(), dict(run.inputs())) == ("named", ActionPhase.SUCCEEDED, True, {"x": 4})
    assert repr(run.outputs()) == "ActionOutputs(o0=16)"
    assert run.outputs().named_outputs == {"o0": 16}


def test_a_local_run_has_what_every_run_has() -> None:
    run: Any = flyte.with_runcontext(mode="local", name="faced", labels={"team": "tea"}).run(square, 4)
    assert run.sync() is run
    action = run.action
    assert (action.name, action.run_name, action.task_name) == ("a0", "faced", square.name)
    assert (action.phase, action.done()) == (ActionPhase.SUCCEEDED, True)
    told = json.loads(run.to_json())
    assert (told["labels"], told["action"]["status"]["phase"]) == ({"team": "tea"}, "ACTION_PHASE_SUCCEEDED")
    assert run.to_dict() == told
    assert run.pb2.action.status.end_time.ToNanoseconds() >= run.pb2.action.status.start_time.ToNanoseconds() > 0
    assert not hasattr(run, "nonsense")
    with pytest.raises(AttributeError, match="`LocalRun` has no attribute `nonsense`"):
        _ = run.nonsense


def test_a_local_run_can_be_copied() -> None:
    run = flyte.with_runcontext(mode="local").run(square, 4)
    assert copy.copy(run).outputs()[0] == 16


@env.task
def mutate(point: Point) -> Point:
    point.y.append(99)
    return point


@env.task
def keeps_its_own(point: Point) -> list[Point]:
    changed = mutate(point)
    return [point, changed]


def test_a_child_never_shares_an_object_with_its_parent() -> None:
    point = Point(1, [2])
    mine, changed = flyte.run(keeps_its_own, point).outputs()[0]
    assert (point, mine, changed) == (Point(1, [2]), Point(1, [2]), Point(1, [2, 99]))


@env.task
def two() -> tuple[int, str]:
    return 1, "b"


@env.task
def none() -> None:
    return None


def test_several_outputs_and_none() -> None:
    assert flyte.run(two).outputs().named_outputs == {"o0": 1, "o1": "b"}
    assert flyte.run(none).outputs()[0] is None
    assert flyte.run(two).outputs().o1 == "b"
    with pytest.raises(AttributeError, match="there is no output `o2`, but `o0`, `o1`"):
        _ = flyte.run(two).outputs().o2


@env.task
def where() -> str:
    return threading.current_thread().name


def test_sync_bodies_run_on_threads_of_their_own() -> None:
    assert flyte.run(where).outputs()[0].startswith("flyte-body-")


@env.task
async def context_of(x: int) -> list[str]:
    context = flyte.ctx()
    return [context.action.name, context.action.run_name or "", str(context.attempt_number), context.mode]


@env.task
async def contexts() -> list[list[str]]:
    return [(await context_of(0)), (await context_of(0)), (await context_of(1))]


def test_children_have_names_that_a_second_run_repeats() -> None:
    first = flyte.with_runcontext(name="one").run(contexts).outputs()[0]
    second = flyte.with_runcontext(name="two").run(contexts).outputs()[0]
    assert [c[0] for c in first] == [c[0] for c in second]
    assert len({c[0] for c in first}) == 3
    assert [c[1:] for c in first] == [["one", "0", "local"]] * 3


started = threading.Barrier(4, timeout=120)


@env.task
def meet(i: int) -> int:
    return started.wait() * 0 + i


@env.task
def map_meets() -> list[int]:
    return list(flyte.map(meet, range(4), return_exceptions=False))


def test_mapped_children_run_at_the_same_time() -> None:
    assert flyte.run(map_meets).outputs()[0] == [0, 1, 2, 3]


running = 0
most = 0


@env.task
async def counted(i: int) -> int:
    global running, most
    running += 1
    most = max(most, running)
    async with asyncio.timeout(120):
        # The first one is there until another one is, so that they overlap however slow the machine is.
        while most < 2:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    running -= 1
    return i


@env.task
async def limited() -> list[int]:
    return [r async for r in flyte.map.aio(counted, range(9), concurrency=2)]


def test_map_keeps_to_its_concurrency_and_to_the_order() -> None:
    global most
    most = 0
    assert flyte.run(limited).outputs()[0] == list(range(9))
    assert most == 2


@env.task
def fails_on_three(i: int) -> int:
    if i == 3:
        raise ValueError("three")
    return i


@env.task
def mapped_with_exceptions() -> list[str]:
    return [
        str(r) if not isinstance(r, Exception) else f"{type(r).__name__}:{r}"
        for r in flyte.map(fails_on_three, range(5))
    ]


@env.task
def mapped_without() -> list[int]:
    return list(flyte.map(fails_on_three, range(5), return_exceptions=False))


def test_map_yields_the_errors_of_failed_children_by_default() -> None:
    assert flyte.run(mapped_with_exceptions).outputs()[0] == ["0", "1", "2", "RuntimeUserError:three", "4"]


def test_the_caller_gets_a_flyte_error_with_the_cause_and_the_path() -> None:
    with pytest.raises(RuntimeUserError, match="three") as caught:
        flyte.run(mapped_without)
    assert caught.value.code == "ValueError"
    assert isinstance(caught.value.__cause__, ValueError)
    assert [step.label for step in path_of(caught.value)] == ["mapped_without", "fails_on_three[3]"]


attempts: list[int] = []


@env.task(retries=2)
def succeeds_at_last() -> int:
    attempts.append(flyte.ctx().attempt_number)
    if len(attempts) < 3:
        raise ConnectionError("not yet")
    return len(attempts)


@env.task(retries=2)
def never_again() -> int:
    attempts.append(flyte.ctx().attempt_number)
    raise NonRecoverableError("final")


def test_retries() -> None:
    attempts.clear()
    assert flyte.run(succeeds_at_last).outputs()[0] == 3
    assert attempts == [0, 1, 2]


def test_an_error_that_says_so_is_not_retried() -> None:
    attempts.clear()
    with pytest.raises(NonRecoverableError, match="final"):
        flyte.run(never_again)
    assert attempts == [0]


@env.task
async def calls_sync_from_async() -> int:
    return square(3)


def test_a_sync_task_called_in_async_code_says_what_to_write() -> None:
    with pytest.raises(SyncTaskCallInAsyncContextError, match=r"await square\.aio\(\.\.\.\)"):
        flyte.run(calls_sync_from_async)


@env.task
def own_loop() -> int:
    async def inner() -> int:
        return sum(await asyncio.gather(square.aio(2), square_async(3)))

    return asyncio.run(inner())


def test_a_sync_body_may_run_a_loop_of_its_own() -> None:
    assert flyte.run(own_loop).outputs()[0] == 13


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "message"),
    [
        ((), {}, ValueError, "missing required input `x`"),
        ((1,), {"y": 2}, ValueError, "unknown input `y`"),
        (("a",), {}, TypeError, "input `x` of task `local_runs.square` must be int"),
        ((1, 2), {}, ValueError, "2 positional arguments"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_the_run(
    args: tuple, kwargs: dict, error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        flyte.run(square, *args, **kwargs)


async def coroutine(x: int) -> int:
    return x


@pytest.mark.parametrize("thing", [3, print, square.func])
def test_only_tasks_are_run(thing: object) -> None:
    with pytest.raises(TypeError, match=r"`flyte\.run` got"):
        flyte.run(thing)


def test_a_called_task_is_told_apart() -> None:
    with pytest.raises(TypeError, match=r"incorrect: flyte\.run\(square_async\(x\)\)"):
        flyte.run(square_async(3))


def test_remote_mode_needs_a_control_plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InitializationError, match="no control plane"):
        flyte.with_runcontext(mode="remote").run(square, 1)


def test_hybrid_mode_says_that_it_is_not_built() -> None:
    with pytest.raises(NotImplementedError, match="mode 'hybrid' is not built"):
        flyte.with_runcontext(mode="hybrid").run(square, 1)


def test_a_recorded_run_can_be_read_back(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.db")
    try:
        with pytest.raises(RuntimeUserError):
            Runner(RunOptions(name="recorded", store=store)).run(mapped_without)
        run = store.run("recorded")
        assert run is not None
        assert run.phase is ActionPhase.FAILED
        actions = store.actions("recorded")
        assert [a.name for a in actions][0] == "a0"
        assert sorted(a.phase.value for a in actions if a.parent_name == "a0").count("failed") == 1
        assert store.inputs("recorded", actions[1].name) is not None
    finally:
        store.close()


def test_init_records_when_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import flyte.initialization

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(flyte.initialization, "_settings", None)
    flyte.init(local_persistence=True, project="p", domain="d", root_dir=tmp_path)
    run = flyte.run(square, 5)
    assert run.url == f"file://{tmp_path}/.flyte/history.db"
    store = SQLiteStore(tmp_path / ".flyte/history.db")
    try:
        record = store.run(run.name)
        assert record is not None
        assert (record.project, record.domain) == ("p", "d")
    finally:
        store.close()


@env.task
async def waits() -> None:
    await asyncio.sleep(3600)


@env.task
async def fails_beside_a_sleeper() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(waits())
        group.create_task(fails_on_three.aio(3))


def test_a_failure_cancels_what_runs_beside_it(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.db")
    try:
        # Not after the sleeper's hour.
        with pytest.raises(RuntimeUserError):
            Runner(RunOptions(name="group", store=store)).run(fails_beside_a_sleeper)
        phases = {action.short_name: action.phase.value for action in store.actions("group")}
        assert phases == {"fails_beside_a_sleeper": "failed", "waits": "aborted", "fails_on_three": "failed"}
    finally:
        store.close()


children_run: list[int] = []


@env.task
def counted_child(x: int) -> int:
    children_run.append(x)
    return x * 10


@env.task(retries=1)
def parent_that_fails_once() -> int:
    done = counted_child(1)
    if flyte.ctx().attempt_number == 0:
        raise ConnectionError("once")
    return done + counted_child(2)


def test_a_retried_parent_gets_the_results_of_its_finished_children() -> None:
    children_run.clear()
    assert flyte.run(parent_that_fails_once).outputs()[0] == 30
    assert children_run == [1, 2]


@env.task(timeout=timedelta(seconds=0.1))
async def too_slow() -> int:
    await asyncio.sleep(60)
    return 1


@env.task(timeout=flyte.Timeout(max_runtime=timedelta(seconds=30)))
async def quick_enough(x: int) -> int:
    return await square_async(x)


@env.task
async def waits_for_too_slow() -> str:
    try:
        await too_slow()
    except RuntimeUserError as error:
        return error.code
    return "in time"


def test_a_body_that_takes_longer_than_its_limit_is_timed_out() -> None:
    run = asyncio.run(Runner(RunOptions()).attempt(too_slow, (), {}))
    assert run.phase is ActionPhase.TIMED_OUT
    with pytest.raises(TaskTimeoutError, match="ran longer than 0.1 s"):
        flyte.run(too_slow)


def test_a_parent_sees_that_its_child_was_timed_out() -> None:
    assert flyte.run(waits_for_too_slow).outputs()[0] == "MaxRuntimeExceededError"


def test_a_body_within_its_limit_calls_its_children() -> None:
    assert flyte.run(quick_enough, 4).outputs()[0] == 16


@env.task(max_inline_io_bytes=1000)
async def takes_little(text: str) -> str:
    return text * 2


def test_what_a_task_takes_and_returns_is_held_to_its_inline_limit() -> None:
    assert flyte.run(takes_little, "x" * 100).outputs()[0] == "x" * 200
    with pytest.raises(InlineLimitError, match="input `text` of task"):
        flyte.run(takes_little, "x" * 2000)
    with pytest.raises(RuntimeUserError, match="takes_little"):
        flyte.run(takes_little, "x" * 700)


def test_an_overridden_task_has_an_inline_limit_of_its_own() -> None:
    assert flyte.run(takes_little, "x" * 100).outputs()[0] == "x" * 200
    with pytest.raises(InlineLimitError, match="at most 50 bytes"):
        flyte.run(takes_little.override(max_inline_io_bytes=50), "x" * 100)
    assert flyte.run(takes_little.override(max_inline_io_bytes=10_000), "x" * 2000).outputs()[0] == "x" * 4000
