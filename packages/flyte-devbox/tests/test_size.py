"""What is asked of a devbox with much in it: pages read what is on them, and the event loop only what it knows by name."""

import asyncio
import importlib
import json
import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.artifact import artifact_pb2, artifact_service_pb2
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from flyte_devbox import database as database_module
from flyte_devbox.console import action_rows, run_list, task_pages
from flyte_devbox.devbox import Devbox
from flyte_devbox.errors import ServiceError
from flyte_devbox.folder import StateFolder
from flyte_devbox.records import NewAction, NewRun, add_action, add_run, keep_spec
from flyte_devbox.services.artifact import publish
from flyte_devbox.services.events import record_events
from flyte_devbox.watching import Hub

from .serving import DOMAIN, ORG, PROJECT, action_id, run_id, shell_task

RUNS, ACTIONS, TASKS, ARTIFACTS = 3000, 3000, 1000, 2000
SCOPE = identifier_pb2.ProjectIdentifier(organization=ORG, name=PROJECT, domain=DOMAIN)
TASK = task_definition_pb2.TaskName(org=ORG, project=PROJECT, domain=DOMAIN, name="env.task7")
TASK_ID = task_definition_pb2.TaskIdentifier(org=ORG, project=PROJECT, domain=DOMAIN, name="env.task7", version="v1")
TRIGGER = identifier_pb2.TriggerName(org=ORG, project=PROJECT, domain=DOMAIN, name="nightly", task_name="env.task7")
BIG = ("actions", "artifacts", "attempts", "runs", "tasks", "run_labels", "attempt_events", "contents")
PARTIAL = {"actions_alive", "runs_alive", "artifacts_without_facts"}
"""Indexes that have few rows, however many the table has."""
STEPS = 1000
"""After so many instructions of SQLite's machine the reading is counted; a page of 100 rows has 5,000 to 15,000."""


class Counted:
    """How much SQLite did in each thread, and by which queries."""

    def __init__(self) -> None:
        self.steps: Counter[int] = Counter()
        self.queries: list[str] = []

    def connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.Connection(*arguments, **options)
        connection.set_progress_handler(self._step, STEPS)
        connection.set_trace_callback(self.queries.append)
        return connection

    def _step(self) -> None:
        self.steps[threading.get_ident()] += STEPS

    def clear(self) -> None:
        self.steps.clear()
        self.queries.clear()

    @property
    def on_loop(self) -> int:
        return self.steps[threading.get_ident()]

    def scans(self, connection: sqlite3.Connection) -> list[str]:
        """Name the tables that the queries look through from the first row to the last."""
        found: list[str] = []
        for query in dict.fromkeys(self.queries):
            if not query.startswith("SELECT"):
                continue
            aliases = dict(re.findall(rf"\b({'|'.join(BIG)})\s+(?:AS\s+)?([a-z])\b", query))
            names = {*BIG, *aliases.values()}
            for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"):
                words = row["detail"].split()
                if words[0] == "SCAN" and words[1] in names and not PARTIAL.intersection(words):
                    found.append(f"{row['detail']}: {query}")
        return found


def fill(connection: sqlite3.Connection) -> None:
    now = time.time()
    spec = shell_task("true")
    digest = keep_spec(connection, spec)
    metadata = run_definition_pb2.ActionMetadata(action_type=run_definition_pb2.ACTION_TYPE_TASK).SerializeToString()

    def action(name: str, parent: str, phase: int) -> NewAction:
        where = f"/nowhere/{name}/inputs.pb"
        return NewAction(
            name, parent, 1, phase, 1, metadata, digest, None, "env.task", "env", "", where, "", "", 0, 0, now
        )

    def run(name: str, number: int) -> NewRun:
        labels = {"number": str(number), "team": f"team{number % 10}", "ended_at": "noon"}
        at = now - RUNS + number
        task, version = f"env.task{number % 300}", f"v{number % 2}"
        return NewRun(
            *(ORG, PROJECT, DOMAIN, name, b"", 1, labels, False, 0, at, at, task, version),
            trigger_name="nightly" if number % 2 else "",
            trigger_task=task if number % 2 else "",
        )

    for number in range(RUNS):
        row = add_run(connection, run(f"r{number}", number))
        add_action(connection, row, action("a0", "", 6 if number % 3 else 5))
    row = add_run(connection, run("big", RUNS))
    add_action(connection, row, action("a0", "", 5))
    for number in range(ACTIONS):
        add_action(connection, row, action(f"x{number:05}", "a0", 6 if number % 3 else 5))
    connection.execute("UPDATE runs SET phase = 5, ended_at = created_at")
    task = (
        "INSERT INTO tasks (org, project, domain, name, version, digest, short_name, environment, description,"
        " is_entrypoint, deployed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', 1, ?)"
    )
    for number in range(TASKS):
        for version in ("v0", "v1"):
            values = (ORG, PROJECT, DOMAIN, f"env.task{number}", version, digest, f"task{number}", "env", now + number)
            connection.execute(task, values)
    for number in range(ARTIFACTS):
        artifact = artifact_pb2.Artifact()
        name = artifact.artifact_id.name
        name.org, name.project, name.domain, name.name = ORG, PROJECT, DOMAIN, f"artifact{number % 20}"
        artifact.artifact_id.version = f"v{number}"
        artifact.spec.partitions.value["region"].static_value = f"region{number % 7}"
        artifact.spec.info.user_metadata["key"] = str(number)
        publish(connection, artifact, now + number)


@pytest.fixture(scope="module")
def counted() -> Counted:
    return Counted()


@pytest.fixture(scope="module")
def devbox(tmp_path_factory: pytest.TempPathFactory, counted: Counted) -> Iterator[Devbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module.sqlite3, "connect", counted.connect)
        made = Devbox(StateFolder(tmp_path_factory.mktemp("large") / "devbox"))

        async def prepare() -> None:
            await made.database.write(
                lambda connection: connection.execute(
                    "INSERT INTO projects VALUES (?, ?, '', x'', 0, 1.0)", (PROJECT, PROJECT)
                )
            )
            await made.database.write(fill)

        asyncio.run(prepare())
        yield made
        made.close()


def service(devbox: Devbox, name: str) -> Any:
    return importlib.import_module(f"flyte_devbox.services.{name}").Service(devbox)


def listed(*filters: tuple[str, Any, str], sort: str = "", after: int = 0) -> list_pb2.ListRequest:
    request = list_pb2.ListRequest(limit=100)
    for field, function, text in filters:
        request.filters.add(function=function, field=field, values=[text] if text else [])
    if sort:
        request.sort_by_fields.add(key=sort, direction=list_pb2.Sort.ASCENDING)
    return request


F = list_pb2.Filter


def runs(*filters: tuple[str, Any, str], sort: str = "", **scope: Any) -> tuple[str, str, Any]:
    request = run_service_pb2.ListRunsRequest(request=listed(*filters, sort=sort), **(scope or {"project_id": SCOPE}))
    return "run", "list_runs", request


def actions(*filters: tuple[str, Any, str], sort: str = "") -> tuple[str, str, Any]:
    request = run_service_pb2.ListActionsRequest(run_id=run_id("big"), request=listed(*filters, sort=sort))
    return "run", "list_actions", request


def artifacts(*filters: tuple[str, Any, str], **fields: Any) -> tuple[str, str, Any]:
    request = artifact_service_pb2.ListArtifactsRequest(project_id=SCOPE, request=listed(*filters), **fields)
    return "artifact", "list_artifacts", request


OF_A_PAGE: dict[str, tuple[str, str, Any]] = {
    "runs": runs(),
    "runs of a task": runs(task_name=TASK),
    "runs of a version": runs(task_id=TASK_ID),
    "runs of a trigger": runs(trigger_name=TRIGGER),
    "runs of a name": runs(("name", F.EQUAL, "r7")),
    "runs of a time": runs(("created_at", F.LESS_THAN, "2020-01-01T00:00:00Z")),
    "runs from a name on": runs(("name", F.GREATER_THAN_OR_EQUAL, "r7"), sort="name"),
    "actions": actions(),
    "actions of a parent": actions(("parent_name", F.EQUAL, "x00007")),
    "actions by name": actions(sort="name"),
    "versions of a task": (
        "task",
        "list_versions",
        task_service_pb2.ListVersionsRequest(task_name=TASK, request=listed()),
    ),
    "artifacts": artifacts(),
    "an artifact": (
        "artifact",
        "get_artifact",
        artifact_service_pb2.GetArtifactRequest(
            name=artifact_pb2.ArtifactName(org=ORG, project=PROJECT, domain=DOMAIN, name="artifact7")
        ),
    ),
    "versions of an artifact": artifacts(name="artifact7"),
    "triggers": ("trigger", "list_triggers", trigger_service_pb2.ListTriggersRequest(project_id=SCOPE)),
}
"""Listings whose pages an index gives: what they read does not grow with what there is."""

OF_ALL: dict[str, tuple[str, str, Any]] = {
    "runs with a label": runs(("labels.number", F.EQUAL, "7")),
    "runs with a label that none has": runs(("labels.none", F.EQUAL, "7")),
    "runs with one of some labels": runs(("labels.number", F.VALUE_IN, "7")),
    "runs that wait": (
        "run",
        "list_runs",
        run_service_pb2.ListRunsRequest(project_id=SCOPE, request=listed(), paused_actions_only=True),
    ),
    "runs in a phase": runs(("phase", F.EQUAL, "RUNNING")),
    "runs with a part of a name": runs(("name", F.CONTAINS, "nothing")),
    "runs by phase": runs(sort="phase"),
    "runs of an environment": runs(("environment_name", F.EQUAL, "nothing")),
    "runs without a label": runs(("labels.number", F.NOT_EXISTS, "")),
    "actions in a phase": actions(("phase", F.EQUAL, "RUNNING")),
    "actions by time": actions(sort="created_at"),
    "tasks": ("task", "list_tasks", task_service_pb2.ListTasksRequest(project_id=SCOPE, request=listed())),
    "latest artifacts": artifacts(latest_per_partition=True),
    "artifacts of a partition": artifacts(("partition.region", F.EQUAL, "nothing")),
    "artifacts with metadata": artifacts(("user_metadata.key", F.EQUAL, "nothing")),
    "names of artifacts": (
        "artifact",
        "list_artifact_names",
        artifact_service_pb2.ListArtifactNamesRequest(project_id=SCOPE, request=listed()),
    ),
    "keys of artifacts": (
        "artifact",
        "list_artifact_metadata_keys",
        artifact_service_pb2.ListArtifactMetadataKeysRequest(project_id=SCOPE),
    ),
    "values of a partition": (
        "artifact",
        "list_partition_values",
        artifact_service_pb2.ListPartitionValuesRequest(
            project_id=SCOPE, name="artifact7", key="region", request=listed()
        ),
    ),
}
"""Listings that look through what is in their scope: a thread does."""


def ask(devbox: Devbox, call: tuple[str, str, Any]) -> Any:
    return asyncio.run(getattr(service(devbox, call[0]), call[1])(call[2]))


@pytest.mark.parametrize("name", OF_A_PAGE)
def test_a_page_reads_what_is_on_it(devbox: Devbox, counted: Counted, name: str) -> None:
    ask(devbox, OF_A_PAGE[name])
    counted.clear()
    ask(devbox, OF_A_PAGE[name])
    assert counted.queries
    assert counted.steps.total() <= 25 * STEPS
    assert counted.on_loop <= 3 * STEPS
    with sqlite3.connect(devbox.folder.database) as connection:
        connection.row_factory = sqlite3.Row
        assert counted.scans(connection) == []


@pytest.mark.parametrize("name", OF_ALL)
def test_what_is_looked_through_holds_nobody_up(devbox: Devbox, counted: Counted, name: str) -> None:
    ask(devbox, OF_ALL[name])
    counted.clear()
    ask(devbox, OF_ALL[name])
    assert counted.queries
    assert counted.on_loop <= 3 * STEPS


def test_the_actions_of_a_run_are_watched_in_pages_that_cost_the_same(devbox: Devbox, counted: Counted) -> None:
    async def watch() -> list[int]:
        request = run_service_pb2.WatchActionsRequest(run_id=run_id("big"))
        costs: list[int] = []
        counted.clear()
        seen = 0
        async for message in service(devbox, "run").watch_actions(request):
            seen += len(message.enriched_actions)
            assert len(message.enriched_actions) <= 500
            costs.append(counted.steps.total())
            assert counted.on_loop <= 3 * STEPS
            counted.clear()
        assert seen == ACTIONS + 1
        return costs

    costs = asyncio.run(watch())
    # The first has the root, whose children are counted.
    assert max(costs[1:]) <= 60 * STEPS


def test_children_are_told_of_in_pages_that_cost_the_same(devbox: Devbox, counted: Counted) -> None:
    async def watch() -> int:
        request = actions_service_pb2.WatchForUpdatesRequest(parent_action_id=action_id("big"))
        counted.clear()
        seen = worst = 0
        async for message in service(devbox, "actions").watch_for_updates(request):
            worst = max(worst, counted.steps.total())
            counted.clear()
            if message.HasField("control_message"):
                break
            seen += 1
        assert seen == ACTIONS
        return worst

    assert asyncio.run(watch()) <= 60 * STEPS


def test_pages_are_read_beside_the_loop(devbox: Devbox, counted: Counted) -> None:
    questions: list[Callable[[sqlite3.Connection], Any]] = [
        lambda connection: run_list.read_runs(connection, run_list.filters_of({"q": ["nothing"]}), time.time()),
        lambda connection: task_pages.read_tasks(connection, task_pages.task_filters({})),
        lambda connection: action_rows.answer(
            connection, 1 + RUNS, action_rows.question_of({"ranges": [{"start": 0, "count": 200}], "search": "nothing"})
        ),
    ]

    async def read() -> None:
        for question in questions:
            waits: Awaitable[Any] = devbox.database.read_aside(question)
            await waits

    counted.clear()
    asyncio.run(read())
    assert counted.on_loop == 0
    assert counted.steps.total() > 0


def names(devbox: Devbox, *filters: tuple[str, Any, str]) -> set[str]:
    found = ask(devbox, runs(*filters)).runs
    return {run.action.id.run.name for run in found}


def test_labels_of_runs_are_not_read_one_by_one(devbox: Devbox, counted: Counted) -> None:
    for name in ("runs with a label", "runs with a label that none has", "runs with one of some labels"):
        ask(devbox, OF_ALL[name])
        counted.clear()
        ask(devbox, OF_ALL[name])
        # To read them as JSON takes 20 instructions for each run.
        assert counted.steps.total() <= 10 * RUNS, name


def test_runs_are_found_by_their_labels(devbox: Devbox) -> None:
    assert names(devbox, ("labels.number", F.EQUAL, "7")) == {"r7"}
    assert names(devbox, ("labels.number", F.EQUAL, "7"), ("labels.team", F.EQUAL, "team8")) == set()
    assert len(names(devbox, ("labels.team", F.NOT_EQUAL, "team3"))) == 100
    assert names(devbox, ("labels.none", F.NOT_EQUAL, "x")) == set()
    assert names(devbox, ("labels.number", F.NOT_EXISTS, "")) == set()
    assert len(names(devbox, ("labels.none", F.NOT_EXISTS, ""))) == 100
    assert names(devbox, ("labels.number", F.ENDS_WITH, "2999")) == {"r2999"}
    # A label is a text, whatever it is called.
    assert len(names(devbox, ("labels.ended_at", F.EQUAL, "noon"))) == 100


def test_labels_of_earlier_releases_are_found(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    for script in database_module.MIGRATIONS[:5]:
        connection.executescript(script)
    connection.execute("PRAGMA user_version=5")
    values = "'o', 'p', 'd', 'r', x'', 1, ?, 0, 0, 1, 1, 1, 5, 't', 'v', '', '', 1"
    columns = (
        "org, project, domain, name, spec, source, labels, is_tracked, max_concurrency, started_at, created_at,"
        " ended_at, phase, task_name, task_version, trigger_name, trigger_task, updated_at"
    )
    labels = {"team": "a", "it's; odd": '"quoted"; text', "empty": ""}
    connection.execute(f"INSERT INTO runs ({columns}) VALUES ({values})", (json.dumps(labels),))
    connection.commit()
    connection.close()

    database = database_module.Database(path)
    try:
        found = database.read("SELECT key, value FROM run_labels")
        assert {row["key"]: row["value"] for row in found} == labels
    finally:
        database.close()


def told(*notes: str, attempt: int = 1, **fields: Any) -> run_definition_pb2.ActionEvent:
    event = run_definition_pb2.ActionEvent(id=action_id("r1"), attempt=attempt, phase=4, **fields)  # type: ignore[arg-type]
    for note in notes:
        event.cluster_events.add(message=note)
        event.log_info.add(name=note, uri=f"https://logs/{note}")
    return event


def test_a_further_event_costs_what_the_first_did(devbox: Devbox, counted: Counted) -> None:
    async def record() -> list[int]:
        costs: list[int] = []
        for number in range(300):
            counted.clear()
            await record_events(devbox, [told(f"note {number}")])
            # Blobs are written out: what is read or written of earlier events would be seen.
            costs.append(sum(map(len, counted.queries)))
        # Known already, in another order and with something new among them.
        await record_events(devbox, [told("note 7", "note 300", "note 3"), told("note 7", attempt=2)])
        return costs

    costs = asyncio.run(record())
    assert max(costs[1:]) < 1.2 * min(costs[1:])
    request = run_service_pb2.GetActionDetailsRequest(action_id=action_id("r1"))
    first, second = ask(devbox, ("run", "get_action_details", request)).details.attempts
    notes = [f"note {number}" for number in range(301)]
    assert [event.message for event in first.cluster_events] == notes
    assert [log.name for log in first.log_info] == notes
    assert [event.message for event in second.cluster_events] == ["note 7"]


def test_the_latest_of_what_there_is_once_is_shown(devbox: Devbox) -> None:
    async def record() -> None:
        for uri in ("/one/outputs.pb", "/two/outputs.pb"):
            event = told(uri, attempt=3)
            event.outputs.output_uri = uri
            await record_events(devbox, [event])
        await record_events(devbox, [told("later", attempt=3)])

    asyncio.run(record())
    request = run_service_pb2.GetActionDetailsRequest(action_id=action_id("r1"))
    third = ask(devbox, ("run", "get_action_details", request)).details.attempts[-1]
    assert (third.attempt, third.outputs.output_uri, len(third.cluster_events)) == (3, "/two/outputs.pb", 3)


def test_what_an_earlier_release_kept_of_events_is_shown_once(devbox: Devbox) -> None:
    event = told("earlier", attempt=4)
    kept = run_definition_pb2.ActionEvent(cluster_events=event.cluster_events, log_info=event.log_info)

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO attempts (action_id, number, phase, output_uri, transitions, worker, cache_status, event)"
            " SELECT action_id, 4, phase, output_uri, transitions, worker, cache_status, ? FROM attempts WHERE number = 3",
            (kept.SerializeToString(),),
        )

    async def record() -> None:
        await devbox.database.write(write)
        await record_events(devbox, [told("earlier", "new", attempt=4)])

    asyncio.run(record())
    request = run_service_pb2.GetActionDetailsRequest(action_id=action_id("r1"))
    fourth = ask(devbox, ("run", "get_action_details", request)).details.attempts[-1]
    assert [one.message for one in fourth.cluster_events] == ["earlier", "new"]


def test_a_stream_gets_all_changes_in_bounded_pieces() -> None:
    async def watch() -> None:
        hub = Hub()
        with hub.subscribe(1) as subscription:
            for action in [*range(1200), *range(1200)]:
                hub.publish(1, action, "a0")
            pieces = [await subscription.changes(), await subscription.changes(), await subscription.changes()]
            assert [len(piece) for piece in pieces] == [500, 500, 200]
            assert [action for piece in pieces for action in piece] == list(range(1200))
            assert await subscription.changes(0.01) == []

    asyncio.run(watch())


def test_a_reader_that_does_not_read_is_cut_off() -> None:
    async def watch() -> None:
        hub = Hub()
        with hub.subscribe(None) as idle, hub.subscribe(None) as busy:
            for action in range(200_001):
                hub.publish(action, action, "")
                if action % 500 == 499:
                    await busy.changes()
            with pytest.raises(ServiceError, match="more than 200,000 actions have changed") as error:
                await idle.changes()
            assert error.value.code == "unavailable"
            assert await busy.changes() == [200_000]

    asyncio.run(watch())
