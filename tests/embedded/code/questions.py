"""A task that asks."""

import flyte

env = flyte.TaskEnvironment("questions")


@env.task
def confirm() -> bool:
    print("asking", flush=True)
    return flyte.new_condition("go", prompt="Go on?").wait()
