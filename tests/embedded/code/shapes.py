"""A program for runs from Python: values of classes, children, failures, something that lasts."""

import asyncio
import os
from dataclasses import dataclass

import flyte
from flyte.io import Dir, File

env = flyte.TaskEnvironment("shapes")


@dataclass
class Point:
    x: int
    y: float


@env.task
def square(x: int) -> int:
    print(f"squaring {x}", flush=True)
    return x * x


@env.task
def total(n: int = 4) -> int:
    print("adding up", flush=True)
    return sum(flyte.map(square, range(n), return_exceptions=False))


@env.task
async def moved(point: Point, by: float = 1.0) -> tuple[Point, str]:
    return Point(point.x, point.y + by), "moved"


@env.task
async def broken(n: int) -> int:
    return await failing(n)


@env.task
async def failing(n: int) -> int:
    raise ValueError(f"{n} is no good")


@env.task
async def lasting() -> int:
    print("it begins", flush=True)
    await asyncio.sleep(120)
    return 1


@env.task
async def left_behind(text: str) -> tuple[File, Dir]:
    os.mkdir("folder")
    for path in ("file.txt", "folder/inner.txt"):
        with open(path, "w") as file:
            file.write(text)
    return await File.from_local("file.txt"), await Dir.from_local("folder")
