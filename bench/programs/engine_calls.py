"""Runs tasks that do nothing and prints JSON about them; both sides run it.

Usage: `python engine_calls.py calls COUNT [recorded]`, or `children COUNT`, or `sleepers COUNT`.
`calls` awaits one child after the other, `children` all at once, `sleepers` maps over tasks that sleep for a quarter of a second.
Seconds are wall seconds inside the parent; `peak` is what memory grew by, in bytes.
"""

import asyncio
import json
import sys
import time

from resident import resident, start_peak

import flyte

env = flyte.TaskEnvironment(name="engine")
SLEEP = 0.25


@env.task
async def nothing(x: int) -> int:
    return x


@env.task
def sleeper(x: int) -> int:
    time.sleep(SLEEP)
    return x


@env.task
async def calls(count: int) -> float:
    for number in range(50):
        await nothing(number)
    began = time.perf_counter()
    for number in range(count):
        await nothing(1_000 + number)
    return (time.perf_counter() - began) / count


@env.task
async def children(count: int) -> float:
    began = time.perf_counter()
    results = await asyncio.gather(*[nothing(number) for number in range(count)])
    if results != list(range(count)):
        raise AssertionError("children gave other results")
    return time.perf_counter() - began


@env.task
def sleepers(count: int) -> float:
    began = time.perf_counter()
    if list(flyte.map(sleeper, range(count))) != list(range(count)):
        raise AssertionError("the map gave other results")
    return time.perf_counter() - began


if __name__ == "__main__":
    what, number = sys.argv[1], int(sys.argv[2])
    if "recorded" in sys.argv:
        flyte.init(local_persistence=True)
    else:
        flyte.init()
    idle = start_peak()
    seconds = flyte.run({"calls": calls, "children": children, "sleepers": sleepers}[what], number).outputs()[0]
    peak = resident("VmHWM") - idle
    print(json.dumps({"seconds": seconds, "peak": peak}))
