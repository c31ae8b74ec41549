"""Traced calls and durable time: recorded in the first attempt, found again by the next."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

import flyte
from flyte import durable
from flyte.errors import NonRecoverableError, RuntimeUserError, TraceDoesNotAllowNestedTasksError
from flyte.running.options import RunOptions
from flyte.running.outputs import LocalRun
from flyte.running.start import Runner
from flyte_engine.memory import MemoryStore

env = flyte.TaskEnvironment("tracing")
calls: list[Any] = []


@pytest.fixture(autouse=True)
def no_calls() -> Iterator[None]:
    calls.clear()
    yield
    calls.clear()


def attempt(task: Any, *args: Any) -> tuple[LocalRun, MemoryStore]:
    store = MemoryStore()
    run = asyncio.run(Runner(RunOptions(name="r1", store=store)).attempt(task, args, {}))
    return run, store


def fail_first() -> None:
    if flyte.ctx().attempt_number == 0:
        raise ValueError("the first attempt fails")


@flyte.trace
async def ask(question: str, times: int = 1) -> str:
    calls.append(question)
    context = flyte.ctx()
    assert context.task_action is not None
    assert context.action != context.task_action
    return question * times


@flyte.trace
def count(x: int) -> int:
    calls.append(x)
    return x + 1


@flyte.trace
def items(n: int) -> Iterator[int]:
    for i in range(n):
        calls.append(i)
        yield i


@flyte.trace
async def items_async(n: int) -> AsyncIterator[int]:
    for i in range(n):
        calls.append(i)
        yield i


@flyte.trace
def untyped(x, *rest, **named):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]  # noqa: ANN001, ANN002, ANN003, ANN201
    calls.append(x)  # pyright: ignore[reportUnknownArgumentType]
    return {"x": x, "rest": rest, "named": named}  # pyright: ignore[reportUnknownVariableType]


@env.task(retries=1)
async def async_body() -> list[Any]:
    answers = list(await asyncio.gather(ask("a"), ask("b"), ask("a"), ask("a", times=2)))
    numbers = [i async for i in items_async(2)]
    made = [*answers, count(1), numbers, list(items(2)), untyped(1, 2, a=3)]
    assert flyte.ctx().action == flyte.ctx().task_action
    fail_first()
    return [str(each) for each in made]


@env.task(retries=1)
def sync_body() -> list[str]:
    made = [count(1), count(1), list(items(2)), untyped(1, 2, a=3)]
    fail_first()
    return [str(each) for each in made]


@pytest.mark.parametrize(
    ("task", "expected", "made"),
    [
        (
            async_body,
            ["a", "b", "a", "aa", "2", "[0, 1]", "[0, 1]", "{'x': 1, 'rest': (2,), 'named': {'a': 3}}"],
            ["a", "b", "a", "a", 0, 1, 1, 0, 1, 1],
        ),
        (sync_body, ["2", "2", "[0, 1]", "{'x': 1, 'rest': (2,), 'named': {'a': 3}}"], [1, 1, 0, 1, 1]),
    ],
)
def test_second_attempt_makes_no_call_again(task: Any, expected: list[str], made: list[Any]) -> None:
    run, store = attempt(task)
    assert run.error is None, run.error
    assert run.outputs()[0] == expected
    assert calls == made
    names = [trace.name.partition(".")[0] for trace in store.traces("r1", "a0")]
    assert len(names) == len({trace.name for trace in store.traces("r1", "a0")})
    assert {"count", "items", "untyped"} <= set(names)


def test_outside_a_task_it_is_a_plain_call() -> None:
    assert count(1) == 2
    assert list(items(2)) == [0, 1]
    assert count.__name__ == "count"
    with pytest.raises(TypeError, match="decorates a function"):
        flyte.trace(3)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


@flyte.trace
async def breaks(kind: str) -> str:
    calls.append(kind)
    raise NonRecoverableError("for good", "Broken") if kind == "final" else ValueError("this time")


@env.task(retries=1)
async def catching() -> list[str]:
    caught: list[str] = []
    for kind in ("final", "again"):
        try:
            await breaks(kind)
        except (NonRecoverableError, ValueError) as error:
            caught.append(f"{type(error).__name__}: {error}")
    fail_first()
    return caught


def test_final_errors_are_raised_again_and_others_called_again() -> None:
    run, store = attempt(catching)
    assert [text.rpartition(" ")[0] for text in run.outputs()[0]] == ["NonRecoverableError: for", "ValueError: this"]
    assert calls == ["final", "again", "again"]
    assert [trace.error is not None for trace in store.traces("r1", "a0")] == [True, True]


@env.task
async def child() -> int:
    return 1


@flyte.trace
async def calls_a_task() -> int:
    return await child()


@env.task
async def nested() -> int:
    return await calls_a_task()


def test_tasks_cannot_be_called_in_a_trace() -> None:
    with pytest.raises(TraceDoesNotAllowNestedTasksError, match="traced function"):
        flyte.run(nested)


@flyte.trace
async def outer(x: int) -> int:
    calls.append("outer")
    return await inner(x) + await inner(x)


@flyte.trace
async def inner(x: int) -> int:
    calls.append("inner")
    return x


@env.task(retries=1)
async def nested_traces() -> int:
    result = await outer(2)
    fail_first()
    return result


def test_traces_nest() -> None:
    run, _ = attempt(nested_traces)
    assert run.outputs()[0] == 4
    assert calls == ["outer", "inner", "inner"]


@env.task(retries=1)
async def stops_early() -> list[int]:
    found: list[int] = []
    async for i in items_async(5):
        found.append(i)
        if i == 1:
            break
    fail_first()
    return found


def test_generator_that_is_left_early_is_not_recorded() -> None:
    run, store = attempt(stops_early)
    assert run.outputs()[0] == [0, 1]
    assert calls == [0, 1, 0, 1]
    assert store.traces("r1", "a0") == []


def test_children_and_parents_have_traces_of_their_own() -> None:
    @env.task
    async def leaf(x: int) -> str:
        return await ask(str(x))

    @env.task
    async def root() -> list[str]:
        first = await leaf(1)
        return [first, await ask("root"), *await asyncio.gather(leaf(1), leaf(2))]

    run, store = attempt(root)
    assert run.outputs()[0] == ["1", "root", "1", "2"]
    assert len(store.traces("r1", "a0")) == 1
    assert [len(store.traces("r1", action.name)) for action in store.actions("r1", "a0")] == [1, 1, 1]


# --- durable time


@env.task(retries=flyte.RetryStrategy(count=1, backoff=flyte.Backoff(base=timedelta(seconds=0.01))))
async def durable_times() -> list[float]:
    first, second = await durable.time.aio(), (await durable.now.aio()).timestamp()
    calls.append((first, second))
    fail_first()
    return [first, second]


def test_time_is_recorded_once() -> None:
    run, _ = attempt(durable_times)
    assert calls[0] == calls[1]
    assert run.outputs()[0] == list(calls[0])


@env.task(retries=1)
def sleeps() -> str:
    durable.sleep(0.2)
    calls.append(durable.time())
    fail_first()
    return "done"


def test_sleep_goes_on_where_it_was() -> None:
    run, _ = attempt(sleeps)
    assert run.outputs()[0] == "done"
    # The second attempt has nothing left to sleep, and sees the first one's time.
    assert calls[0] == calls[1]
    assert run.error is None


def test_durable_outside_a_task() -> None:
    assert durable.now().tzinfo is None
    assert durable.time() > 0
    durable.sleep(0)
    with pytest.raises(ValueError, match="from 0 on"):
        durable.sleep(-1)


def test_failure_in_a_trace_reaches_the_caller() -> None:
    @env.task
    async def failing() -> str:
        return await breaks("again")

    with pytest.raises(RuntimeUserError, match="this time"):
        flyte.run(failing)
