"""A program with one of each that a tracked run tells of."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path

import flyte
import flyte.errors
import flyte.report

env = flyte.TaskEnvironment("reported")


@flyte.trace
async def add_one(x: int) -> int:
    return x + 1


@env.task
async def child(x: int) -> int:
    return await add_one(x)


@env.task(retries=flyte.RetryStrategy(count=1, backoff=flyte.Backoff(base=timedelta(milliseconds=10))))
async def fails(x: int) -> int:
    raise ValueError(f"no {x}")


@env.task(cache=flyte.Cache("override", version_override="1"))
async def cached(x: int) -> int:
    return x


@env.task(report=True)
async def parent(n: int) -> list[int]:
    await flyte.report.log.aio("<b>all is well</b>")
    await flyte.report.flush.aio()
    with flyte.group("children"):
        made = list(await asyncio.gather(*(child(x) for x in range(n))))
    await cached(n)
    with contextlib.suppress(flyte.errors.RuntimeUserError):
        await fails(1)
    return made


@env.task(report=True)
async def without_inputs() -> int:
    await flyte.report.log.aio("nothing came in")
    return await child(0)


@env.task(report=True)
async def reports_twice() -> None:
    await flyte.report.log.aio("once")
    await flyte.report.flush.aio()
    # Long enough for the first page to be on its way.
    await asyncio.sleep(0.5)
    await flyte.report.log.aio("and again")


@env.task
async def waits(folder: str) -> str:
    """Wait until somebody makes the file `go`; `cleaned` tells that the task was told to end."""
    Path(folder, "began").touch()
    try:
        while not Path(folder, "go").exists():
            await asyncio.sleep(0.02)
        return "gone"
    finally:
        Path(folder, "cleaned").touch()


@env.task
async def waits_below(folder: str) -> str:
    return await waits(folder)


@flyte.trace
async def large(x: int) -> str:
    return "x" * 100_000


@env.task
async def traces_after(folder: str, n: int) -> int:
    await waits(folder)
    found = sum([len(await large(x)) for x in range(n)])
    Path(folder, "made").touch()
    while not Path(folder, "end").exists():
        await asyncio.sleep(0.02)
    return found


class Metrics:
    name = "Metrics"
    icon_uri = "https://metrics.example/icon.svg"

    def get_link(self, run_name, project, domain, context, parent_action_name, action_name, pod_name, **kwargs):
        words = [run_name, project, domain, context["experiment"], parent_action_name, action_name]
        return f"https://metrics.example/{'/'.join(words)}{pod_name}"


class Broken(Metrics):
    name = "Broken"

    def get_link(self, **kwargs):
        raise KeyError("no experiment is named")


@env.task(links=[Metrics(), Broken()])
async def linked(x: int) -> int:
    return x


@env.task(links=[Metrics()], retries=flyte.RetryStrategy(count=1, backoff=flyte.Backoff(base=timedelta(seconds=0.2))))
async def linked_twice() -> int:
    await linked(1)
    raise ValueError("once more")
