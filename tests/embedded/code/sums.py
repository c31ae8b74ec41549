"""A program with children, for runs on a devbox."""

from pathlib import Path

import flyte

env = flyte.TaskEnvironment("sums")


@env.task
async def square(x: int) -> int:
    return x * x


@env.task
async def total(n: int) -> int:
    print("summing")
    return sum([await square(x) for x in range(n)])


@env.task
async def broken(n: int) -> int:
    raise ValueError(f"{n} is no good")


@env.task
def fails_at_first(path: str) -> int:
    if not Path(path).exists():
        Path(path).touch()
        raise ValueError("not yet")
    return 1


@env.task(retries=1)
async def tries_again(path: str) -> int:
    return await fails_at_first.aio(path)
