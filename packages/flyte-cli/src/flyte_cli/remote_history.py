"""The runs of a control plane in the form of this machine's history, so that the same commands show both."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from flyte.remote import Action, ActionDetails, Run, RunDetails, TimeFilter, User
from flyte_cli.history import MOST_RUNS
from flyte_cli.run_query import RunQuery
from flyte_cli.times import moment
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, LogRecord, RunRecord
from flyte_models.phases import ActionPhase
from flyte_protocol.codes import Code
from flyte_protocol.failures import TRACE_MARK
from flyte_protocol.phases import phase_from_wire
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.waits import waiting_for
from flyte_remote.connection import connection
from flyte_remote.console import console_link
from flyte_remote.identifiers import run_identifier
from flyte_remote.run_names import runs_beginning
from flyte_remote.watching import watch_actions
from flyte_syncify import syncify

_PASSING = {Code.UNAVAILABLE, Code.INTERNAL, Code.DEADLINE_EXCEEDED, Code.ABORTED}
_PATIENCE = 60.0
"""Seconds for which a control plane may not answer, because it restarts."""
_POLL_SECONDS = 0.5


class RemoteHistory:
    """What commands ask of an `ActionStore` when they only look."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str | None, int | None], Iterator[LogRecord]] = {}
        self._count = 0

    def run(self, run_name: str) -> RunRecord | None:
        """Return a run, or None."""
        try:
            details = RunDetails.get(run_name)
        except RpcError as error:
            if error.status is Code.NOT_FOUND:
                return None
            raise
        message = details.pb2
        action = message.action
        return _run(action.id, action.metadata, action.status, dict(message.run_spec.labels.values))

    def runs(self, limit: int = 100, *, project: str | None = None, domain: str | None = None) -> list[RunRecord]:
        """Return the latest runs."""
        found = Run.listall(limit=min(limit, MOST_RUNS), project=project, domain=domain, sort_by=("created_at", "desc"))
        return [_listed(run) for run in found]

    def beginning(self, name: str, limit: int) -> list[RunRecord] | None:
        """Return the runs whose names begin so, by name; None if the control plane cannot be asked for that."""
        found = syncify.loop.run(runs_beginning(name, limit))
        return None if found is None else [_listed(run) for run in found]

    def find(
        self, query: RunQuery, limit: int, *, project: str | None = None, domain: str | None = None
    ) -> list[RunRecord]:
        """Return the latest runs that meet conditions, which the control plane looks for."""
        found = Run.listall(
            limit=limit,
            project=project,
            domain=domain,
            sort_by=("created_at", "desc"),
            in_phase=(query.phase,) if query.phase is not None else None,
            task_name=query.task_name,
            task_version=query.task_version,
            created_by_subject=User.get().subject() if query.is_mine else None,
            created_at=TimeFilter(*map(moment, query.created)),
            updated_at=TimeFilter(*map(moment, query.updated)),
            with_labels=dict(query.labels),
            with_label_keys=query.label_keys,
            paused_actions_only=query.is_paused,
        )
        return [_listed(run) for run in found]

    def version(self, run_name: str) -> str | None:
        """Return the version of the task that a run is of; None when it has none."""
        return RunDetails.get(run_name).pb2.action.metadata.task.id.version or None

    def action(self, run_name: str, name: str) -> ActionRecord | None:
        """Return an action, or None."""
        details = self._details(run_name, name)
        if details is None:
            return None
        return replace(_action(details.pb2, _error(details.pb2)), waiting_for=waiting_for(details.pb2))

    def actions(self, run_name: str, parent: str | None = None) -> list[ActionRecord]:
        """Return the actions of a run, or the children of one of them."""
        return [_action(action.pb2, None) for action in Action.listall(run_name, parent_name=parent)]

    def first_actions(self, run_name: str, most: int) -> list[ActionRecord]:
        """Return the actions of a run that were made first."""
        return [_action(action.pb2, None) for action in islice(Action.listall(run_name), most)]

    def changes(self, run_name: str) -> Iterator[list[ActionRecord]]:
        """Yield the actions of a run, then those that have changed, until it is over; see `watch_actions`."""
        return syncify.loop.iterate(_changes(run_name))

    def changes_async(self, run_name: str) -> AsyncIterator[list[ActionRecord]]:
        """Do as `changes`, for a loop that may stop waiting."""
        return syncify.loop.iterate_async(_changes(run_name))

    def wait(self, run_name: str) -> None:
        """Return when a run is over."""
        Run.get(run_name).wait(quiet=True)

    def find_actions(self, run_name: str, phase: str | None) -> list[ActionRecord]:
        """Return the actions of a run, all of them or those in one phase."""
        return [_action(action.pb2, None) for action in Action.listall(run_name, in_phase=(phase,) if phase else None)]

    def attempts(self, run_name: str, name: str) -> list[AttemptRecord]:
        """Return the attempts of an action."""
        details = self._details(run_name, name)
        return [] if details is None else [_attempt(message) for message in details.pb2.attempts]

    def links(self, run_name: str, name: str) -> list[tuple[int, str, str]]:
        """Return the links of an action, in the order of its attempts: number of the attempt, name, address."""
        details = self._details(run_name, name)
        attempts = details.pb2.attempts if details is not None else ()
        return [
            (attempt.attempt, link.name, console_link(link.uri)) for attempt in attempts for link in attempt.log_info
        ]

    def inputs(self, run_name: str, name: str) -> bytes | None:
        """Return the inputs of an action, as bytes of the wire."""
        return self._data(run_name, name)[0]

    def outputs(self, run_name: str, name: str) -> bytes | None:
        """Return the outputs of an action, as bytes of the wire; None when there are none yet."""
        return self._data(run_name, name)[1]

    def report(self, run_name: str, name: str) -> bytes | None:
        """Return the report of an action, or None."""
        action = Action.get(run_name=run_name, name=name)
        try:
            return action.get_report().encode()
        except RpcError as error:
            if error.status is Code.NOT_FOUND:
                return None
            raise

    def owner(self, run_name: str) -> None:
        """Return None: no process of this machine carries it out."""
        return

    def logs(
        self,
        run_name: str,
        action_name: str | None = None,
        *,
        attempt: int | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> list[tuple[int, LogRecord]]:
        """Return the next line, waiting for it while the action goes on; nothing when there are no more.

        Without an action it is the root's log.
        """
        del after, limit
        key = (run_name, action_name, attempt)
        lines = self._lines.get(key)
        if lines is None:
            lines = self._lines[key] = self._follow(run_name, action_name or "a0", attempt)
        line = next(lines, None)
        if line is None:
            return []
        self._count += 1
        return [(self._count, line)]

    def _follow(self, run_name: str, name: str, attempt: int | None) -> Iterator[LogRecord]:
        """Yield the lines of one attempt, or of all of them, the next when it begins, until the action is over."""
        number = attempt or 1
        while self._begins(run_name, name, number):
            try:
                for text in Action.get(run_name=run_name, name=name).get_logs(number, show_ts=True):
                    stamp, _, line = text.partition(" ")
                    yield LogRecord(run_name, name, number, datetime.fromisoformat(stamp).timestamp(), "stdout", line)
            except RpcError as error:
                # Of an attempt that was lost before it could write anything there is no log.
                if attempt is not None or error.status is not Code.NOT_FOUND:
                    raise
            if attempt is not None:
                return
            number += 1

    def _begins(self, run_name: str, name: str, number: int) -> bool:
        """Wait until an attempt has begun; return False when the action is over without it."""
        failing_since: float | None = None
        while True:
            try:
                details = ActionDetails.get(run_name=run_name, name=name)
            except RpcError as error:
                failing_since = failing_since or time.monotonic()
                if error.status not in _PASSING or time.monotonic() - failing_since > _PATIENCE:
                    raise
                time.sleep(1.0)
                continue
            failing_since = None
            if details.pb2.status.attempts >= number:
                return True
            if details.done():
                return False
            time.sleep(_POLL_SECONDS)

    @staticmethod
    def _details(run_name: str, name: str) -> ActionDetails | None:
        try:
            return ActionDetails.get(run_name=run_name, name=name)
        except RpcError as error:
            if error.status is Code.NOT_FOUND:
                return None
            raise

    def _data(self, run_name: str, name: str) -> tuple[bytes | None, bytes | None]:
        details = self._details(run_name, name)
        if details is None:
            return None, None
        found = syncify.loop.run(details.action_data())
        is_successful = details.phase in (ActionPhase.SUCCEEDED, ActionPhase.RECOVERED)
        return found.inputs.SerializeToString(), found.outputs.SerializeToString() if is_successful else None


async def _changes(run_name: str) -> AsyncIterator[list[ActionRecord]]:
    at = connection()
    async for changed in watch_actions(at, run_identifier(run_name, at)):
        yield [_action(message, None) for message in changed]


def _listed(run: Run) -> RunRecord:
    action = run.pb2.action
    return _run(action.id, action.metadata, action.status, dict(run.pb2.labels))


def _run(action_id: Any, metadata: Any, status: Any, labels: dict[str, str]) -> RunRecord:
    place = action_id.run
    created = _seconds(status, "start_time") or 0.0
    return RunRecord(
        place.name,
        metadata.task.id.name or metadata.funtion_name,
        place.project,
        place.domain,
        place.org,
        created,
        _seconds(status, "end_time"),
        phase_from_wire(status.phase) or ActionPhase.QUEUED,
        labels=labels,
    )


def _action(message: Any, error: ErrorRecord | None) -> ActionRecord:
    metadata, status = message.metadata, message.status
    task = metadata.task
    started = _seconds(status, "start_time")
    return ActionRecord(
        message.id.run.name,
        message.id.name,
        metadata.parent or None,
        task.id.name or metadata.condition.name or metadata.trace.name,
        task.short_name or metadata.condition.name or metadata.trace.name,
        metadata.group or None,
        phase_from_wire(status.phase) or ActionPhase.QUEUED,
        status.attempts,
        0,
        started or 0.0,
        started,
        _seconds(status, "end_time"),
        error,
        "hit" if status.cache_status == _CACHE_HIT else "disabled",
    )


def _attempt(message: Any) -> AttemptRecord:
    return AttemptRecord(
        message.attempt,
        phase_from_wire(message.phase) or ActionPhase.QUEUED,
        _seconds(message, "start_time") or 0.0,
        _seconds(message, "end_time"),
        _error(message),
    )


def _error(message: Any) -> ErrorRecord | None:
    if "abort_info" in message.DESCRIPTOR.fields_by_name and message.abort_info.reason:
        return ErrorRecord("Aborted", message.abort_info.reason, "user")
    if not message.HasField("error_info"):
        return None
    info = message.error_info
    text, mark, trace = info.message.partition(TRACE_MARK)
    kind = "system" if info.kind == _SYSTEM else "user"
    return ErrorRecord(info.code or "Error", text, kind, traceback=mark.lstrip("\n") + trace if mark else None)


_SYSTEM = 2
"""`ErrorInfo.KIND_SYSTEM`."""
_CACHE_HIT = 2
"""`CatalogCacheStatus.CACHE_HIT`."""


def _seconds(message: Any, field: str) -> float | None:
    if not message.HasField(field):
        return None
    stamp = getattr(message, field)
    return stamp.seconds + stamp.nanos / 1e9
