"""A program that is run in debug mode."""

import flyte

env = flyte.TaskEnvironment(name="debugged")
reused = flyte.TaskEnvironment(name="debugged_reused", reusable=flyte.ReusePolicy(replicas=2, idle_ttl=60))


@env.task
async def double(number: int) -> int:
    return number * 2


@env.task
async def total(count: int) -> int:
    print("TOTAL", flush=True)
    return sum([await double(number) for number in range(count)])


@env.task(cache=flyte.Cache("override", version_override="1"))
async def once(count: int) -> int:
    return count


@reused.task
async def kept(count: int) -> int:
    return count
