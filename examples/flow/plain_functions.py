"""A task outside of a run is a plain function (`forward`), which makes it easy to test."""

import flyte

env = flyte.TaskEnvironment("plain_functions")


@env.task
def add(a: int, b: int = 1) -> int:
    return a + b


if __name__ == "__main__":
    print(add.forward(1), add(2), add.name, add.interface.outputs)

# prints: 2 3 plain_functions.add {'o0': <class 'int'>}
