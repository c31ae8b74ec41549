"""Async functions with a synchronous face, as all of the SDK has."""

import asyncio

from flyte.syncify import syncify


@syncify
async def double(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


@syncify
async def count(n: int):
    for number in range(n):
        yield number


if __name__ == "__main__":
    print(double(2), list(count(3)), asyncio.run(double.aio(4)))

# prints: 4 [0, 1, 2] 8
