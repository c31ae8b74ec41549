"""Tasks of reusable environments."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import flyte

COUNT = {"calls": 0}

one = flyte.TaskEnvironment("one", reusable=flyte.ReusePolicy(replicas=2, concurrency=1))
many = flyte.TaskEnvironment("many", reusable=flyte.ReusePolicy(replicas=1, concurrency=10))
driver = flyte.TaskEnvironment("driver", depends_on=[one, many])


@one.task
def counts(x: int) -> dict[str, str]:
    COUNT["calls"] += 1
    print(f"printed by {x}", flush=True)
    subprocess.run([sys.executable, "-c", f"print('printed below {x}')"], check=True)
    return {"pid": str(os.getpid()), "calls": str(COUNT["calls"]), "action": os.environ["ACTION_NAME"]}


@many.task
async def meets(x: int, place: str) -> dict[str, str]:
    """Return when all three are there: they run at once."""
    print(f"printed by {x}")
    Path(place, str(x)).touch()
    async with asyncio.timeout(120):
        while len(list(Path(place).iterdir())) < 3:
            await asyncio.sleep(0.01)
    return {"pid": str(os.getpid()), "action": flyte.ctx().action.name}


@one.task
def dies(path: str) -> int:
    """End the worker at the first attempt."""
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), 9)
    return os.getpid()


@one.task
def sleeps(path: str) -> int:
    try:
        Path(path).touch()
        for _ in range(6000):
            time.sleep(0.01)
    finally:
        Path(f"{path}.cleaned").touch()
    return 0


@one.task
def fails(x: int) -> int:
    raise ValueError(f"{x} is no good")


@driver.task
async def one_by_one(n: int) -> list[dict[str, str]]:
    return [await counts.aio(i) for i in range(n)]


@driver.task
async def at_once(place: str) -> list[dict[str, str]]:
    return list(await asyncio.gather(*(meets(i, place) for i in range(3))))


@driver.task
async def broken() -> str:
    try:
        await fails.aio(7)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
