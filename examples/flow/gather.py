"""Different tasks side by side: `asyncio.gather` starts them all and waits for all."""

import asyncio

import flyte

env = flyte.TaskEnvironment("gather")


@env.task
async def length(text: str) -> int:
    return len(text)


@env.task
async def upper(text: str) -> str:
    return text.upper()


@env.task
async def main(text: str) -> str:
    size, shout = await asyncio.gather(length(text), upper(text))
    return f"{shout} has {size} letters"


if __name__ == "__main__":
    print(flyte.run(main, "tea").outputs()[0])

# prints: TEA has 3 letters
