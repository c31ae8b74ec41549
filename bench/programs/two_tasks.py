"""An environment and two typed tasks, defined and not run."""

import flyte

env = flyte.TaskEnvironment(name="two-tasks")


@env.task
async def double(x: int) -> int:
    return 2 * x


@env.task
async def total(values: list[int]) -> int:
    return sum(values)


print("two tasks of", env.name)
