"""A parent with many children."""

import asyncio

import flyte

worker = flyte.TaskEnvironment("worker", reusable=flyte.ReusePolicy(replicas=2, concurrency=20))
env = flyte.TaskEnvironment("many_children", depends_on=[worker])


@worker.task
async def one(x: int) -> int:
    return x


@env.task
async def all_of(n: int) -> int:
    return sum(await asyncio.gather(*(one(x) for x in range(n))))
