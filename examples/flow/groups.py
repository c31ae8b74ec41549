"""Groups put children together under a name, in the page of the run and in the names of the actions."""

import asyncio

import flyte

env = flyte.TaskEnvironment("groups")


@env.task
async def work(x: int) -> str:
    return flyte.ctx().action.name


@env.task
async def main() -> int:
    with flyte.group("morning"):
        first = await asyncio.gather(work(1), work(2))
    with flyte.group("evening"):
        second = await asyncio.gather(work(1), work(2))
    return len({*first, *second})


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: 4
