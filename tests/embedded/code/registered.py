"""Tasks that are registered, and run by others."""

import os
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("registered")


@env.task(triggers=flyte.Trigger("by_hand", flyte.Cron("0 3 * * *"), inputs={"a": 5}, auto_activate=False))
async def add(a: int, b: int = 10) -> int:
    """Add two numbers."""
    return a + b + int(os.environ.get("MORE", "0"))


@env.task(retries=0)
async def steps(notes: str, fails: bool = True) -> int:
    first = await step(notes, 1)
    if fails:
        raise ValueError("not this time")
    return first + await step(notes, 2)


@env.task
async def step(notes: str, number: int) -> int:
    with Path(notes).open("a") as file:
        file.write(f"{number}\n")
    return number
