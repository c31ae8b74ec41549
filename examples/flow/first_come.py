"""`asyncio.as_completed`: take results as they come, and leave the rest."""

import asyncio

import flyte

env = flyte.TaskEnvironment("first_come")


@env.task
async def ask(name: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return name


@env.task
async def main() -> str:
    asked = [asyncio.create_task(ask("slow", 30.0)), asyncio.create_task(ask("fast", 0.0))]
    for first in asyncio.as_completed(asked):
        winner = await first
        break
    for each in asked:
        each.cancel()
    return winner


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: fast
