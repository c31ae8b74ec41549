"""What commands show of actions that wait, and of what they wait for, word for word. `just snap` accepts a new text."""

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest
from inline_snapshot import snapshot
from tests.cli.places import Place, place_with_devbox
from tests.cli.test_terminal import Terminal

PROGRAM = """\
import asyncio
from datetime import timedelta
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("steps", resources=flyte.Resources(cpu=0))


@env.task
async def hold(folder: str, number: int) -> int:
    while not Path(folder, "gate").exists():
        await asyncio.sleep(0.05)
    return number


@env.task
async def both(folder: str) -> int:
    return sum(await asyncio.gather(hold(folder, 1), hold(folder, 2)))


alone = flyte.TaskEnvironment("alone", resources=flyte.Resources(cpu=1000))


@alone.task
async def whole(folder: str) -> str:
    while not Path(folder, "go").exists():
        await asyncio.sleep(0.05)
    return "all of it"


@env.task(retries=flyte.RetryStrategy(count=2, backoff=flyte.Backoff(base=timedelta(hours=1))))
async def fails() -> int:
    raise ValueError("not yet")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_with_devbox(tmp_path_factory.mktemp("home"), PROGRAM, is_configured=False) as place:
        yield place


def phases(place: Place) -> list[str]:
    return [action["phase"] for action in json.loads(place.raw("get", "action", "--devbox", "two", "-of", "json"))]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_action_that_waits_for_a_place(place: Place) -> None:
    limit = ("--max-action-concurrency", "1")
    place.flyte("run", "--devbox", *limit, "--name", "two", "steps.py", "both", "--folder", str(place.folder))
    until(lambda: phases(place) == ["running", "running", "waiting_for_resources"])
    watching = place.start("watch", "--devbox", "two")
    try:
        assert watching.stdout is not None
        first = ""
        while "waiting: 1 of at most" not in first:
            line = watching.stdout.readline()
            assert line, first
            first += line
        assert place.flyte("get", "run", "--devbox", "two") == snapshot("""\
run  two
task  steps.both
phase  running
started  <ago>
took  <duration>

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR  WAITING FOR
both  a0  running  1  <duration>
  hold  <action>  running  1  <duration>
  hold  <action>  waiting_for_resources  1  <duration>  1 of at most 1 actions of its run are running\
""")
        assert place.flyte("get", "action", "--devbox", "two", "--in-phase", "waiting_for_resources") == snapshot("""\
TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR  WAITING FOR
hold  <action>  waiting_for_resources  1  <duration>  1 of at most 1 actions of its run are running\
""")
        shown = place.flyte("get", "action", "--devbox", "two", "--in-phase", "waiting_for_resources", "-of", "json")
        assert shown == snapshot("""\
[
  {
    "run": "two",
    "name": "<action>",
    "parent": "a0",
    "task": "steps.hold",
    "short_name": "hold",
    "group": null,
    "phase": "waiting_for_resources",
    "attempts": 1,
    "created_at": "<time>",
    "started_at": "<time>",
    "ended_at": null,
    "seconds": null,
    "cache": "disabled",
    "error": null,
    "waiting_for": "1 of at most 1 actions of its run are running"
  }
]\
""")
        name = json.loads(place.raw("get", "action", "--devbox", "two", "-of", "json"))[-1]["name"]
        assert place.flyte("get", "action", "--devbox", "two", name) == snapshot("""\
action  <action>
run  two
task  steps.hold
phase  waiting_for_resources
parent  a0
started  <ago>
took  <duration>
waiting for  1 of at most 1 actions of its run are running

attempt 1: waiting_for_resources, <duration>\
""")
        (place.folder / "gate").touch()
        out, err = watching.communicate(timeout=180)
    finally:
        (place.folder / "gate").touch()
        watching.kill()
        watching.wait()
    assert err == ""
    # On a slow machine the start of a process may be waited for too, and a time have one digit more.
    lines = [line.strip() for line in place.normalise(first + out).splitlines() if "is being started" not in line]
    assert "\n".join(lines) == snapshot("""\
<duration>  hold  waiting: 1 of at most 1 actions of its run are running
<duration>  hold  2 done
<duration>  both  done
run `two` ended as succeeded\
""")
    assert "waiting" not in place.flyte("get", "run", "--devbox", "two", "-of", "json")


def test_a_run_that_waits_for_its_next_attempt(place: Place) -> None:
    place.flyte("run", "--devbox", "--name", "later", "steps.py", "fails")
    shown = place.until("get", "run", "--devbox", "later", has="attempt 2 begins")
    assert re.sub(r"begins \d+\.\d s", "begins <seconds> s", shown) == snapshot("""\
run  later
task  steps.fails
phase  queued
started  <ago>
took  <duration>
waiting for  attempt 2 begins <seconds> s after attempt 1 ended

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR  WAITING FOR
fails  a0  queued  2  <duration>  ValueError: not yet  attempt 2 begins <seconds> s after attempt 1 ended\
""")
    place.flyte("abort", "run", "--devbox", "later")


def test_a_run_that_is_followed_on_a_terminal_says_why_nothing_happens(place: Place) -> None:
    call = ("steps.py", "whole", "--folder", str(place.folder))
    place.flyte("run", "--devbox", "--name", "has-all", *call)
    place.until("get", "run", "--devbox", "has-all", has="running")
    words = ("run", "--devbox", "--follow", "--name", "wants-all", *call)
    terminal = Terminal(place.folder, *words, variables=place.environment)
    try:
        terminal.wait_for("waiting: it needs ")
        terminal.wait_for("are taken")
    finally:
        (place.folder / "go").touch()
        shown = terminal.end()
    assert terminal.process.returncode == 0
    assert "result    'all of it'" in shown
