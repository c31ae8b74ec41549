"""A program whose every execution is written down, so that a test can tell what ran when, and what ran twice at once."""

import asyncio
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("story")
warm = flyte.TaskEnvironment("kept", reusable=flyte.ReusePolicy(replicas=2, concurrency=1))
top = flyte.TaskEnvironment("top", depends_on=[env, warm])


def note(place: str, what: str, name: str) -> None:
    line = json.dumps({"what": what, "action": name, "pid": os.getpid(), "at": time.clock_gettime(time.CLOCK_BOOTTIME)})
    with open(f"{place}/executions", "a") as file:
        file.write(f"{line}\n")


@contextmanager
def written_down(place: str) -> Iterator[None]:
    """Note begin and end, and whether another process is at the same action at the same time."""
    name = flyte.ctx().action.name
    run = flyte.ctx().action.run_name
    with open(f"{place}/{run}.{name}.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            note(place, "overlap", f"{run}/{name}")
        note(place, "begin", f"{run}/{name}")
        yield
        note(place, "end", f"{run}/{name}")


@env.task(retries=8)
def leaf(x: int, place: str) -> int:
    with written_down(place):
        time.sleep(0.02 * (x % 7))
    return x * x


@warm.task(retries=8)
def kept(x: int, place: str) -> int:
    with written_down(place):
        time.sleep(0.02 * (x % 5))
    return x + 1


@warm.task(retries=0)
def patient(place: str) -> int:
    """Wait for the test, which has two minutes."""
    with written_down(place):
        for _ in range(2400):
            if Path(place, "go").exists():
                break
            time.sleep(0.05)
    return 1


@env.task(retries=8)
async def branch(n: int, place: str) -> int:
    with written_down(place):
        leaves = asyncio.gather(*(leaf.aio(10 * n + i, place) for i in range(4)))
        others = asyncio.gather(*(kept.aio(10 * n + i, place) for i in range(2)))
        return sum(await leaves) + sum(await others)


@top.task(retries=8)
async def tree(n: int, place: str) -> int:
    with written_down(place):
        Path(place, "began").touch()
        return sum(await asyncio.gather(*(branch(i, place) for i in range(n))))


def expected(n: int) -> int:
    """What `tree` returns."""
    leaves = sum((10 * b + i) ** 2 for b in range(n) for i in range(4))
    return leaves + sum(10 * b + i + 1 for b in range(n) for i in range(2))
