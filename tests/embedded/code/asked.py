"""Tasks that triggers are made of."""

from datetime import datetime

import flyte

env = flyte.TaskEnvironment("asked")


@env.task
def count(n: int, when: datetime, name: str = "x") -> int:
    return n


@env.task
def simple(n: int = 3, name: str = "y") -> int:
    return n
