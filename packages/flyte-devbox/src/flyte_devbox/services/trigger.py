"""`TriggerService`: triggers, and what was changed about them."""

import sqlite3
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flyteidl2.common import identifier_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2

from flyte_devbox import rows
from flyte_devbox.database import reading
from flyte_devbox.errors import invalid_argument, not_found
from flyte_devbox.services.listing import conditions_of, page_of
from flyte_devbox.services.lookups import find_task
from flyte_devbox.triggering import details_of, next_due, trigger_details

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_DEPLOY = trigger_definition_pb2.TRIGGER_REVISION_ACTION_DEPLOY
_ACTIVATE = trigger_definition_pb2.TRIGGER_REVISION_ACTION_ACTIVATE
_DEACTIVATE = trigger_definition_pb2.TRIGGER_REVISION_ACTION_DEACTIVATE
_DELETE = trigger_definition_pb2.TRIGGER_REVISION_ACTION_DELETE
_METADATA = trigger_definition_pb2.TriggerMetadata(deployed_by=rows.IDENTITY, updated_by=rows.IDENTITY)
_COLUMNS = {
    "name": "name",
    "task_name": "task_name",
    "active": "is_active",
    "created_at": "deployed_at",
    "deployed_at": "deployed_at",
    "updated_at": "updated_at",
    "triggered_at": "triggered_at",
    "revision": "revision",
}
_KEY = "project = ? AND domain = ? AND task_name = ? AND name = ?"


class Service:
    """Answers the calls of `TriggerService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox
        self._database = devbox.database

    async def deploy_trigger(
        self, request: trigger_service_pb2.DeployTriggerRequest
    ) -> trigger_service_pb2.DeployTriggerResponse:
        """Make a trigger, or a new revision of it."""
        name = request.name
        task = task_definition_pb2.TaskIdentifier(
            org=name.org,
            project=name.project,
            domain=name.domain,
            name=name.task_name,
            version=request.spec.task_version,
        )
        find_task(self._database, task)
        details = trigger_definition_pb2.TriggerDetails(
            id=identifier_pb2.TriggerIdentifier(name=name, revision=1),
            spec=request.spec,
            automation_spec=request.automation_spec,
            description=request.spec.description,
        )
        await self._database.write(lambda connection: deploy_trigger(connection, details, time.time()))
        self._devbox.triggers.changed()
        return trigger_service_pb2.DeployTriggerResponse(trigger=trigger_details(self._database, name))

    async def get_trigger_details(
        self, request: trigger_service_pb2.GetTriggerDetailsRequest
    ) -> trigger_service_pb2.GetTriggerDetailsResponse:
        """Return a trigger."""
        return trigger_service_pb2.GetTriggerDetailsResponse(trigger=trigger_details(self._database, request.name))

    async def get_trigger_revision_details(
        self, request: trigger_service_pb2.GetTriggerRevisionDetailsRequest
    ) -> trigger_service_pb2.GetTriggerRevisionDetailsResponse:
        """Return a trigger as it was."""
        row = self._database.read_one(
            f"SELECT details FROM trigger_revisions WHERE {_KEY} AND revision = ?",
            (*_key(request.id.name), request.id.revision),
        )
        if row is None:
            raise not_found(f"trigger `{request.id.name.name}` has no revision {request.id.revision}")
        details = trigger_definition_pb2.TriggerDetails.FromString(row["details"])
        return trigger_service_pb2.GetTriggerRevisionDetailsResponse(trigger=details)

    async def list_triggers(
        self, request: trigger_service_pb2.ListTriggersRequest
    ) -> trigger_service_pb2.ListTriggersResponse:
        """List triggers, the latest deployed first."""
        kind = request.WhichOneof("scope_by")
        scope, values = "1", list[Any]()
        if kind == "project_id":
            scope, values = "project = ? AND domain = ?", [request.project_id.name, request.project_id.domain]
        elif kind in {"task_id", "task_name"}:
            task = request.task_id if kind == "task_id" else request.task_name
            scope, values = "project = ? AND domain = ? AND task_name = ?", [task.project, task.domain, task.name]
        conditions, parameters = conditions_of(request.request.filters, _COLUMNS)
        page = page_of(request.request, _COLUMNS, default="deployed_at DESC", unique="project, domain, task_name, name")
        where = " AND ".join([scope, *conditions])
        sql = f"SELECT * FROM triggers WHERE {where} {page.order if kind == 'task_id' else page.tail}"
        found: Sequence[sqlite3.Row] = await self._database.read_aside(
            lambda connection: reading(connection)(sql, [*values, *parameters])
        )
        if kind == "task_id":
            # The version is in the message alone. One task has few triggers.
            version = request.task_id.version
            found, token = page.of([row for row in found if details_of(row).spec.task_version == version])
        else:
            found, token = page.cut(found)
        triggers: list[trigger_definition_pb2.Trigger] = []
        for row in found:
            details = details_of(row)
            triggers.append(
                trigger_definition_pb2.Trigger(
                    id=details.id,
                    metadata=details.metadata,
                    status=details.status,
                    active=bool(row["is_active"]),
                    automation_spec=details.automation_spec,
                )
            )
        return trigger_service_pb2.ListTriggersResponse(triggers=triggers, token=token)

    async def get_trigger_revision_history(
        self, request: trigger_service_pb2.GetTriggerRevisionHistoryRequest
    ) -> trigger_service_pb2.GetTriggerRevisionHistoryResponse:
        """List the revisions of a trigger, the latest first."""
        columns = {"revision": "revision", "created_at": "created_at"}
        page = page_of(request.request, columns, default="revision DESC", unique="revision")
        sql = f"SELECT * FROM trigger_revisions WHERE {_KEY} {page.tail}"
        key = _key(request.name)
        found, token = page.cut(await self._database.read_aside(lambda connection: reading(connection)(sql, key)))
        revisions: list[trigger_definition_pb2.TriggerRevision] = []
        for row in found:
            details = trigger_definition_pb2.TriggerDetails.FromString(row["details"])
            revisions.append(
                trigger_definition_pb2.TriggerRevision(
                    id=identifier_pb2.TriggerIdentifier(name=request.name, revision=row["revision"]),
                    metadata=details.metadata,
                    status=details.status,
                    action=row["action"],
                    created_at=rows.timestamp(row["created_at"]),
                )
            )
        return trigger_service_pb2.GetTriggerRevisionHistoryResponse(triggers=revisions, token=token)

    async def update_triggers(
        self, request: trigger_service_pb2.UpdateTriggersRequest
    ) -> trigger_service_pb2.UpdateTriggersResponse:
        """Activate or deactivate triggers, all or none."""
        active = request.active

        def work(connection: sqlite3.Connection) -> None:
            for name in request.names:
                row = _row(connection, name)
                details = details_of(row)
                details.spec.active = active
                now = time.time()
                _write(
                    connection,
                    details,
                    row["revision"] + 1,
                    now,
                    action=_ACTIVATE if active else _DEACTIVATE,
                    known=row,
                )

        await self._database.write(work)
        self._devbox.triggers.changed()
        return trigger_service_pb2.UpdateTriggersResponse()

    async def delete_triggers(
        self, request: trigger_service_pb2.DeleteTriggersRequest
    ) -> trigger_service_pb2.DeleteTriggersResponse:
        """Delete triggers, all or none; their revisions stay."""

        def work(connection: sqlite3.Connection) -> None:
            for name in request.names:
                row = _row(connection, name)
                details, now = details_of(row), time.time()
                details.status.deleted_at.CopyFrom(rows.timestamp(now))
                _write(connection, details, row["revision"] + 1, now, action=_DELETE, known=row)
                connection.execute(f"DELETE FROM triggers WHERE {_KEY}", _key(name))

        await self._database.write(work)
        return trigger_service_pb2.DeleteTriggersResponse()


def is_deployed(connection: sqlite3.Connection, details: trigger_definition_pb2.TriggerDetails) -> bool:
    """Tell whether a trigger is there, active or not, exactly as it is declared."""
    name = details.id.name
    row: sqlite3.Row | None = connection.execute(f"SELECT * FROM triggers WHERE {_KEY}", _key(name)).fetchone()
    if row is None:
        return False
    there = details_of(row)
    return (there.spec, there.automation_spec, there.description) == (
        details.spec,
        details.automation_spec,
        details.description,
    )


def deploy_trigger(connection: sqlite3.Connection, details: trigger_definition_pb2.TriggerDetails, now: float) -> None:
    """Record a trigger as its next revision.

    Raises:
        ServiceError: INVALID_ARGUMENT: its schedule cannot be read.
    """
    name = details.id.name
    row: sqlite3.Row | None = connection.execute(f"SELECT * FROM triggers WHERE {_KEY}", _key(name)).fetchone()
    last = connection.execute(
        f"SELECT max(revision) AS last FROM trigger_revisions WHERE {_KEY}", _key(name)
    ).fetchone()
    _write(connection, details, (last["last"] or 0) + 1, now, action=_DEPLOY, known=row)


def _write(
    connection: sqlite3.Connection,
    details: trigger_definition_pb2.TriggerDetails,
    revision: int,
    now: float,
    *,
    action: int,
    known: sqlite3.Row | None,
) -> None:
    name = details.id.name
    due = next_due(details.automation_spec, now) if details.spec.active else None
    if details.automation_spec.WhichOneof("automation") == "schedule" and details.spec.active and due is None:
        raise invalid_argument(f"the schedule of trigger `{name.name}` never comes")
    details.id.revision = revision
    details.metadata.CopyFrom(_METADATA)
    details.status.deployed_at.CopyFrom(rows.timestamp(now if known is None else known["deployed_at"]))
    details.status.updated_at.CopyFrom(rows.timestamp(now))
    content = details.SerializeToString()
    connection.execute(
        "INSERT OR REPLACE INTO triggers (project, domain, task_name, name, revision, details, is_active, automation,"
        " deployed_at, updated_at, triggered_at, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *_key(name),
            revision,
            content,
            details.spec.active,
            int(details.automation_spec.type),
            now if known is None else known["deployed_at"],
            now,
            None if known is None else known["triggered_at"],
            due,
        ),
    )
    connection.execute(
        "INSERT INTO trigger_revisions (project, domain, task_name, name, revision, details, action, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*_key(name), revision, content, action, now),
    )


def _row(connection: sqlite3.Connection, name: identifier_pb2.TriggerName) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(f"SELECT * FROM triggers WHERE {_KEY}", _key(name)).fetchone()
    if row is None:
        raise not_found(f"task `{name.task_name}` has no trigger `{name.name}`\nhint: `flyte get trigger` lists them")
    return row


def _key(name: identifier_pb2.TriggerName) -> tuple[str, str, str, str]:
    return name.project, name.domain, name.task_name, name.name
