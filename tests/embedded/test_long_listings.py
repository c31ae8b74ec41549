"""Listings of more than a thousand runs and actions: pages as they are used, filtered and sorted by the devbox."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from flyteidl2.workflow import run_service_pb2

import flyte
from flyte.remote import Action, Run, TimeFilter
from flyte_cli.history import find_run
from flyte_cli.remote_history import RemoteHistory
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import Transport

from .copies import copy_actions, copy_runs
from .running import command, connected_to, end, load, start, write_config

MANY = 1_050
PAGE = 100
PAGES = [PAGE] * 10


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run on a devbox of its own, with `MANY` copies and `MANY` children."""
    folder = tmp_path_factory.mktemp("devbox") / "devbox"
    server, port = start(folder)
    try:
        with connected_to(port, tmp_path_factory.mktemp("home")):
            made = flyte.with_runcontext(name="first", labels={"kind": "made"}).run(load("sums").square, 2)
            made.wait(quiet=True)
            copy_actions(folder / "state.db", made.name, MANY)
            copy_runs(folder / "state.db", made.name, MANY)
            yield made
    finally:
        end(server)


@pytest.fixture
def asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each answer to a listing; the calls are real."""
    made: list[int] = []
    plain = Transport.call

    async def counted(self: Any, method: Any, *args: Any) -> Any:
        answer = await plain(self, method, *args)
        if method.name in {"ListRuns", "ListActions"}:
            made.append(len(answer.runs if method.name == "ListRuns" else answer.actions))
        return answer

    monkeypatch.setattr(Transport, "call", counted)
    return made


def test_all_runs_come_page_by_page(asked: list[int]) -> None:
    assert len({each.name for each in Run.listall(limit=-1)}) == MANY + 1
    assert asked == [*PAGES, MANY + 1 - 1000]


def test_who_stops_to_read_loads_no_further_page(run: Run, asked: list[int]) -> None:
    newest = Run.listall(limit=-1, sort_by=("created_at", "desc"))
    assert [each.name for each in itertools.islice(newest, 3)] == ["copy1049", "copy1048", "copy1047"]
    assert asked == [PAGE]
    asked.clear()
    assert next(iter(Run.listall(limit=5))).name == "first"
    assert asked == [5]
    asked.clear()
    assert len(list(itertools.islice(Action.listall(run.name), PAGE + 1))) == PAGE + 1
    assert asked == [PAGE, PAGE]


def test_all_actions_come_page_by_page(run: Run, asked: list[int]) -> None:
    names = [each.name for each in Action.listall(run.name)]
    assert (names[0], len(set(names))) == ("a0", len(names))
    assert len(names) == MANY + 1
    assert asked == [*PAGES, MANY + 1 - 1000]
    asked.clear()
    assert len(list(Action.listall(run.name, in_phase=("running",)))) == 0
    assert len(list(itertools.islice(Action.listall(run.name, sort_by=("name", "desc")), 1))) == 1
    assert asked == [0, PAGE]


def test_runs_are_narrowed_down_by_the_server(run: Run, asked: list[int]) -> None:
    began = run.pb2.action.status.start_time.ToDatetime(UTC) + timedelta(seconds=MANY - 40)
    late = list(Run.listall(created_at=TimeFilter(after=began), limit=-1))
    assert 0 < len(late) < PAGE
    assert len(list(Run.listall(with_label_keys=["kind"], limit=7))) == 7
    assert asked == [len(late), 7]
    asked.clear()
    assert list(Run.listall(with_label_keys=["none"])) == []
    assert list(Run.listall(paused_actions_only=True)) == []
    assert list(Run.listall(created_by_subject="somebody")) == []
    assert asked == [0, 0, 0]


@pytest.fixture
def config(run: Run, tmp_path: Path) -> Path:
    port = re.search(r":(\d+)/", run.url)
    assert port is not None
    return write_config(tmp_path / "config.yaml", int(port[1]))


@pytest.mark.parametrize(
    ("options", "many"),
    [
        ("", 100),
        ("--limit 3", 3),
        ("--limit 1051", MANY + 1),
        ("--in-phase failed", 0),
        ("--only-mine --limit 4", 4),
        ("--task-version none", 0),
        ("--task-name sums.square --limit 2", 2),
        ("--with-label kind=made --with-label-key kind --limit 6", 6),
        ("--paused-only", 0),
        ("--created-before 2h", 0),
        ("--updated-after 2h --limit 9", 9),
    ],
)
def test_the_command_leaves_it_to_the_server(config: Path, options: str, many: int) -> None:
    assert len(json.loads(command(config, "get", "run", *options.split(), "-of", "json"))) == many


def test_the_beginning_of_a_name_is_looked_for_among_all_runs(config: Path) -> None:
    assert json.loads(command(config, "get", "run", "first", "-of", "json"))["name"] == "first"
    # The oldest of all is not among the latest thousand.
    assert json.loads(command(config, "get", "run", "firs", "-of", "json"))["name"] == "first"
    assert "no run `firz` is recorded" in command(config, "get", "run", "firz", code=2)


@pytest.mark.parametrize("answer", ["refused", "everything"])
def test_a_control_plane_that_does_not_look_for_names_is_asked_for_the_latest_runs(
    run: Run, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    plain = Transport.call

    async def otherwise(self: Any, method: Any, request: Any, *args: Any) -> Any:
        if method.name == "ListRuns" and request.request.sort_by.key == "name":
            if answer == "refused":
                raise RpcError(Code.INVALID_ARGUMENT, "it cannot be filtered by `name`", method=method.name)
            given = run_service_pb2.ListRunsRequest()
            given.CopyFrom(request)
            given.request.ClearField("filters")
            return await plain(self, method, given, *args)
        return await plain(self, method, request, *args)

    monkeypatch.setattr(Transport, "call", otherwise)
    store: Any = RemoteHistory()
    # The oldest of all is not among the latest thousand, and nobody claims that there is none.
    with pytest.raises(click.UsageError, match="none of its latest 1,000 runs begins with it"):
        find_run(store, "firs")


def test_a_short_name_of_a_task_is_explained(config: Path) -> None:
    words = ["--config", str(config), "get", "run", "--task-name", "square"]
    done = subprocess.run([sys.executable, "-m", "flyte_cli.main", *words], capture_output=True, text=True, timeout=120)
    assert (done.returncode, "`environment.square`" in done.stderr) == (0, True), done.stdout + done.stderr
