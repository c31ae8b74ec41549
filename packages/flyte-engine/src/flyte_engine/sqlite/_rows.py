"""Records to rows and back, and the one transaction that writes a batch of changes."""

import json
import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

from flyte_engine.records import (
    ActionRecord,
    AttemptRecord,
    ErrorRecord,
    LogRecord,
    ProcessRecord,
    RunRecord,
    TraceRecord,
)
from flyte_engine.sqlite._database import rollback
from flyte_engine.store import ActionChange, CacheNoteChange, Change, LogChange, ReportChange, RunChange, SignalChange
from flyte_models.phases import ActionPhase

Row: TypeAlias = tuple[Any, ...]

RUN_COLUMNS = ("run_name", "task_name", "project", "domain", "org", "created_at", "ended_at", "phase", "details")
ACTION_COLUMNS = (
    "run_name",
    "name",
    "parent_name",
    "task_name",
    "short_name",
    "group_name",
    "phase",
    "attempt",
    "max_attempts",
    "created_at",
    "started_at",
    "ended_at",
    "error",
    "cache_status",
    "cache_key",
)
ATTEMPT_COLUMNS = ("run_name", "action_name", "number", "phase", "started_at", "ended_at", "error")
PAYLOAD_COLUMNS = ("run_name", "action_name", "kind", "data")
OWNER_COLUMNS = ("run_name", "pid", "started", "host")
TRACE_COLUMNS = ("run_name", "action_name", "name", "inputs_hash", "started_at", "ended_at", "outputs", "error")
LOG_COLUMNS = ("run_name", "action_name", "attempt", "at", "stream", "line")

INPUTS = "inputs"
OUTPUTS = "outputs"
REPORT = "report"
SIGNAL = "signal"
CACHE_NOTE = "cache_note"

# Each statement gives up the interpreter's lock and has to win it back from a busy loop thread, so many rows go into one.
# 64 rows of 15 columns stay below 999, the least number of parameters that SQLite builds allow.
_ROWS_PER_STATEMENT = (64, 8, 2, 1)


class _Table:
    """How rows of one table are inserted or, if their key exists, replaced."""

    def __init__(self, name: str, columns: Sequence[str], keys: int) -> None:
        self.name = name
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns[keys:])
        row = f"({', '.join('?' * len(columns))})"
        insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES"
        replace = f"ON CONFLICT ({', '.join(columns[:keys])}) DO UPDATE SET {updates}" if keys else ""
        self._statements = [(count, f"{insert} {', '.join([row] * count)} {replace}") for count in _ROWS_PER_STATEMENT]

    def write(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        """Write the rows, as many per statement as it takes."""
        pending = list(rows)
        start = 0
        for count, statement in self._statements:
            while len(pending) - start >= count:
                values = [value for row in pending[start : start + count] for value in row]
                connection.execute(statement, values)
                start += count


_RUNS = _Table("runs", RUN_COLUMNS, keys=1)
_ACTIONS = _Table("actions", ACTION_COLUMNS, keys=2)
_ATTEMPTS = _Table("attempts", ATTEMPT_COLUMNS, keys=3)
_PAYLOADS = _Table("payloads", PAYLOAD_COLUMNS, keys=3)
_OWNERS = _Table("owners", OWNER_COLUMNS, keys=1)
_TRACES = _Table("traces", TRACE_COLUMNS, keys=3)
_LOGS = _Table("logs", LOG_COLUMNS, keys=0)


def write_changes(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """Write changes in one transaction: all of them or none. Of several changes to one row only the last is written.

    Raises:
        sqlite3.Error: SQLite refuses; nothing was written.
    """
    runs: dict[str, RunRecord] = {}
    actions: dict[tuple[str, str], ActionRecord] = {}
    attempts: dict[tuple[str, str, int], AttemptRecord] = {}
    payloads: dict[tuple[str, str, str], bytes] = {}
    owners: dict[str, ProcessRecord] = {}
    traces: dict[tuple[str, str, str], TraceRecord] = {}
    logs: list[LogRecord] = []
    for change in changes:
        if isinstance(change, ActionChange):
            action = change.action
            key = (action.run_name, action.name)
            actions[key] = action
            if change.attempt is not None:
                attempts[*key, change.attempt.number] = change.attempt
            if change.inputs is not None:
                payloads[*key, INPUTS] = change.inputs
            if change.outputs is not None:
                payloads[*key, OUTPUTS] = change.outputs
        elif isinstance(change, RunChange):
            runs[change.run.run_name] = change.run
            if change.owner is not None:
                owners[change.run.run_name] = change.owner
        elif isinstance(change, LogChange):
            logs.append(change.log)
        elif isinstance(change, ReportChange):
            payloads[change.run_name, change.action_name, REPORT] = change.html
        elif isinstance(change, CacheNoteChange):
            payloads[change.run_name, change.action_name, CACHE_NOTE] = change.note
        elif isinstance(change, SignalChange):
            payloads[change.run_name, change.action_name, SIGNAL] = change.answer
        else:
            trace = change.trace
            traces[trace.run_name, trace.action_name, trace.name] = trace
    with _transaction(connection):
        _RUNS.write(connection, map(_run_to_row, runs.values()))
        _ACTIONS.write(connection, map(_action_to_row, actions.values()))
        _ATTEMPTS.write(connection, (_attempt_to_row(key, attempt) for key, attempt in attempts.items()))
        _PAYLOADS.write(connection, ((*key, data) for key, data in payloads.items()))
        _OWNERS.write(connection, ((name, *owner_to_row(owner)) for name, owner in owners.items()))
        _TRACES.write(connection, map(_trace_to_row, traces.values()))
        _LOGS.write(connection, map(_log_to_row, logs))


def insert_run(connection: sqlite3.Connection, run: RunRecord, owner: ProcessRecord) -> bool:
    """Write a run and its owner if there is none of that name, in one transaction; tell whether there was none.

    Raises:
        sqlite3.Error: SQLite refuses.
    """
    with _transaction(connection):
        known = connection.execute("SELECT 1 FROM runs WHERE run_name = ?", (run.run_name,)).fetchone()
        if known is None:
            _RUNS.write(connection, [_run_to_row(run)])
            _OWNERS.write(connection, [(run.run_name, *owner_to_row(owner))])
    return known is None


def replace_owner(
    connection: sqlite3.Connection, run_name: str, process: ProcessRecord, known: ProcessRecord | None
) -> bool:
    """Make `process` the owner of a run if `known` is, in one transaction of its own; tell whether it is now.

    Raises:
        sqlite3.Error: SQLite refuses.
    """
    select = f"SELECT {', '.join(OWNER_COLUMNS)} FROM owners WHERE run_name = ?"  # noqa: S608  # own names
    with _transaction(connection):
        row = connection.execute(select, (run_name,)).fetchone()
        is_known = (owner_from_row(row) if row is not None else None) == known
        if is_known:
            _OWNERS.write(connection, [(run_name, *owner_to_row(process))])
    return is_known


def delete_run(connection: sqlite3.Connection, run_name: str) -> bool:
    """Delete a run and all that belongs to it, in one transaction; tell whether there was one.

    Raises:
        sqlite3.Error: SQLite refuses.
    """
    with _transaction(connection):
        known = connection.execute("DELETE FROM runs WHERE run_name = ?", (run_name,)).rowcount
        for table in (_ACTIONS, _ATTEMPTS, _PAYLOADS, _OWNERS, _TRACES, _LOGS):
            connection.execute(f"DELETE FROM {table.name} WHERE run_name = ?", (run_name,))  # noqa: S608  # own names
    return known > 0


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        rollback(connection)
        raise


def _run_to_row(run: RunRecord) -> Row:
    details = {"source_path": run.source_path, "command": run.command, "labels": dict(run.labels)}
    return (
        run.run_name,
        run.task_name,
        run.project,
        run.domain,
        run.org,
        run.created_at,
        run.ended_at,
        run.phase.value,
        json.dumps(details),
    )


def run_from_row(row: Row) -> RunRecord:
    """Build a run from a row of `RUN_COLUMNS`."""
    run_name, task_name, project, domain, org, created_at, ended_at, phase, text = row
    details = cast("Mapping[str, Any]", json.loads(text))
    return RunRecord(
        run_name=run_name,
        task_name=task_name,
        project=project,
        domain=domain,
        org=org,
        created_at=created_at,
        ended_at=ended_at,
        phase=ActionPhase(phase),
        source_path=details.get("source_path"),
        command=details.get("command"),
        labels=details.get("labels", {}),
    )


def _action_to_row(action: ActionRecord) -> Row:
    return (
        action.run_name,
        action.name,
        action.parent_name,
        action.task_name,
        action.short_name,
        action.group,
        action.phase.value,
        action.attempt,
        action.max_attempts,
        action.created_at,
        action.started_at,
        action.ended_at,
        _error_to_text(action.error),
        action.cache_status,
        action.cache_key,
    )


def action_from_row(row: Row) -> ActionRecord:
    """Build an action from a row of `ACTION_COLUMNS`."""
    run_name, name, parent_name, task_name, short_name, group, phase, *numbers, text, cache_status, cache_key = row
    attempt, max_attempts, created_at, started_at, ended_at = numbers
    return ActionRecord(
        run_name=run_name,
        name=name,
        parent_name=parent_name,
        task_name=task_name,
        short_name=short_name,
        group=group,
        phase=ActionPhase(phase),
        attempt=attempt,
        max_attempts=max_attempts,
        created_at=created_at,
        started_at=started_at,
        ended_at=ended_at,
        error=_error_from_text(text),
        cache_status=cache_status,
        cache_key=cache_key,
    )


def _attempt_to_row(key: tuple[str, str, int], attempt: AttemptRecord) -> Row:
    return (*key, attempt.phase.value, attempt.started_at, attempt.ended_at, _error_to_text(attempt.error))


def attempt_from_row(row: Row) -> AttemptRecord:
    """Build an attempt from a row of `ATTEMPT_COLUMNS`."""
    _, _, number, phase, started_at, ended_at, text = row
    return AttemptRecord(number, ActionPhase(phase), started_at, ended_at, _error_from_text(text))


def owner_to_row(owner: ProcessRecord) -> Row:
    """Build what follows the name of the run in `OWNER_COLUMNS`."""
    return (owner.pid, owner.started, owner.host)


def owner_from_row(row: Row) -> ProcessRecord:
    """Build a process from a row of `OWNER_COLUMNS`."""
    return ProcessRecord(*row[1:])


def _trace_to_row(trace: TraceRecord) -> Row:
    return (
        trace.run_name,
        trace.action_name,
        trace.name,
        trace.inputs_hash,
        trace.started_at,
        trace.ended_at,
        trace.outputs,
        _error_to_text(trace.error),
    )


def trace_from_row(row: Row) -> TraceRecord:
    """Build a traced call from a row of `TRACE_COLUMNS`."""
    run_name, action_name, name, inputs_hash, started_at, ended_at, outputs, text = row
    error = _error_from_text(text)
    return TraceRecord(run_name, action_name, name, inputs_hash, started_at, ended_at, outputs, error)


def _log_to_row(log: LogRecord) -> Row:
    # SQLite takes no lone surrogates, and a line may have them: what was printed with `surrogateescape`.
    text = log.text.encode("utf-8", "backslashreplace").decode("utf-8")
    return (log.run_name, log.action_name, log.attempt, log.at, log.stream, text)


def log_from_row(row: Row) -> LogRecord:
    """Build a line from a row of `LOG_COLUMNS`."""
    return LogRecord(*row)


def _error_to_text(error: ErrorRecord | None) -> str | None:
    if error is None:
        return None
    return json.dumps(
        {
            "code": error.code,
            "message": error.message,
            "kind": error.kind,
            "recoverable": error.recoverable,
            "traceback": error.traceback,
        }
    )


def _error_from_text(text: str | None) -> ErrorRecord | None:
    if text is None:
        return None
    fields = cast("Mapping[str, Any]", json.loads(text))
    return ErrorRecord(
        code=fields["code"],
        message=fields["message"],
        kind=fields["kind"],
        recoverable=fields["recoverable"],
        traceback=fields.get("traceback"),
    )
