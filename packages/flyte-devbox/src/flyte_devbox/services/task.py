"""`TaskService`: deployed tasks and their versions."""

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2
from flyteidl2.trigger import trigger_definition_pb2

from flyte_devbox import rows
from flyte_devbox.database import Reading, reading
from flyte_devbox.errors import already_exists
from flyte_devbox.records import keep_spec
from flyte_devbox.services.listing import conditions_of, page_of
from flyte_devbox.services.lookups import find_task
from flyte_devbox.services.run import check_project
from flyte_devbox.services.trigger import deploy_trigger, is_deployed
from flyte_devbox.triggering import details_of

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_COLUMNS = {
    "name": "t.name",
    "version": "t.version",
    "project": "t.project",
    "domain": "t.domain",
    "short_name": "t.short_name",
    "environment_name": "t.environment",
    "created_at": "t.deployed_at",
    "deployed_at": "t.deployed_at",
    "updated_at": "t.deployed_at",
}


class Service:
    """Answers the calls of `TaskService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox
        self._database = devbox.database

    async def deploy_task(self, request: task_service_pb2.DeployTaskRequest) -> task_service_pb2.DeployTaskResponse:
        """Keep a version of a task and its triggers; a version does not change afterwards, and what is there stays as it is."""
        task, spec = request.task_id, request.spec
        check_project(self._devbox, task.project)
        triggers = [_trigger_of(task, trigger) for trigger in request.triggers]

        def work(connection: sqlite3.Connection) -> None:
            known: sqlite3.Row | None = connection.execute(
                "SELECT s.spec FROM tasks JOIN task_specs s USING (digest)"
                " WHERE project = ? AND domain = ? AND name = ? AND version = ?",
                (task.project, task.domain, task.name, task.version),
            ).fetchone()
            if known is not None and _content(task_definition_pb2.TaskSpec.FromString(known["spec"])) != _content(spec):
                raise already_exists(
                    f"version `{task.version}` of task `{task.name}` exists and is another one\n"
                    "hint: deploy it under another version"
                )
            # One that is as it was keeps its revision and its clock: else an interval would begin again with each deployment.
            changed = [details for details in triggers if not is_deployed(connection, details)]
            if known is not None and not changed:
                raise already_exists(f"version `{task.version}` of task `{task.name}` exists")
            if known is None:
                _insert(connection, task, spec, keep_spec(connection, spec))
            for details in changed:
                deploy_trigger(connection, details, time.time())

        await self._database.write(work)
        self._devbox.triggers.changed()
        return task_service_pb2.DeployTaskResponse()

    async def get_task_details(
        self, request: task_service_pb2.GetTaskDetailsRequest
    ) -> task_service_pb2.GetTaskDetailsResponse:
        """Return a version of a task."""
        row = find_task(self._database, request.task_id)
        spec = self._devbox.starter.spec(row["digest"])
        details = task_definition_pb2.TaskDetails(
            task_id=_task_id(row), metadata=_metadata(self._database.read, row), spec=spec
        )
        return task_service_pb2.GetTaskDetailsResponse(details=details)

    async def list_tasks(self, request: task_service_pb2.ListTasksRequest) -> task_service_pb2.ListTasksResponse:
        """List the latest version of every task, the latest deployed first."""
        scope, values = "1", list[Any]()
        if request.WhichOneof("scope_by") == "project_id":
            scope, values = "t.project = ? AND t.domain = ?", [request.project_id.name, request.project_id.domain]
        conditions, parameters = conditions_of(request.request.filters, _COLUMNS, special=_special)
        for known in request.known_filters:
            if known.WhichOneof("filter_by") == "is_entrypoint":
                conditions.append("t.is_entrypoint = ?")
                parameters.append(int(known.is_entrypoint))
        latest = "t.id = (SELECT max(u.id) FROM tasks u WHERE u.project = t.project AND u.domain = t.domain AND u.name = t.name)"
        page = page_of(request.request, _COLUMNS, default="t.deployed_at DESC", unique="t.id DESC")
        where = " AND ".join([scope, latest, *conditions])

        def work(connection: sqlite3.Connection) -> task_service_pb2.ListTasksResponse:
            read = reading(connection)
            found, token = page.cut(read(f"SELECT t.* FROM tasks t WHERE {where} {page.tail}", [*values, *parameters]))
            (total,) = read(f"SELECT count(*) AS n FROM tasks t WHERE {scope} AND {latest}", values)
            (filtered,) = read(f"SELECT count(*) AS n FROM tasks t WHERE {where}", [*values, *parameters])
            return task_service_pb2.ListTasksResponse(
                tasks=[_task(read, row) for row in found],
                token=token,
                metadata=task_service_pb2.ListTasksResponse.ListTasksMetadata(
                    total=total["n"], filtered_total=filtered["n"]
                ),
            )

        return await self._database.read_aside(work)

    async def list_versions(
        self, request: task_service_pb2.ListVersionsRequest
    ) -> task_service_pb2.ListVersionsResponse:
        """List the versions of a task, the latest first."""
        name = request.task_name
        conditions, parameters = conditions_of(request.request.filters, _COLUMNS, special=_special)
        page = page_of(request.request, _COLUMNS, default="t.deployed_at DESC", unique="t.id DESC")
        where = " AND ".join(["t.project = ? AND t.domain = ? AND t.name = ?", *conditions])
        sql = f"SELECT t.* FROM tasks t WHERE {where} {page.tail}"

        def work(connection: sqlite3.Connection) -> task_service_pb2.ListVersionsResponse:
            read = reading(connection)
            found, token = page.cut(read(sql, [name.project, name.domain, name.name, *parameters]))
            latest = _latest_runs(read, name)
            versions = [
                task_service_pb2.ListVersionsResponse.VersionResponse(
                    version=row["version"],
                    deployed_at=rows.timestamp(row["deployed_at"]),
                    deployed_by=rows.IDENTITY,
                    latest_run=latest.get(row["version"]),
                )
                for row in found
            ]
            return task_service_pb2.ListVersionsResponse(versions=versions, token=token)

        return await self._database.read_aside(work)


def _task(read: Reading, row: sqlite3.Row) -> task_definition_pb2.Task:
    return task_definition_pb2.Task(
        task_id=_task_id(row),
        metadata=_metadata(read, row),
        task_summary=task_definition_pb2.TaskSummary(latest_run=_latest_run(read, row)),
    )


def _metadata(read: Reading, row: sqlite3.Row) -> task_definition_pb2.TaskMetadata:
    return task_definition_pb2.TaskMetadata(
        deployed_by=rows.IDENTITY,
        short_name=row["short_name"],
        deployed_at=rows.timestamp(row["deployed_at"]),
        environment_name=row["environment"],
        triggers_summary=_triggers(read, row),
        short_description=row["description"],
    )


def _triggers(read: Reading, row: sqlite3.Row) -> task_definition_pb2.TaskTriggersSummary | None:
    found = read(
        "SELECT * FROM triggers WHERE project = ? AND domain = ? AND task_name = ?",
        (row["project"], row["domain"], row["name"]),
    )
    if not found:
        return None
    if len(found) > 1:
        stats = task_definition_pb2.TaskTriggersSummary.TriggerStats(
            total=len(found), active=sum(one["is_active"] for one in found)
        )
        return task_definition_pb2.TaskTriggersSummary(stats=stats)
    details = details_of(found[0])
    return task_definition_pb2.TaskTriggersSummary(
        details=task_definition_pb2.TaskTriggersSummary.TriggerDetails(
            name=found[0]["name"], active=bool(found[0]["is_active"]), automation_spec=details.automation_spec
        )
    )


def _latest_run(read: Reading, row: sqlite3.Row) -> task_definition_pb2.LatestRunSummary | None:
    # In the order of the index: a task may have very many runs.
    found = read(
        "SELECT * FROM runs WHERE project = ? AND domain = ? AND task_name = ? ORDER BY id DESC LIMIT 1",
        (row["project"], row["domain"], row["name"]),
    )
    return _summary(found[0]) if found else None


def _latest_runs(read: Reading, task: task_definition_pb2.TaskName) -> dict[str, task_definition_pb2.LatestRunSummary]:
    """Return the latest run of each version that has any: by one query, since a task may have very many runs."""
    found = read(
        "SELECT * FROM runs WHERE id IN"
        " (SELECT max(id) FROM runs WHERE project = ? AND domain = ? AND task_name = ? GROUP BY task_version)",
        (task.project, task.domain, task.name),
    )
    return {run["task_version"]: _summary(run) for run in found}


def _summary(run: sqlite3.Row) -> task_definition_pb2.LatestRunSummary:
    return task_definition_pb2.LatestRunSummary(
        run_id=identifier_pb2.RunIdentifier(
            org=run["org"], project=run["project"], domain=run["domain"], name=run["name"]
        ),
        run_time=rows.timestamp(run["created_at"]),
        phase=run["phase"],
        root_task_name=run["task_name"],
    )


def _insert(
    connection: sqlite3.Connection,
    task: task_definition_pb2.TaskIdentifier,
    spec: task_definition_pb2.TaskSpec,
    digest: bytes,
) -> None:
    connection.execute(
        "INSERT INTO tasks (org, project, domain, name, version, digest, short_name, environment, description,"
        " is_entrypoint, deployed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            task.org,
            task.project,
            task.domain,
            task.name,
            task.version,
            digest,
            spec.short_name or task.name.rpartition(".")[2],
            spec.environment.name,
            spec.documentation.short_description,
            spec.task_template.metadata.is_entrypoint,
            time.time(),
        ),
    )


def _content(spec: task_definition_pb2.TaskSpec) -> bytes:
    """Give what makes a version another one; the link to its source is another one at each commit."""
    content = task_definition_pb2.TaskSpec()
    content.CopyFrom(spec)
    content.documentation.ClearField("source_code")
    return content.SerializeToString(deterministic=True)


def _task_id(row: sqlite3.Row) -> task_definition_pb2.TaskIdentifier:
    return task_definition_pb2.TaskIdentifier(
        org=row["org"], project=row["project"], domain=row["domain"], name=row["name"], version=row["version"]
    )


def _trigger_of(
    task: task_definition_pb2.TaskIdentifier, trigger: task_definition_pb2.TaskTrigger
) -> trigger_definition_pb2.TriggerDetails:
    given = trigger.spec
    spec = trigger_definition_pb2.TriggerSpec(
        run_spec=given.run_spec, active=given.active, task_version=task.version, description=given.description
    )
    if given.WhichOneof("input_wrapper") == "offloaded_input_data":
        spec.offloaded_input_data.CopyFrom(given.offloaded_input_data)
    elif given.WhichOneof("input_wrapper") == "inputs":
        spec.inputs.CopyFrom(given.inputs)
    name = identifier_pb2.TriggerName(
        org=task.org, project=task.project, domain=task.domain, name=trigger.name, task_name=task.name
    )
    return trigger_definition_pb2.TriggerDetails(
        id=identifier_pb2.TriggerIdentifier(name=name, revision=1),
        spec=spec,
        automation_spec=trigger.automation_spec,
        description=given.description,
    )


def _special(one: list_pb2.Filter) -> tuple[str, list[Any]] | None:
    # Everything was deployed by the one user there is.
    return ("1", []) if one.field in {"deployed_by", "created_by"} else None
