"""`TrackedRunService`: runs that somebody else carries out and reports."""

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from flyteidl2.common import identifier_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2, tracked_run_service_pb2
from google.rpc import status_pb2

from flyte_devbox import rows
from flyte_devbox.errors import ServiceError, already_exists, failed_precondition, invalid_argument, not_found
from flyte_devbox.finding import find_run_row
from flyte_devbox.new_runs import new_run_name
from flyte_devbox.records import NewAction, NewRun, add_action, add_run, find_run, keep_spec
from flyte_devbox.services.events import merge_event
from flyte_devbox.services.lookups import find_task, root_action
from flyte_devbox.services.run import Service as RunService
from flyte_devbox.services.run import check_project

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_OK = status_pb2.Status()
_NOT_FOUND = 5


class Service(RunService):
    """Answers the calls of `TrackedRunService`: looking and watching are as in `RunService`."""

    is_tracked = True

    def __init__(self, devbox: "Devbox") -> None:
        super().__init__(devbox)

    async def create_run(  # type: ignore[override]
        self, request: tracked_run_service_pb2.CreateTrackedRunRequest
    ) -> run_service_pb2.CreateRunResponse:
        """Record a run that has begun elsewhere."""
        if request.WhichOneof("id") == "run_id":
            run = request.run_id
            org, project, domain, name = run.org, run.project, run.domain, run.name
        else:
            scope = request.project_id
            org, project, domain, name = scope.organization, scope.name, scope.domain, new_run_name()
        check_project(self._devbox, project)
        spec = self._tracked_spec(request)
        now = time.time()
        started = rows.seconds_of(request.run_start_time) if request.HasField("run_start_time") else now
        labels = dict(request.labels) | dict(request.run_spec.labels.values)
        task = spec.task_template.id
        source = int(run_definition_pb2.RUN_SOURCE_TRACKED)
        metadata = run_definition_pb2.ActionMetadata(
            executed_by=rows.IDENTITY,
            task=run_definition_pb2.TaskActionMetadata(
                id=rows.task_id_of(spec, org), task_type=spec.task_template.type, short_name=spec.short_name
            ),
            action_type=run_definition_pb2.ACTION_TYPE_TASK,
            environment_name=spec.environment.name,
            funtion_name=task.name.rpartition(".")[2],
            source=run_definition_pb2.RUN_SOURCE_TRACKED,
        )

        def work(connection: sqlite3.Connection) -> int:
            if find_run(connection, project, domain, name) is not None:
                raise already_exists(f"a run named `{name}` exists in `{project}/{domain}`")
            new = NewRun(
                org,
                project,
                domain,
                name,
                request.run_spec.SerializeToString(),
                source,
                labels,
                True,
                0,
                started,
                now,
                task.name,
                task.version,
            )
            row = add_run(connection, new)
            uri = request.offloaded_input_data.uri
            add_action(
                connection,
                row,
                NewAction(
                    "a0",
                    "",
                    1,
                    1,
                    1,
                    metadata.SerializeToString(),
                    keep_spec(connection, spec),
                    None,
                    task.name,
                    spec.environment.name,
                    "",
                    uri,
                    "",
                    "",
                    0,
                    0,
                    started,
                ),
            )
            return row

        row = await self._devbox.database.write(work)
        root = root_action(self._devbox.database, row)
        self._devbox.hub.publish(row, root["id"], "")
        return run_service_pb2.CreateRunResponse(run=rows.run_of(root, now))

    def _tracked_spec(self, request: tracked_run_service_pb2.CreateTrackedRunRequest) -> task_definition_pb2.TaskSpec:
        kind = request.WhichOneof("task")
        if kind == "task_spec":
            return request.task_spec
        if kind == "task_id":
            return self._devbox.starter.spec(find_task(self._devbox.database, request.task_id)["digest"])
        raise invalid_argument("the run names nothing that runs: `task_id` or `task_spec`")

    async def report_actions(
        self, request: tracked_run_service_pb2.ReportTrackedActionsRequest
    ) -> tracked_run_service_pb2.ReportTrackedActionsResponse:
        """Record how actions are; each update has a status of its own, and repeating one changes nothing."""
        run = self._tracked(request.run_id)
        changed: list[tuple[int, str]] = []
        # Where uploads go to that clients name so.
        folder = self._devbox.objects.uri(f"{run['project']}/{run['domain']}/uploads/tracked-runs/{run['name']}")

        def work(connection: sqlite3.Connection) -> list[status_pb2.Status]:
            statuses: list[status_pb2.Status] = []
            for update in request.updates:
                try:
                    changed.append(_report(connection, run, update, folder))
                    statuses.append(_OK)
                except ServiceError as error:
                    statuses.append(status_pb2.Status(code=_NOT_FOUND, message=error.message))
            return statuses

        statuses = await self._devbox.database.write(work)
        for action, parent in changed:
            self._devbox.hub.publish(run["id"], action, parent)
        return tracked_run_service_pb2.ReportTrackedActionsResponse(statuses=statuses)

    async def abort_run(self, request: run_service_pb2.AbortRunRequest) -> run_service_pb2.AbortRunResponse:
        """Record that a run is aborted; whoever carries it out is not told."""
        run = self._tracked(request.run_id)
        if run["phase"] in rows.TERMINAL:
            raise failed_precondition(f"run `{run['name']}` cannot be aborted: it is over")
        now, reason = time.time(), request.reason or "aborted by the user"

        def work(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            aborted = connection.execute(
                "UPDATE actions SET phase = 7, ended_at = ?, updated_at = ?, abort_reason = ? WHERE run_id = ?"
                " AND phase NOT IN (5, 6, 7, 8, 10) RETURNING id, parent",
                (now, now, reason, run["id"]),
            ).fetchall()
            connection.execute(
                "UPDATE runs SET phase = 7, ended_at = ?, updated_at = ? WHERE id = ?", (now, now, run["id"])
            )
            return aborted

        for row in await self._devbox.database.write(work):
            self._devbox.hub.publish(run["id"], row["id"], row["parent"])
        return run_service_pb2.AbortRunResponse()

    def _tracked(self, run_id: identifier_pb2.RunIdentifier) -> sqlite3.Row:
        run = find_run_row(self._devbox.database, run_id)
        if not run["is_tracked"]:
            raise failed_precondition(f"run `{run['name']}` is carried out by the devbox, so nobody reports it")
        return run


def _report(
    connection: sqlite3.Connection, run: sqlite3.Row, update: tracked_run_service_pb2.TrackedActionUpdate, uploads: str
) -> tuple[int, str]:
    event, name = update.event, update.event.id.name
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM actions WHERE run_id = ? AND name = ?", (run["id"], name)
    ).fetchone()
    action = _add(connection, run, update, uploads) if row is None else int(row["id"])
    parent = update.parent_name if row is None else str(row["parent"])
    is_over = row is not None and row["phase"] in rows.TERMINAL
    if row is not None and is_over and event.attempt <= row["attempt"] and event.phase not in rows.TERMINAL:
        # A late report. A further attempt is none.
        return action, parent
    merge_event(connection, action, event)
    # Reports of an attempt that runs are there before any message says where.
    folder = event.outputs.output_uri.removesuffix("/outputs.pb") or _uri_of(
        connection, run, f"{name}/{event.attempt}", uploads
    )
    connection.execute(
        "UPDATE attempts SET output_uri = ? WHERE action_id = ? AND number = ?", (folder, action, event.attempt)
    )
    values = _times(event, update.status)
    error = event.error_info.SerializeToString() if event.HasField("error_info") else None
    outputs = event.outputs.output_uri
    connection.execute(
        "UPDATE actions SET phase = ?, attempt = max(attempt, ?), started_at = coalesce(started_at, ?), ended_at = ?,"
        " error = ?, output_uri = CASE WHEN ? = '' THEN output_uri ELSE ? END, cache_status = ?, updated_at = ? WHERE id = ?",
        (
            event.phase,
            event.attempt,
            values[0],
            values[1],
            error,
            outputs,
            outputs,
            event.cache_status,
            values[2],
            action,
        ),
    )
    attempt: sqlite3.Row = connection.execute(
        "SELECT transitions FROM attempts WHERE action_id = ? AND number = ?", (action, event.attempt)
    ).fetchone()
    steps: list[Any] = json.loads(attempt["transitions"])
    if not steps or steps[-1][0] != event.phase:
        steps.append((int(event.phase), values[2]))
    connection.execute(
        "UPDATE attempts SET phase = ?, started_at = coalesce(started_at, ?), ended_at = ?, error = ?, transitions = ?"
        " WHERE action_id = ? AND number = ?",
        (event.phase, values[0], values[1], error, json.dumps(steps), action, event.attempt),
    )
    if not parent:
        connection.execute(
            "UPDATE runs SET phase = ?, ended_at = ?, updated_at = ? WHERE id = ?",
            (event.phase, values[1], values[2], run["id"]),
        )
    return action, parent


def _times(
    event: run_definition_pb2.ActionEvent, status: run_definition_pb2.ActionStatus
) -> tuple[float, float | None, float]:
    now = time.time()
    updated = rows.seconds_of(event.updated_time) if event.HasField("updated_time") else now
    given = event if event.HasField("start_time") else status
    started = rows.seconds_of(given.start_time) if given.HasField("start_time") else updated
    ended = event if event.HasField("end_time") else status
    if event.phase not in rows.TERMINAL:
        return started, None, updated
    return started, rows.seconds_of(ended.end_time) if ended.HasField("end_time") else updated, updated


def _add(
    connection: sqlite3.Connection, run: sqlite3.Row, update: tracked_run_service_pb2.TrackedActionUpdate, uploads: str
) -> int:
    parent: sqlite3.Row | None = connection.execute(
        "SELECT depth FROM actions WHERE run_id = ? AND name = ?", (run["id"], update.parent_name)
    ).fetchone()
    if parent is None:
        raise not_found(f"there is no action `{update.parent_name[:50]}` of run `{run['name']}` to be the parent")
    metadata = run_definition_pb2.ActionMetadata(
        parent=update.parent_name,
        group=update.group,
        executed_by=rows.IDENTITY,
        source=run_definition_pb2.RUN_SOURCE_TRACKED,
    )
    digest, detail, name, environment = None, None, "", ""
    if update.WhichOneof("spec") == "trace":
        metadata.trace.name = name = update.trace.name
        metadata.action_type = run_definition_pb2.ACTION_TYPE_TRACE
        detail = update.trace.SerializeToString()
    else:
        spec = update.task.spec
        metadata.task.id.CopyFrom(rows.task_id_of(spec, run["org"]))
        metadata.task.short_name, metadata.task.task_type = spec.short_name, spec.task_template.type
        metadata.action_type = run_definition_pb2.ACTION_TYPE_TASK
        metadata.environment_name = environment = spec.environment.name
        digest, name = keep_spec(connection, spec), spec.task_template.id.name
    new = NewAction(
        update.event.id.name,
        update.parent_name,
        int(metadata.action_type),
        int(update.event.phase),
        1,
        metadata.SerializeToString(),
        digest,
        detail,
        name,
        environment,
        "",
        _uri_of(connection, run, f"{update.event.id.name}/inputs.pb", uploads),
        "",
        "",
        0,
        parent["depth"] + 1,
        time.time(),
    )
    return add_action(connection, run["id"], new)


def _uri_of(connection: sqlite3.Connection, run: sqlite3.Row, path: str, uploads: str) -> str:
    """Name where something of a tracked run is. No message says it: in the folder that has the inputs of the root action.

    One that has none leaves the folder in which uploads of the run are.
    """
    root: sqlite3.Row | None = connection.execute(
        "SELECT input_uri FROM actions WHERE run_id = ? AND name = 'a0'", (run["id"],)
    ).fetchone()
    folder, found, _ = (root["input_uri"] if root is not None else "").rpartition("/a0/")
    return f"{folder if found else uploads}/{path}"
