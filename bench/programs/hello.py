"""One task that says hello: the shortest local run."""

import flyte

env = flyte.TaskEnvironment(name="hello")


@env.task
async def main(name: str = "bench") -> str:
    return f"hello {name}"
