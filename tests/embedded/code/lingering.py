"""A task that takes its time."""

import asyncio

import flyte

env = flyte.TaskEnvironment("lingering")


@env.task
async def linger(seconds: float) -> None:
    await asyncio.sleep(seconds)
