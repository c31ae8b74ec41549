"""Each verb of the command line of PyPI flyte 2.12.1 that has a subject here, on our devbox; its answers beside ours."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.harness.reference import reference_side
from flyte_devbox.process import start_server, stop_server

PROGRAM = """\
import asyncio

import flyte

env = flyte.TaskEnvironment(name="shop")


@env.task
async def price(item: int) -> int:
    print(f"pricing {item}", flush=True)
    return item * 2


@env.task
async def order(items: int = 2) -> int:
    return sum(await asyncio.gather(*[price(item) for item in range(items)]))


@env.task
async def lasting() -> int:
    await asyncio.sleep(600)
    return 1
"""
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Sides:
    """Both command lines, with a home and a configuration for the same devbox."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        (folder / "shop.py").write_text(PROGRAM)
        (folder / "config.yaml").write_text(
            f"admin:\n  endpoint: dns:///{endpoint}\n  insecure: true\n"
            "task:\n  org: devbox\n  project: flytesnacks\n  domain: development\n"
        )
        self.ours = Path(sys.executable).with_name("flyte")
        self.reference = Path(reference_side().python).with_name("flyte")

    def run(self, program: Path, *words: str, code: int = 0) -> str:
        home = self.folder / ("home" if program is self.ours else "home-of-reference")
        home.mkdir(exist_ok=True)
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "DO_NOT_TRACK": "1", "COLUMNS": "400"}
        environment["PYTHONUNBUFFERED"] = "1"
        done = subprocess.run(
            [program, "-c", "config.yaml", *words],
            cwd=self.folder,
            env={**environment, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        # The reference is sometimes killed by a signal when it has done all and ends; an error has an exit code.
        is_killed_at_its_end = program is self.reference and done.returncode < 0
        assert done.returncode == code or is_killed_at_its_end, done.stdout + done.stderr
        return _COLOURS.sub("", done.stdout)

    def theirs(self, *words: str) -> Any:
        """What the reference answers; some of it is Python's notation, not JSON."""
        text = self.run(self.reference, "-of", "json", *words).strip()
        try:
            return json.loads(text)
        except ValueError:
            return ast.literal_eval(text)

    def told(self, *words: str) -> Any:
        return json.loads(self.run(self.ours, "-of", "json", *words))


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    folder = tmp_path_factory.mktemp("sides")
    started = start_server(folder / "devbox", port=0, needs_token=False)
    sides = Sides(folder, started.record.endpoint)
    sides.run(sides.ours, "run", "--follow", "--name", "shown", "shop.py", "order")
    yield sides
    stop_server(folder / "devbox")


def test_runs_and_actions(sides: Sides) -> None:
    theirs, ours = sides.theirs("get", "run"), sides.told("get", "run")
    assert [each["action"]["id"]["run"]["name"] for each in theirs] == [each["name"] for each in ours]
    actions = sides.theirs("get", "action", "shown")
    assert {each["id"]["name"] for each in actions} == {each["name"] for each in sides.told("get", "action", "shown")}
    assert {each["status"]["phase"] for each in actions} == {"ACTION_PHASE_SUCCEEDED"}


def test_inputs_outputs_and_logs(sides: Sides) -> None:
    told = sides.told("get", "io", "shown")
    assert told == {"inputs": {"items": 2}, "outputs": {"o0": 2}}
    shown = sides.run(sides.reference, "get", "io", "shown")
    assert "'items': 2" in shown
    assert "o0=2" in shown
    child = next(each["name"] for each in sides.told("get", "action", "shown") if each["short_name"] == "price")
    ours = sides.run(sides.ours, "get", "logs", "shown", child)
    assert ours.startswith("pricing ")
    assert ours.strip() in sides.run(sides.reference, "get", "logs", "shown", child)
    assert "shop.py" in sides.run(sides.reference, "get", "code", "shown")
    assert [each["path"] for each in sides.told("get", "code", "shown")] == ["shop.py"]


def test_who_is_calling(sides: Sides) -> None:
    assert sides.theirs("whoami") == sides.told("whoami")


@pytest.mark.parametrize("writer", ["ours", "reference"])
def test_projects_are_made_changed_and_shown(sides: Sides, writer: str) -> None:
    program: Path = getattr(sides, writer)
    name = f"made-by-{writer}"
    sides.run(program, "create", "project", "--id", name, "--name", "Made", "--description", "for a test", "-l", "a=b")
    one = next(each for each in sides.theirs("get", "project") if each["id"] == name)
    assert one["labels"] == {"values": {"a": "b"}}
    (same,) = sides.told("get", "project", name)
    # Which fields that are at their default are written is each side's own.
    assert {key: one[key] for key in same if key in one} == {key: same[key] for key in same if key in one}
    sides.run(program, "update", "project", name, "--archive")
    assert name not in {each["id"] for each in sides.theirs("get", "project")}
    assert name in {each["id"] for each in sides.told("get", "project", "--archived")}


@pytest.mark.parametrize("writer", ["ours", "reference"])
def test_secrets_are_kept_shown_and_forgotten(sides: Sides, writer: str) -> None:
    program: Path = getattr(sides, writer)
    scope = ("-p", "flytesnacks", "-d", "development")
    name = f"KEY_{writer.upper()}"
    sides.run(program, "create", "secret", name, "--value", "hidden", *scope)
    assert sides.theirs("get", "secret", *scope) == sides.told("get", "secret", *scope)
    assert name in {each["id"]["name"] for each in sides.told("get", "secret", *scope)}
    sides.run(program, "delete", "secret", name, *scope)
    assert sides.theirs("get", "secret", *scope) == sides.told("get", "secret", *scope) == []


@pytest.mark.parametrize("writer", ["ours", "reference"])
def test_runs_are_made_and_aborted(sides: Sides, writer: str) -> None:
    program: Path = getattr(sides, writer)
    name = f"aborted-{writer}"
    sides.run(program, "run", "--name", name, "shop.py", "lasting")
    sides.run(program, "abort", "run", name, "--reason", "not needed")
    assert sides.run(sides.ours, "watch", name, "-of", "json", code=1)
    assert sides.told("get", "run", name)["phase"] == "aborted"
    (theirs,) = [each for each in sides.theirs("get", "run") if each["action"]["id"]["run"]["name"] == name]
    assert theirs["action"]["status"]["phase"] == "ACTION_PHASE_ABORTED"
    # It is over: neither side takes that for success, and a script can tell by the same code.
    for each in (sides.reference, sides.ours):
        sides.run(each, "abort", "run", name, code=1)
