"""Enums and literal texts: the choices are part of the task's interface."""

from enum import Enum
from typing import Literal

import flyte

env = flyte.TaskEnvironment("enums_and_choices")


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@env.task
def order(size: Size, drink: Literal["tea", "coffee"]) -> str:
    return f"{size.name.lower()} {drink}"


if __name__ == "__main__":
    print(flyte.run(order, Size.LARGE, "tea").outputs()[0])

# prints: large tea
