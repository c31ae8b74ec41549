"""What the writer does to runs, actions and attempts: plain SQL, one function per change. No decisions."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from flyteidl2.task import task_definition_pb2

from flyte_devbox import rows
from flyte_models.lifecycle import ActionState
from flyte_models.values import value

__all__ = [
    "ActionUpdate",
    "AttemptUpdate",
    "NewAction",
    "NewRun",
    "add_action",
    "add_run",
    "find_run",
    "keep_spec",
    "keep_spec_data",
    "spec_digest",
    "update_action",
    "update_attempt",
]


@value
class NewRun:
    """A run to record."""

    org: str
    project: str
    domain: str
    name: str
    spec: bytes
    source: int
    labels: dict[str, str]
    is_tracked: bool
    max_concurrency: int
    started_at: float
    created_at: float
    task_name: str
    task_version: str
    trigger_name: str = ""
    trigger_task: str = ""
    recover_from: int | None = None


@value
class NewAction:
    """An action to record."""

    name: str
    parent: str
    type: int
    phase: int
    max_attempts: int
    metadata: bytes
    digest: bytes | None
    detail: bytes | None
    task_name: str
    environment: str
    queue: str
    input_uri: str
    run_base: str
    cache_key: str
    cache_status: int
    depth: int
    created_at: float
    output_uri: str = ""
    error: bytes | None = None
    started_at: float | None = None
    ended_at: float | None = None
    asked_in: int = 0


@value
class ActionUpdate:
    """How an action stands now."""

    id: int
    run_id: int
    is_root: bool
    state: ActionState
    now: float
    started_at: float | None
    ended_at: float | None
    cache_status: int
    output_uri: str | None = None
    error: bytes | None = None
    abort_reason: str | None = None
    value: bytes | None = None
    asked_in: int = 0
    """See `LiveAction.asked_in`; it never becomes less."""


@value
class AttemptUpdate:
    """How an attempt stands now."""

    number: int
    phase: int
    output_uri: str
    transitions: Sequence[tuple[int, float]]
    cache_status: int
    worker: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    error: bytes | None = None
    cpu_seconds: float | None = None
    max_rss_bytes: int | None = None
    wall_seconds: float | None = None
    notes: bytes | None = None
    """All that the devbox tells about it, as an `ActionEvent`; `None` if that is nothing new."""


def spec_digest(spec: bytes) -> bytes:
    """Name a specification by its content."""
    return hashlib.sha256(spec).digest()


def keep_spec(connection: sqlite3.Connection, spec: task_definition_pb2.TaskSpec) -> bytes:
    """Store a specification once and return its digest."""
    data = spec.SerializeToString(deterministic=True)
    digest = spec_digest(data)
    keep_spec_data(connection, digest, data)
    return digest


def keep_spec_data(connection: sqlite3.Connection, digest: bytes, data: bytes) -> None:
    """Store a serialized specification once."""
    connection.execute("INSERT OR IGNORE INTO task_specs (digest, spec) VALUES (?, ?)", (digest, data))


def find_run(connection: sqlite3.Connection, project: str, domain: str, name: str) -> sqlite3.Row | None:
    """Return the row of a run."""
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM runs WHERE project = ? AND domain = ? AND name = ?", (project, domain, name)
    ).fetchone()
    return found


def add_run(connection: sqlite3.Connection, run: NewRun) -> int:
    """Insert a run and return its row.

    Raises:
        sqlite3.IntegrityError: the name is taken.
    """
    return _insert(
        connection,
        "runs",
        org=run.org,
        project=run.project,
        domain=run.domain,
        name=run.name,
        spec=run.spec,
        source=run.source,
        labels=json.dumps(run.labels),
        is_tracked=run.is_tracked,
        max_concurrency=run.max_concurrency,
        started_at=run.started_at,
        created_at=run.created_at,
        phase=1,
        task_name=run.task_name,
        task_version=run.task_version,
        trigger_name=run.trigger_name,
        trigger_task=run.trigger_task,
        updated_at=run.created_at,
        recover_from=run.recover_from,
    )


def add_action(connection: sqlite3.Connection, run: int, action: NewAction) -> int:
    """Insert an action and return its row.

    Raises:
        sqlite3.IntegrityError: the name is taken.
    """
    return _insert(
        connection,
        "actions",
        run_id=run,
        name=action.name,
        parent=action.parent,
        type=action.type,
        phase=action.phase,
        attempt=1,
        max_attempts=action.max_attempts,
        system_failures=0,
        attempts_before=0,
        metadata=action.metadata,
        digest=action.digest,
        detail=action.detail,
        task_name=action.task_name,
        environment=action.environment,
        queue=action.queue,
        input_uri=action.input_uri,
        run_base=action.run_base,
        output_uri=action.output_uri,
        cache_key=action.cache_key,
        cache_status=action.cache_status,
        error=action.error,
        created_at=action.created_at,
        started_at=action.started_at,
        ended_at=action.ended_at,
        updated_at=action.created_at,
        depth=action.depth,
        asked_in=action.asked_in,
    )


def update_action(connection: sqlite3.Connection, update: ActionUpdate) -> None:
    """Record how an action stands; what is `None` among outputs, error, reason and value stays."""
    state = update.state
    phase = state.phase.to_protobuf_value()
    connection.execute(
        "UPDATE actions SET phase = ?, attempt = ?, max_attempts = ?, system_failures = ?, attempts_before = ?,"
        " started_at = ?, ended_at = ?, cache_status = ?, output_uri = coalesce(?, output_uri), error = ?,"
        " abort_reason = ?, value = coalesce(?, value), updated_at = ?, asked_in = max(?, asked_in) WHERE id = ?",
        (
            phase,
            state.attempt,
            state.max_attempts,
            state.system_failures,
            state.attempts_before,
            update.started_at,
            update.ended_at,
            update.cache_status,
            update.output_uri,
            update.error,
            update.abort_reason,
            update.value,
            update.now,
            update.asked_in,
            update.id,
        ),
    )
    if update.is_root:
        connection.execute(
            "UPDATE runs SET phase = ?, ended_at = ?, updated_at = ? WHERE id = ?",
            (phase, update.ended_at, update.now, update.run_id),
        )


def update_attempt(connection: sqlite3.Connection, action: int, update: AttemptUpdate) -> None:
    """Record how an attempt stands."""
    event = None if update.notes is None else _with_notes(connection, action, update.number, update.notes)
    connection.execute(
        "INSERT INTO attempts (action_id, number, phase, started_at, ended_at, error, output_uri, transitions, worker,"
        " cpu_seconds, max_rss_bytes, wall_seconds, cache_status, event)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (action_id, number) DO UPDATE SET phase = excluded.phase, started_at = excluded.started_at,"
        " ended_at = excluded.ended_at, error = excluded.error, output_uri = excluded.output_uri,"
        " transitions = excluded.transitions, worker = excluded.worker, cpu_seconds = excluded.cpu_seconds,"
        " max_rss_bytes = excluded.max_rss_bytes, wall_seconds = excluded.wall_seconds,"
        " cache_status = excluded.cache_status, event = coalesce(excluded.event, event)",
        (
            action,
            update.number,
            update.phase,
            update.started_at,
            update.ended_at,
            update.error,
            update.output_uri,
            json.dumps(update.transitions),
            update.worker,
            update.cpu_seconds,
            update.max_rss_bytes,
            update.wall_seconds,
            update.cache_status,
            event,
        ),
    )


def _with_notes(connection: sqlite3.Connection, action: int, number: int, notes: bytes) -> bytes:
    """Return what is told about an attempt, with notes of the devbox instead of the earlier ones."""
    row = connection.execute(
        "SELECT event FROM attempts WHERE action_id = ? AND number = ?", (action, number)
    ).fetchone()
    return notes if row is None or row["event"] is None else rows.with_notes(row["event"], notes)


def _insert(connection: sqlite3.Connection, table: str, **values: Any) -> int:
    names, places = ", ".join(values), ", ".join("?" * len(values))
    # The names are those of the keywords above.
    cursor = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(values.values()))  # noqa: S608
    row = cursor.lastrowid
    assert row is not None  # an INSERT has one
    return row
