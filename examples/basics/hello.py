"""The smallest program: an environment, a task, a run."""

import flyte

env = flyte.TaskEnvironment("hello")


@env.task
def hello(name: str = "world") -> str:
    return f"hello {name}"


if __name__ == "__main__":
    print(flyte.run(hello, "Ada").outputs()[0])

# prints: hello Ada
