"""A program with children, for runs on a devbox."""

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
