"""What a command asks of the control plane equals what the same command of PyPI flyte 2.12.1 asks, field by field."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.harness.reference import reference_side

from .command_requests import Command, record

SHOP = """\
import asyncio
from datetime import datetime, timedelta

import flyte

env = flyte.TaskEnvironment(name="shop")


@env.task
async def price(item: int) -> int:
    print(f"pricing {item}", flush=True)
    return item * 2


@env.task
async def order(items: int = 2, name: str = "order", sure: bool = False, weights: list[float] = [1.0]) -> int:
    return sum(await asyncio.gather(*[price(item) for item in range(items)]))
"""
FILES = {"shop.py": SHOP}
COMMANDS = {
    "run": Command("run --name first shop.py order --items 1 --name it --sure --weights [1.5,2.5]"),
    "get run": Command("get run"),
    "get project": Command("get project"),
}
ALLOWED: dict[str, str] = {
    r".*/task_template/metadata/runtime/version": "the version of the SDK",
    r".*/envs/values/3/value": "each folder of the search path is named once; there `./.` is said three times",
    r"get run/ListRuns/0/request/sort_by/direction": (
        "the latest runs are what somebody wants to see; the reference shows the oldest ones"
    ),
}
"""Paths of what may differ (command/method/number of the call/field), and why."""


def flat(item: dict[Any, Any] | list[Any] | str | float, path: str = "") -> dict[str, Any]:
    parts: Any = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    found = {key: value for name, part in parts for key, value in flat(part, f"{path}/{name}").items()}
    return found or {path.removeprefix("/"): item}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    programs = {
        "ours": Path(sys.executable).with_name("flyte"),
        "theirs": Path(reference_side().python).with_name("flyte"),
    }
    return record(tmp_path_factory.mktemp("asked"), programs, FILES, COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_requests_equal_those_of_the_reference(recorded: dict[str, dict[str, Any]], command: str) -> None:
    sides = recorded[command]
    for asked in sides.values():
        if isinstance(asked, AssertionError):
            raise asked
    theirs, ours = flat(sides["theirs"], command), flat(sides["ours"], command)
    differing = {path for path in theirs.keys() | ours.keys() if theirs.get(path) != ours.get(path)}
    unexplained = {
        path: (theirs.get(path), ours.get(path))
        for path in sorted(differing)
        if not any(re.fullmatch(allowed, path) for allowed in ALLOWED)
    }
    assert not unexplained, "\n".join(
        f"{path}: {one!r} there, {other!r} here" for path, (one, other) in unexplained.items()
    )
    assert ours, "nothing was asked"
