"""Tasks with an image of their own, whose name the run brings along."""

import os
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("boxed", image=os.environ.get("BOXED_IMAGE", "auto"))


@env.task
async def place(number: int) -> str:
    return f"{number}: {Path('/etc/boxed').read_text().strip()}"


@env.task
async def places(count: int) -> list[str]:
    return [await place(number) for number in range(count)]
