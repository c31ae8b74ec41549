"""`flyte watch` of a run with very many actions: listed once, then only what changes; also over a restart of the devbox."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from flyteidl2.core import types_pb2
from flyteidl2.workflow import run_service_pb2
from tests.recording import NotingProxy

import flyte
import flyte.remote
from flyte_remote.connection import connection
from flyte_remote.watching import watch_actions

from .copies import copy_actions
from .running import LONGEST, ask, connected_to, end, load, start, write_config

MANY = 10_000
NOTED = {
    f"/flyteidl2.workflow.RunService/{name}": (name, getattr(run_service_pb2, f"{name}Request"))
    for name in ("WatchActions", "ListActions", "GetRunDetails", "GetActionDetails")
}


class Place:
    """A devbox that can be started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server, self.port = start(folder)

    def restart(self) -> None:
        end(self.server)
        self.server, self.port = start(self.folder)

    def begin(self) -> flyte.remote.Run:
        """Start a run that goes on, and give it many children that are over."""
        run = flyte.run(load("lingering").linger, 600.0)
        run.wait(wait_for="running", quiet=True)
        copy_actions(self.folder / "state.db", run.name, MANY)
        return run

    def ask(self, run: flyte.remote.Run, number: int) -> None:
        """Give a run a child that waits for an answer."""
        ask(self.port, run.pb2.action.id.run, f"asks{number}", f"c{number}", types_pb2.BOOLEAN)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "devbox")
    with connected_to(place.port, tmp_path):
        yield place
    end(place.server)


def read_until(lines: IO[str], name: str) -> list[dict[str, Any]]:
    """Read lines of the command up to the first about an action."""
    read: list[dict[str, Any]] = []
    while line := lines.readline():
        read.append(json.loads(line))
        if read[-1]["name"] == name:
            return read
    pytest.fail(f"the command ended without a line about `{name}`, after {len(read)}")


def test_the_command_lists_once_and_once_more_after_a_restart(place: Place, tmp_path: Path) -> None:
    run = place.begin()
    with NotingProxy(NOTED, place.port) as proxy:
        config = write_config(tmp_path / "config.yaml", proxy.port)
        words = ["--config", str(config), "watch", run.name, "-of", "json-raw"]
        with subprocess.Popen([sys.executable, "-m", "flyte_cli.main", *words], stdout=-1, text=True) as watching:
            assert watching.stdout is not None
            seen = read_until(watching.stdout, f"c{MANY - 1}")
            for number in range(3):
                place.ask(run, number)
                seen += read_until(watching.stdout, f"asks{number}")
                time.sleep(0.1)
            asked = Counter(name for name, _, _ in proxy.noted)
            assert asked["WatchActions"] == 1
            place.restart()
            proxy.target = place.port
            place.ask(run, 3)
            seen += read_until(watching.stdout, "asks3")
            with connected_to(place.port, tmp_path):
                flyte.remote.Run.get(run.name).abort()
            seen += map(json.loads, watching.stdout)
            assert watching.wait(LONGEST) == 1
    told = Counter((each["name"], each["phase"]) for each in seen)
    assert {told[f"c{number}", "succeeded"] for number in range(MANY)} == {1}
    assert {told[f"asks{number}", "aborted"] for number in range(4)} == {1}
    asked = Counter(name for name, _, _ in proxy.noted)
    assert asked["ListActions"] <= 1
    # How often the stream was tried while the devbox was away depends on how long that took.
    assert 2 <= asked["WatchActions"] <= 12
    assert asked["GetActionDetails"] + asked["GetRunDetails"] < 30


def test_each_row_is_sent_once_and_changes_alone(place: Place) -> None:
    run = place.begin()

    async def go() -> Counter[str]:
        rows: Counter[str] = Counter()
        async for changed in watch_actions(connection(), run.pb2.action.id.run):
            rows.update(each.id.name for each in changed)
            if len(rows) == MANY + 1:
                await asyncio.to_thread(place.ask, run, 0)
            if rows["asks0"] == 1:
                await run.abort.aio()
        return rows

    rows = asyncio.run(asyncio.wait_for(go(), LONGEST))
    assert rows["asks0"] >= 2
    assert len(rows) == MANY + 2
    assert sum(rows.values()) < 1.1 * MANY
