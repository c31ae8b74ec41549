"""A task with several outputs: a tuple numbers them, a NamedTuple names them."""

from typing import NamedTuple

import flyte

env = flyte.TaskEnvironment("several_outputs")


class Split(NamedTuple):
    whole: int
    rest: int


@env.task
def divide(a: int, b: int) -> Split:
    return Split(a // b, a % b)


@env.task
def pair(a: int) -> tuple[int, str]:
    return a, str(a)


if __name__ == "__main__":
    run = flyte.run(divide, 7, 2)
    print(run.outputs().named_outputs, list(flyte.run(pair, 3).outputs()))

# prints: {'whole': 3, 'rest': 1} [3, '3']
