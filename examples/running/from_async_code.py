"""Runs from async code: `await flyte.run.aio(...)`, several at once."""

import asyncio

import flyte

env = flyte.TaskEnvironment("from_async_code")


@env.task
async def square(x: int) -> int:
    return x * x


async def main() -> list[int]:
    runs = await asyncio.gather(*(flyte.run.aio(square, x) for x in range(3)))
    return [run.outputs()[0] for run in runs]


if __name__ == "__main__":
    print(asyncio.run(main()))

# prints: [0, 1, 4]
