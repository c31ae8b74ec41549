"""Traced calls, durable time and conditions, in attempts that come to an end before their time."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import flyte
import flyte.durable

env = flyte.TaskEnvironment("recalled")


def note(notes: str, text: str) -> None:
    with Path(notes).open("a") as file:
        file.write(f"{text}\n")


@flyte.trace
async def ask(notes: str, question: str) -> str:
    note(notes, f"ask {question}")
    return question.upper()


@flyte.trace
def count(notes: str, n: int) -> int:
    note(notes, f"count {n}")
    return n + 1


@flyte.trace
async def outer(notes: str, n: int) -> int:
    note(notes, "outer")
    return count(notes, n) + 1


@flyte.trace
async def letters(notes: str, text: str) -> AsyncIterator[str]:
    for letter in text:
        note(notes, f"letter {letter}")
        yield letter


@flyte.trace
def digits(notes: str, n: int) -> Iterator[int]:
    for digit in range(n):
        note(notes, f"digit {digit}")
        yield digit


@flyte.trace
async def shaky(notes: str) -> None:
    note(notes, "shaky")
    if flyte.ctx().attempt_number == 0:
        raise ValueError("not yet")


@env.task(retries=3)
async def remember(notes: str) -> tuple[str, list[int], list[str], float]:
    said = await ask(notes, "why") + await ask(notes, "why")
    with flyte.group("some"):
        said += await ask(notes, "how")
    numbers = [await outer(notes, 1), count(notes, 5), *digits(notes, 2)]
    spelt = [letter async for letter in letters(notes, "ab")]
    began = await flyte.durable.time.aio()
    note(notes, f"began {began}")
    try:
        await shaky(notes)
    except ValueError:
        note(notes, "caught")
    if flyte.ctx().attempt_number == 0:
        raise RuntimeError("the first attempt fails")
    if flyte.ctx().attempt_number == 1:
        os._exit(7)
    return said, numbers, spelt, began


@env.task(retries=1)
def remember_in_a_thread(notes: str) -> list[int]:
    numbers = [count(notes, 1), *digits(notes, 2)]
    if flyte.ctx().attempt_number == 0:
        raise RuntimeError("the first attempt fails")
    return numbers


@env.task(retries=1)
async def asking(notes: str) -> tuple[bool, int, float, str]:
    sure = await flyte.new_condition.aio("sure", prompt="Go on?", description="about the whole")
    go_on = await sure.wait.aio()
    note(notes, "sure")
    if flyte.ctx().attempt_number == 0:
        raise RuntimeError("the first attempt fails")
    others = [
        await flyte.new_condition.aio(name, data_type=kind, prompt="")
        for name, kind in (("many", int), ("much", float), ("what", str))
    ]
    many, much, what = [await each.wait.aio() for each in others]
    return go_on, many, much, what


@env.task
def asking_in_a_thread() -> bool:
    return flyte.new_condition("quick", timeout=0.2).wait()
