"""Sync and async tasks call each other: a sync body just calls, an async one awaits (`.aio` of a sync task)."""

import flyte

env = flyte.TaskEnvironment("sync_and_async")


@env.task
def double(x: int) -> int:
    return 2 * x


@env.task
async def increment(x: int) -> int:
    return x + 1


@env.task
async def from_async(x: int) -> int:
    return await double.aio(await increment(x))


@env.task
def main(x: int) -> int:
    return double(x) + double(x + 1)


if __name__ == "__main__":
    print(flyte.run(main, 1).outputs()[0], flyte.run(from_async, 1).outputs()[0])

# prints: 6 4
