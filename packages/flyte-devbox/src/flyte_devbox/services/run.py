"""`RunService`: creates, looks at, watches and aborts runs."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from flyteidl2.common import list_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2
from google.protobuf.message import Message

from flyte_devbox import rows
from flyte_devbox.connect import Prepared
from flyte_devbox.database import reading
from flyte_devbox.errors import failed_precondition, invalid_argument, not_found
from flyte_devbox.finding import find_run_row
from flyte_devbox.new_runs import RunRequest, inputs_hash, new_run_name
from flyte_devbox.services.conditions import literal_of_payload, phase_name, signal_condition
from flyte_devbox.services.groups import task_groups
from flyte_devbox.services.listing import compare, conditions_of, page_of
from flyte_devbox.services.lookups import (
    ACTIONS,
    attempts,
    data_answer,
    editor_link,
    find_action,
    find_task,
    read_in,
    root_action,
)
from flyte_devbox.triggering import add_defaults, trigger_details

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_SNAPSHOT = 500
_ROOTS = f"{ACTIONS} WHERE a.parent = ''"
_RUN_COLUMNS = {
    "phase": "a.phase",
    "status": "a.phase",
    "task_name": "r.task_name",
    "task_version": "r.task_version",
    "environment_name": "a.environment",
    "name": "r.name",
    "run_name": "r.name",
    "trigger_name": "r.trigger_name",
    "trigger_task_name": "r.trigger_task",
    "created_at": "r.created_at",
    "updated_at": "r.updated_at",
    "ended_at": "r.ended_at",
    "start_time": "r.started_at",
    "end_time": "r.ended_at",
    "created_by": "'devbox'",
    "source": "r.source",
}
_ACTION_COLUMNS = {
    "phase": "a.phase",
    "status": "a.phase",
    "name": "a.name",
    "parent_name": "a.parent",
    "action_type": "a.type",
    "task_name": "a.task_name",
    "environment_name": "a.environment",
    "created_at": "a.created_at",
    "updated_at": "a.updated_at",
    "start_time": "a.started_at",
    "ended_at": "a.ended_at",
    "end_time": "a.ended_at",
}


class Service:
    """Answers the calls of `RunService`."""

    is_tracked = False
    """Which runs it shows: those that were carried out elsewhere and reported, or the devbox's own."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox
        self._database = devbox.database

    # --- create and end -------------------------------------------------------------------------------------------

    async def create_run(self, request: run_service_pb2.CreateRunRequest) -> run_service_pb2.CreateRunResponse:
        """Create a run of a task, of a specification or of a trigger."""
        which = request.WhichOneof("id")
        if which == "run_id":
            run = request.run_id
            org, project, domain, name = run.org, run.project, run.domain, run.name
        elif which == "project_id":
            org, project, domain = request.project_id.organization, request.project_id.name, request.project_id.domain
            name = ""
        else:
            raise invalid_argument("the run has neither a name (`run_id`) nor a project (`project_id`)")
        check_project(self._devbox, project)
        if request.WhichOneof("task") == "trigger_name":
            row = await self._run_trigger(request, name)
        else:
            row = await self._devbox.submission.create_run(await self._run_request(request, org, project, domain, name))
        return run_service_pb2.CreateRunResponse(run=rows.run_of(root_action(self._database, row), time.time()))

    async def _run_request(
        self, request: run_service_pb2.CreateRunRequest, org: str, project: str, domain: str, name: str
    ) -> RunRequest:
        kind = request.WhichOneof("task")
        spec = task_definition_pb2.TaskSpec()
        if kind == "task_spec":
            spec.CopyFrom(request.task_spec)
        elif kind == "task_id":
            spec.CopyFrom(self._devbox.starter.spec(find_task(self._database, request.task_id)["digest"]))
        else:
            raise invalid_argument("the run names nothing to run: `task_id`, `task_spec` or `trigger_name`")
        settings = run_pb2.RunSpec()
        settings.CopyFrom(request.run_spec)
        name = name or new_run_name()
        objects = self._devbox.objects
        if request.WhichOneof("input_wrapper") == "offloaded_input_data":
            uri, digest = request.offloaded_input_data.uri, request.offloaded_input_data.inputs_hash
            if not objects.has(uri):
                raise invalid_argument(f"the inputs `{uri[:200]}` do not exist\nhint: upload them with `UploadInputs`")
        else:
            inputs = common_pb2.Inputs()
            inputs.CopyFrom(request.inputs)
            add_defaults(inputs, spec)
            digest = inputs_hash(inputs, tuple(spec.task_template.metadata.cache_ignore_input_vars))
            # Named by content as well, so that a refused request never changes the inputs of the run that exists.
            key = f"{project}/{domain}/inputs/{name}-{digest[:16]}/inputs.pb"
            uri = await objects.write(key, inputs.SerializeToString(deterministic=True))
        started = rows.seconds_of(request.run_start_time) if request.HasField("run_start_time") else time.time()
        return RunRequest(org, project, domain, name, spec, settings, uri, digest, int(request.source), started)

    async def _run_trigger(self, request: run_service_pb2.CreateRunRequest, name: str) -> int:
        inputs = None
        kind = request.WhichOneof("input_wrapper")
        if kind == "inputs":
            inputs = common_pb2.Inputs()
            inputs.CopyFrom(request.inputs)
        elif kind == "offloaded_input_data":
            content = await self._devbox.objects.fetch(request.offloaded_input_data.uri)
            if content is None:
                raise invalid_argument(f"the inputs `{request.offloaded_input_data.uri[:200]}` do not exist")
            inputs = common_pb2.Inputs.FromString(content)
        return await self._devbox.triggers.start(
            trigger_details(self._database, request.trigger_name),
            at=rows.seconds_of(request.run_start_time) if request.HasField("run_start_time") else None,
            name=name,
            inputs=inputs,
            run_spec=request.run_spec if request.HasField("run_spec") else None,
        )

    async def abort_run(self, request: run_service_pb2.AbortRunRequest) -> run_service_pb2.AbortRunResponse:
        """Abort everything of a run that is not over."""
        run = find_run_row(self._database, request.run_id)
        await self._abort(root_action(self._database, run["id"]), request.reason)
        return run_service_pb2.AbortRunResponse()

    async def abort_action(self, request: run_service_pb2.AbortActionRequest) -> run_service_pb2.AbortActionResponse:
        """Abort an action and all below it."""
        await self._abort(find_action(self._database, request.action_id), request.reason)
        return run_service_pb2.AbortActionResponse()

    async def _abort(self, row: sqlite3.Row, reason: str) -> None:
        run = self._devbox.scheduler.runs.get(row["run_id"])
        if run is not None and await self._devbox.scheduler.abort(run, row["name"], reason or "aborted by the user"):
            return
        what = f"action `{row['name']}` of run `{row['run_name']}`" if row["parent"] else f"run `{row['run_name']}`"
        if row["is_tracked"]:
            raise failed_precondition(
                f"{what} cannot be aborted: it is not carried out by the devbox, only reported to it\n"
                "hint: end it where it runs, or record that it is aborted with `AbortRun` of `TrackedRunService`"
            )
        current = self._database.read_one("SELECT phase FROM actions WHERE id = ?", (row["id"],))
        phase = phase_name((current or row)["phase"])
        raise failed_precondition(f"{what} cannot be aborted: it is over, as {phase}")

    async def signal_event(self, request: run_service_pb2.SignalEventRequest) -> run_service_pb2.SignalEventResponse:
        """Give a condition its value."""
        row = find_action(self._database, request.action_id)
        await signal_condition(self._devbox, row, literal_of_payload(request.payload))
        return run_service_pb2.SignalEventResponse()

    # --- look -----------------------------------------------------------------------------------------------------

    def _run_details(self, row: sqlite3.Row) -> run_definition_pb2.RunDetails:
        spec = run_pb2.RunSpec.FromString(row["run_spec"])
        return run_definition_pb2.RunDetails(run_spec=spec, action=self._details(row))

    def _details(self, row: sqlite3.Row) -> run_definition_pb2.ActionDetails:
        spec = None if row["digest"] is None else self._devbox.starter.spec(row["digest"])
        details = rows.details_of(row, attempts(self._database, row["id"]), spec, time.time())
        if details.attempts and (link := editor_link(self._devbox, row)) is not None:
            details.attempts[-1].log_info.append(link)
        return details

    async def get_run_details(
        self, request: run_service_pb2.GetRunDetailsRequest
    ) -> run_service_pb2.GetRunDetailsResponse:
        """Return a run with its root action."""
        run = find_run_row(self._database, request.run_id)
        return run_service_pb2.GetRunDetailsResponse(details=self._run_details(root_action(self._database, run["id"])))

    async def get_action_details(
        self, request: run_service_pb2.GetActionDetailsRequest
    ) -> run_service_pb2.GetActionDetailsResponse:
        """Return everything about an action."""
        row = find_action(self._database, request.action_id)
        return run_service_pb2.GetActionDetailsResponse(details=self._details(row))

    async def get_action_data(self, request: run_service_pb2.GetActionDataRequest) -> Message | Prepared:
        """Return inputs and outputs of an action."""
        row = find_action(self._database, request.action_id)
        return await data_answer(self._devbox, row, run_service_pb2.GetActionDataResponse())

    async def get_action_data_uris(
        self, request: run_service_pb2.GetActionDataURIsRequest
    ) -> run_service_pb2.GetActionDataURIsResponse:
        """Return where inputs and outputs of an action are."""
        row = find_action(self._database, request.action_id)
        return run_service_pb2.GetActionDataURIsResponse(inputs_uri=row["input_uri"], outputs_uri=row["output_uri"])

    async def get_action_log_context(
        self, request: run_service_pb2.GetActionLogContextRequest
    ) -> run_service_pb2.GetActionLogContextResponse:
        """Return where the log of an attempt is."""
        row = find_action(self._database, request.action_id)
        for attempt in attempts(self._database, row["id"]):
            if attempt["number"] == request.attempt:
                message = rows.attempt_of(row, attempt)
                return run_service_pb2.GetActionLogContextResponse(
                    log_context=rows.log_context(row, attempt),
                    cluster=rows.CLUSTER,
                    start_time=message.start_time,
                    end_time=message.end_time if message.HasField("end_time") else None,
                )
        raise not_found(f"action `{row['name']}` has no attempt {request.attempt}")

    async def list_runs(self, request: run_service_pb2.ListRunsRequest) -> run_service_pb2.ListRunsResponse:
        """List runs, the newest first."""
        conditions, parameters = self._scope(request, request.WhichOneof("scope_by"))
        more, values = conditions_of(request.request.filters, _RUN_COLUMNS, special=_label_condition)
        conditions += more
        parameters += values
        if request.paused_actions_only:
            # What is over is left out by the index, which would not be chosen by itself.
            conditions.append(
                "r.id IN (SELECT p.run_id FROM actions p INDEXED BY actions_alive"
                " WHERE p.phase NOT IN (5, 6, 7, 8, 10) AND p.phase = 9)"
            )
        page = page_of(request.request, _RUN_COLUMNS, default="r.created_at DESC", unique="r.id DESC")
        sql = f"{_ROOTS} AND {' AND '.join(conditions)} {page.tail}"

        def work(connection: sqlite3.Connection) -> run_service_pb2.ListRunsResponse:
            found, token = page.cut(reading(connection)(sql, parameters))
            now = time.time()
            return run_service_pb2.ListRunsResponse(runs=[rows.run_of(row, now) for row in found], token=token)

        return await self._database.read_aside(work)

    def _scope(self, request: Any, kind: str | None) -> tuple[list[str], list[Any]]:
        conditions, parameters = ["r.is_tracked = ?"], list[Any]([int(self.is_tracked)])
        if kind == "project_id":
            conditions.append("r.project = ? AND r.domain = ?")
            parameters += [request.project_id.name, request.project_id.domain]
        elif kind == "task_id":
            task = request.task_id
            conditions.append("r.project = ? AND r.domain = ? AND r.task_name = ? AND r.task_version = ?")
            parameters += [task.project, task.domain, task.name, task.version]
        elif kind == "task_name":
            task = request.task_name
            conditions.append("r.project = ? AND r.domain = ? AND r.task_name = ?")
            parameters += [task.project, task.domain, task.name]
        elif kind == "trigger_name":
            trigger = request.trigger_name
            conditions.append("r.project = ? AND r.domain = ? AND r.trigger_name = ? AND r.trigger_task = ?")
            parameters += [trigger.project, trigger.domain, trigger.name, trigger.task_name]
        return conditions, parameters

    async def list_actions(self, request: run_service_pb2.ListActionsRequest) -> run_service_pb2.ListActionsResponse:
        """List the actions of a run in the order they were made."""
        run = find_run_row(self._database, request.run_id)
        conditions, parameters = conditions_of(request.request.filters, _ACTION_COLUMNS, special=_type_condition)
        page = page_of(request.request, _ACTION_COLUMNS, default="a.id ASC", unique="a.id ASC")
        sql = f"{ACTIONS} WHERE {' AND '.join(['a.run_id = ?', *conditions])} {page.tail}"

        def work(connection: sqlite3.Connection) -> run_service_pb2.ListActionsResponse:
            found, token = page.cut(reading(connection)(sql, [run["id"], *parameters]))
            now = time.time()
            return run_service_pb2.ListActionsResponse(actions=[rows.action_of(row, now) for row in found], token=token)

        return await self._database.read_aside(work)

    # --- watch ----------------------------------------------------------------------------------------------------

    async def watch_run_details(
        self, request: run_service_pb2.WatchRunDetailsRequest
    ) -> AsyncIterator[run_service_pb2.WatchRunDetailsResponse]:
        """Send a run whenever its root action changes, until that is over."""
        run = find_run_row(self._database, request.run_id)
        async for row in self._until_over(root_action(self._database, run["id"])):
            yield run_service_pb2.WatchRunDetailsResponse(details=self._run_details(row))

    async def watch_action_details(
        self, request: run_service_pb2.WatchActionDetailsRequest
    ) -> AsyncIterator[run_service_pb2.WatchActionDetailsResponse]:
        """Send an action whenever it changes, until it is over."""
        async for row in self._until_over(find_action(self._database, request.action_id)):
            yield run_service_pb2.WatchActionDetailsResponse(details=self._details(row))

    async def _until_over(self, action: sqlite3.Row) -> AsyncIterator[sqlite3.Row]:
        with self._devbox.hub.subscribe(action["run_id"]) as subscription:
            while True:
                row = self._database.read_one(f"{ACTIONS} WHERE a.id = ?", (action["id"],))
                if row is None:
                    return
                yield row
                if row["phase"] in rows.TERMINAL:
                    return
                while action["id"] not in await subscription.changes():
                    pass

    async def watch_runs(
        self, request: run_service_pb2.WatchRunsRequest
    ) -> AsyncIterator[run_service_pb2.WatchRunsResponse]:
        """Send the latest runs, then every change of a run."""
        conditions, parameters = self._scope(request, request.WhichOneof("target"))
        where = " AND ".join(conditions)
        with self._devbox.hub.subscribe(None) as subscription:
            order = "ORDER BY r.created_at DESC, r.id DESC LIMIT 100"
            latest = f"{_ROOTS} AND {where} {order}"
            found = await self._database.read_aside(lambda connection: reading(connection)(latest, parameters))
            now = time.time()
            yield run_service_pb2.WatchRunsResponse(runs=[rows.run_of(row, now) for row in found])
            while True:
                changed = await subscription.changes()
                found = read_in(self._database.read, f"{_ROOTS} AND {where} AND a.id IN", parameters, changed)
                if found:
                    now = time.time()
                    yield run_service_pb2.WatchRunsResponse(runs=[rows.run_of(row, now) for row in found])

    async def watch_actions(
        self, request: run_service_pb2.WatchActionsRequest
    ) -> AsyncIterator[run_service_pb2.WatchActionsResponse]:
        """Send the actions of a run, then every change of one, until the run is over."""
        run = find_run_row(self._database, request.run_id)["id"]
        conditions, parameters = conditions_of(request.filter, _ACTION_COLUMNS, special=_type_condition)
        where = " AND ".join(conditions)
        with self._devbox.hub.subscribe(run) as subscription:
            last, is_last_page = 0, False
            while not is_last_page:
                read = partial(_enriched, run=run, where=where, parameters=parameters, after=last)
                count, last, message = await self._database.read_aside(read)
                is_last_page = count < _SNAPSHOT
                if count:
                    yield message
            while True:
                is_over = self._is_over(run)
                changed = await subscription.changes(0.05 if is_over else 5.0)
                if changed:
                    read = partial(_enriched, run=run, where=where, parameters=parameters, among=changed)
                    yield (await self._database.read_aside(read))[2]
                    # Changes that come close together travel together.
                    await asyncio.sleep(0.02)
                elif is_over:
                    return

    def _is_over(self, run: int) -> bool:
        row = self._database.read_one("SELECT phase FROM runs WHERE id = ?", (run,))
        return row is None or row["phase"] in rows.TERMINAL

    async def watch_cluster_events(
        self, request: run_service_pb2.WatchClusterEventsRequest
    ) -> AsyncIterator[run_service_pb2.WatchClusterEventsResponse]:
        """Send what the devbox has noted about an attempt, until the action is over."""
        sent = 0
        async for row in self._until_over(find_action(self._database, request.id)):
            for attempt in attempts(self._database, row["id"]):
                events = rows.attempt_of(row, attempt).cluster_events if attempt["number"] == request.attempt else ()
                if len(events) > sent:
                    yield run_service_pb2.WatchClusterEventsResponse(cluster_events=events[sent:])
                    sent = len(events)

    async def watch_groups(
        self, request: run_service_pb2.WatchGroupsRequest
    ) -> AsyncIterator[run_service_pb2.WatchGroupsResponse]:
        """Send what the runs of each task have in common, again whenever a run has changed."""
        with self._devbox.hub.subscribe(None) as subscription:
            while True:
                # Of many runs: everybody else is answered meanwhile.
                groups = await self._database.read_aside(lambda connection: task_groups(connection, request))
                yield run_service_pb2.WatchGroupsResponse(task_groups=groups, sentinel=True)
                await subscription.changes()
                await asyncio.sleep(1.0)


def _enriched(
    connection: sqlite3.Connection,
    run: int,
    where: str,
    parameters: Sequence[Any],
    *,
    after: int = 0,
    among: Sequence[int] | None = None,
) -> tuple[int, int, run_service_pb2.WatchActionsResponse]:
    """Read actions of a run as its watchers see them; return how many, the last row, and the message.

    Args:
        connection: reads.
        run: whose actions they are.
        where: what an action has to meet; empty for all.
        parameters: those of `where`.
        after: the row behind which they begin.
        among: their rows; without them, as many as a snapshot has at once.
    """
    read = reading(connection)
    if among is not None:
        found = read_in(read, f"{ACTIONS} WHERE a.id IN", [], among)
    else:
        found = read(f"{ACTIONS} WHERE a.run_id = ? AND a.id > ? ORDER BY a.id LIMIT {_SNAPSHOT}", [run, after])
    now = time.time()
    meets: set[int] | None = None
    if where:
        condition = f"SELECT a.id FROM actions a WHERE {where} AND a.id IN"
        meets = {row["id"] for row in read_in(read, condition, parameters, [row["id"] for row in found])}
    counts: dict[str, dict[int, int]] = {}
    children = "SELECT parent, phase, count(*) AS n FROM actions WHERE run_id = ? AND parent IN"
    for row in read_in(read, children, [run], [row["name"] for row in found], " GROUP BY parent, phase"):
        counts.setdefault(row["parent"], {})[row["phase"]] = row["n"]
    message = run_service_pb2.WatchActionsResponse(
        enriched_actions=[
            run_definition_pb2.EnrichedAction(
                action=rows.action_of(row, now),
                meets_filter=meets is None or row["id"] in meets,
                children_phase_counts=counts.get(row["name"], {}),
            )
            for row in found
        ]
    )
    return len(found), found[-1]["id"] if found else 0, message


def check_project(devbox: "Devbox", project: str) -> None:
    """Refuse what is meant for a project that does not exist.

    Raises:
        ServiceError: NOT_FOUND.
    """
    if devbox.database.read_one("SELECT 1 FROM projects WHERE id = ?", (project,)) is None:
        raise not_found(f"there is no project `{project[:100]}`\nhint: `flyte create project` makes one")


def _label_condition(one: list_pb2.Filter) -> tuple[str, list[Any]] | None:
    if not one.field.startswith("labels."):
        return None
    key = one.field.removeprefix("labels.")
    if one.function in {list_pb2.Filter.EXISTS, list_pb2.Filter.NOT_EXISTS}:
        is_not = "NOT " if one.function == list_pb2.Filter.NOT_EXISTS else ""
        return f"r.id {is_not}IN (SELECT run_id FROM run_labels WHERE key = ?)", [key]
    # Without such a label nothing is true of its value.
    condition, values = compare(one, "value", is_text=True)
    return f"r.id IN (SELECT run_id FROM run_labels WHERE key = ? AND {condition})", [key, *values]


def _type_condition(one: list_pb2.Filter) -> tuple[str, list[Any]] | None:
    if one.field != "action_type":
        return None
    numbers = {name.removeprefix("ACTION_TYPE_"): number for name, number in run_definition_pb2.ActionType.items()}
    texts = [str(numbers.get(text.upper().removeprefix("ACTION_TYPE_"), text)) for text in one.values]
    return compare(list_pb2.Filter(function=one.function, field="action_type", values=texts), "CAST(a.type AS TEXT)")
