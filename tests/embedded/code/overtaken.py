"""A parent that gives up a child while the request that makes it is on its way."""

import asyncio
import contextlib
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("overtaken")


@env.task
async def lasting(place: str) -> None:
    await asyncio.sleep(600)


@env.task
async def gives_up(place: str) -> str:
    child = asyncio.ensure_future(lasting(place))
    await _there(Path(place) / "held")
    child.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await child
    (Path(place) / "cancelled").touch()
    await _there(Path(place) / "go")
    return "done"


async def _there(path: Path) -> None:
    while not path.exists():
        await asyncio.sleep(0.02)
