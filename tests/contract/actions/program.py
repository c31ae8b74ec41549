"""All of which an action makes children: tasks, traced calls, durable time, groups, conditions. For ours and for 2.12.1."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import flyte
import flyte.durable

env = flyte.TaskEnvironment("wire")


@env.task
async def double(n: int) -> int:
    return 2 * n


@env.task(cache=flyte.Cache("override", version_override="7", ignored_inputs=("label",), serialize=True))
async def cached(n: int, label: str) -> int:
    return n


@env.task(short_name="quiet", queue="default")
async def nothing() -> None:
    return None


@env.task
async def fails(n: int) -> tuple[int, str]:
    raise ValueError(f"{n} is no good")


@env.task
def half(n: int) -> int:
    return n // 2


@env.task
def threaded(n: int) -> list[int]:
    return [half(n), half(n), steady(n), *flyte.map(half, [n, n + 1])]


@flyte.trace
def steady(n: int) -> int:
    return n + 1


@flyte.trace
async def ask(question: str, times: int = 2, *, mood: str | None = None) -> str:
    return question * times


@flyte.trace
async def silent() -> None:
    return None


@flyte.trace
async def pair(n: int) -> tuple[int, str]:
    return n, str(n)


@flyte.trace
async def broken(n: int) -> int:
    raise KeyError(f"no {n}")


@flyte.trace
async def letters(text: str) -> AsyncIterator[str]:
    for letter in text:
        yield letter


@flyte.trace
def digits(n: int) -> Iterator[int]:
    yield from range(n)


@flyte.trace
async def untyped(first, *, second=1):
    return {"first": first, "second": second}


async def caught(call) -> str:
    try:
        await call
    except Exception as error:
        return type(error).__name__
    return ""


@env.task
async def tasks() -> int:
    await asyncio.gather(double(1), double(2))
    await double(2)
    with flyte.group("some"):
        await double(2)
        with flyte.group("inner"):
            await double(2)
    await cached(1, "a")
    await cached(1, "b")
    await nothing()
    await double.override(short_name="twice", retries=2)(n=5)
    await caught(fails(3))
    await threaded.aio(4)
    async for _ in flyte.map.aio(double, [7, 8], group_name="mapped"):
        pass
    return 1


@env.task
async def calls() -> int:
    await ask("why")
    await ask("why")
    await ask("how", 1, mood="glad")
    with flyte.group("some"):
        await ask("why")
    await silent()
    await pair(1)
    await caught(broken(2))
    _ = [letter async for letter in letters("ab")]
    _ = list(digits(2))
    await untyped("a")
    steady(3)
    await flyte.durable.time.aio()
    await flyte.durable.now.aio()
    await flyte.durable.sleep.aio(0.01)
    return 1


@env.task
async def asking() -> list[str]:
    conditions = [
        await flyte.new_condition.aio("sure", prompt="Go on?", description="all of it"),
        await flyte.new_condition.aio("many", prompt="*How* many?", prompt_type="markdown", data_type=int, timeout=60),
        await flyte.new_condition.aio("much", data_type=float, timeout=60.5),
    ]
    with flyte.group("some"):
        conditions.append(await flyte.new_condition.aio("what", data_type=str))
    return [str(await each.wait.aio()) for each in conditions]


@env.task(retries=1)
async def again() -> int:
    await double(1)
    await ask("why")
    await caught(broken(2))
    await caught(fails(3))
    await flyte.durable.sleep.aio(0.01)
    if os.environ["FLYTE_ATTEMPT_NUMBER"] == "0":
        raise RuntimeError("the first attempt fails")
    return await double(6)
