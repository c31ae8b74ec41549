"""`ActionsService`: how a running task submits its children and learns how they end."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.workflow import run_definition_pb2, state_service_pb2

from flyte_devbox import rows
from flyte_devbox.errors import ServiceError, failed_precondition
from flyte_devbox.finding import find_run_row
from flyte_devbox.live import LiveAction
from flyte_devbox.services.conditions import signal_condition
from flyte_devbox.services.lookups import ACTIONS, find_action, read_in
from flyte_models.phases import ActionPhase

if TYPE_CHECKING:
    from flyteidl2.workflow import internal_run_service_pb2, queue_service_pb2

    from flyte_devbox.devbox import Devbox

__all__ = [
    "Service",
    "abort_below",
    "action_of",
    "children_of",
    "refusal_of_reports",
    "update_of",
    "update_of_ended",
    "watch_children",
]

_BATCH = 500
_SUCCEEDED = frozenset({ActionPhase.SUCCEEDED, ActionPhase.RECOVERED})


class Service:
    """Answers the calls of `ActionsService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def enqueue(self, request: actions_service_pb2.EnqueueRequest) -> actions_service_pb2.EnqueueResponse:
        """Take a child action; a repeated request changes nothing."""
        await self._devbox.submission.enqueue(request.action)
        return actions_service_pb2.EnqueueResponse()

    async def watch_for_updates(
        self, request: actions_service_pb2.WatchForUpdatesRequest
    ) -> AsyncIterator[actions_service_pb2.WatchForUpdatesResponse]:
        """Send the children of an action as they are, a sentinel, then their changes."""
        async for update in watch_children(self._devbox, request.parent_action_id):
            if update is None:
                sentinel = state_service_pb2.ControlMessage(sentinel=True)
                yield actions_service_pb2.WatchForUpdatesResponse(control_message=sentinel)
            else:
                yield actions_service_pb2.WatchForUpdatesResponse(action_update=update)

    async def update(self, request: actions_service_pb2.UpdateRequest) -> actions_service_pb2.UpdateResponse:
        """Refuse: the devbox learns from the processes of attempts how they are."""
        raise refusal_of_reports(find_action(self._devbox.database, request.action_id))

    async def abort(self, request: actions_service_pb2.AbortRequest) -> actions_service_pb2.AbortResponse:
        """Abort an action and all below it; one that is over stays as it is."""
        await abort_below(self._devbox, request.action_id, request.reason)
        return actions_service_pb2.AbortResponse()

    async def signal(self, request: actions_service_pb2.SignalRequest) -> actions_service_pb2.SignalResponse:
        """Give a condition its value."""
        await signal_condition(self._devbox, find_action(self._devbox.database, request.action_id), request.value)
        return actions_service_pb2.SignalResponse()


def action_of(
    request: "queue_service_pb2.EnqueueActionRequest | internal_run_service_pb2.RecordActionRequest",
    parent: str,
    base: str,
) -> actions_service_pb2.Action:
    """Give what other services call a child action as the one to enqueue.

    Args:
        request: whose fields are those of the action.
        parent: the action that it is a child of.
        base: where the outputs of its run go.
    """
    action = actions_service_pb2.Action(
        action_id=request.action_id,
        parent_action_name=parent,
        group=request.group,
        subject=request.subject,
        input_uri=request.input_uri,
        run_output_base=base,
    )
    kind = request.WhichOneof("spec")
    if kind == "task":
        action.task.CopyFrom(request.task)
    elif kind == "trace":
        action.trace.CopyFrom(request.trace)
    elif kind == "condition":
        action.condition.CopyFrom(request.condition)
    return action


def refusal_of_reports(row: sqlite3.Row) -> ServiceError:
    """Say that nobody else reports how an action of the devbox is."""
    return failed_precondition(
        f"the devbox runs action `{row['name']}` itself, so nobody else says how it is\n"
        "hint: runs that are carried out elsewhere are reported to `TrackedRunService`"
    )


async def abort_below(devbox: "Devbox", action: identifier_pb2.ActionIdentifier, reason: str) -> None:
    """Abort an action and all below it for its parent; one that is over stays as it is.

    Raises:
        ServiceError: NOT_FOUND.
    """
    row = find_action(devbox.database, action)
    run = devbox.scheduler.runs.get(row["run_id"])
    if run is not None:
        await devbox.scheduler.abort(run, row["name"], reason or "aborted by its parent")


async def watch_children(
    devbox: "Devbox", parent: identifier_pb2.ActionIdentifier
) -> AsyncIterator[state_service_pb2.ActionUpdate | None]:
    """Yield every child of an action as it is, `None` after the last, then each change for ever.

    A child that failed for an earlier attempt of the parent is left out until it is asked for again.
    """
    run = find_run_row(devbox.database, parent.run)["id"]
    with devbox.hub.subscribe(run, parent.name) as subscription:
        for page in children_of(devbox, run, parent.name):
            for row in page:
                yield _shown(devbox, row)
        yield None
        while True:
            changed = await subscription.changes()
            for row in read_in(devbox.database.read, f"{ACTIONS} WHERE a.id IN", [], changed):
                yield _shown(devbox, row)


def _shown(devbox: "Devbox", row: sqlite3.Row) -> state_service_pb2.ActionUpdate:
    """Return what a parent is told of a child, whose outputs it can open as a file then."""
    if row["output_uri"] and row["phase"] in rows.TERMINAL:
        devbox.starter.show(row["output_uri"])
    return update_of(row)


def children_of(devbox: "Devbox", run: int, parent: str) -> Iterator[list[sqlite3.Row]]:
    """Yield the children of an action in pages, without those that failed for an earlier attempt of the parent."""
    live = devbox.scheduler.runs.get(run)
    alive = None if live is None else live.actions.get(parent)
    attempt = 0 if alive is None else alive.number
    last, is_last_page = 0, False
    while not is_last_page:
        sql = f"{ACTIONS} WHERE a.run_id = ? AND a.parent = ? AND a.id > ? ORDER BY a.id LIMIT {_BATCH}"
        found = devbox.database.read(sql, (run, parent, last))
        is_last_page = len(found) < _BATCH
        if found:
            last = found[-1]["id"]
        yield [row for row in found if row["phase"] not in {6, 7, 8} or row["asked_in"] >= attempt]


def update_of_ended(action: LiveAction) -> state_service_pb2.ActionUpdate:
    """Return what a parent is told of the end of a task's action, which is recorded."""
    run = action.run
    name = identifier_pb2.RunIdentifier(org=run.org, project=run.project, domain=run.domain, name=run.name)
    update = state_service_pb2.ActionUpdate(
        action_id=identifier_pb2.ActionIdentifier(run=name, name=action.name),
        phase=action.state.phase.to_protobuf_value(),  # type: ignore[arg-type]
        output_uri=_folder_of(action.output_uri or "", action.output_prefix()),
    )
    if action.error is not None and action.state.phase not in _SUCCEEDED:
        update.error.CopyFrom(rows.execution_error(action.error))
    return update


def _folder_of(output_uri: str, current: str) -> str:
    """Return the folder that takes outputs or error, as runtimes expect: there is one in every phase."""
    return output_uri.removesuffix("/outputs.pb") or current


def update_of(row: sqlite3.Row) -> state_service_pb2.ActionUpdate:
    """Return what a parent is told of a child."""
    update = state_service_pb2.ActionUpdate(action_id=rows.action_id(row), phase=row["phase"])
    if row["type"] == run_definition_pb2.ACTION_TYPE_TASK:
        update.output_uri = _folder_of(row["output_uri"], f"{row['run_base']}/{row['name']}/{row['attempt']}")
    elif row["output_uri"]:
        update.output_uri = row["output_uri"]
    error = rows.error_of(row)
    if error is not None and row["phase"] in {6, 7, 8}:
        update.error.CopyFrom(rows.execution_error(error))
    if row["value"] is not None:
        update.value.CopyFrom(literals_pb2.Literal.FromString(row["value"]))
    return update
