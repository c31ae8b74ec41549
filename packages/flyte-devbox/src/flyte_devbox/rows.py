"""Actions, attempts and runs between SQLite's rows and the messages of the protocol."""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from flyteidl2.common import identifier_pb2, identity_pb2
from flyteidl2.core import catalog_pb2, execution_pb2, literals_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import timestamp_pb2

__all__ = [
    "ACTION_COLUMNS",
    "IDENTITY",
    "TERMINAL",
    "action_id",
    "action_of",
    "attempt_of",
    "begun_at",
    "details_of",
    "links_of",
    "notes_event",
    "run_id",
    "run_of",
    "status_of",
    "timestamp",
    "with_notes",
]

TERMINAL = frozenset({5, 6, 7, 8, 10})
"""Numbers of the phases in which an action is over."""

ACTION_COLUMNS = (
    "a.*, r.org AS org, r.project AS project, r.domain AS domain, r.name AS run_name, r.labels AS labels,"
    " r.source AS source, r.spec AS run_spec, r.is_tracked AS is_tracked"
)

IDENTITY = identity_pb2.EnrichedIdentity(
    user=identity_pb2.User(
        id=identifier_pb2.UserIdentifier(subject="devbox"),
        spec=identity_pb2.UserSpec(first_name="Devbox", last_name="User", user_handle="devbox"),
    )
)
"""Who does everything here."""

CLUSTER = "devbox"
NAMESPACE = "devbox"
_PLACE = re.compile(r"\{\{\s*\.?(\w+)\s*\}\}")
"""What a link leaves open, `{{.podName}}`."""


def timestamp(seconds: float) -> timestamp_pb2.Timestamp:
    """Convert Unix seconds."""
    stamp = timestamp_pb2.Timestamp()
    stamp.FromNanoseconds(int(seconds * 1_000_000) * 1000)
    return stamp


def seconds_of(stamp: timestamp_pb2.Timestamp) -> float:
    """Convert to Unix seconds."""
    return stamp.seconds + stamp.nanos / 1e9


def run_id(row: sqlite3.Row) -> identifier_pb2.RunIdentifier:
    """Return the identifier of the run that an action belongs to."""
    return identifier_pb2.RunIdentifier(
        org=row["org"], project=row["project"], domain=row["domain"], name=row["run_name"]
    )


def action_id(row: sqlite3.Row) -> identifier_pb2.ActionIdentifier:
    """Return the identifier of an action."""
    return identifier_pb2.ActionIdentifier(run=run_id(row), name=row["name"])


def status_of(row: sqlite3.Row, now: float) -> run_definition_pb2.ActionStatus:
    """Return where an action stands."""
    started = row["started_at"] if row["started_at"] is not None else row["created_at"]
    status = run_definition_pb2.ActionStatus(
        phase=row["phase"],
        start_time=timestamp(started),
        attempts=row["attempt"],
        cache_status=row["cache_status"],
        duration_ms=max(0, int(((row["ended_at"] or now) - started) * 1000)),
    )
    if row["ended_at"] is not None:
        status.end_time.CopyFrom(timestamp(row["ended_at"]))
    return status


def begun_at(row: sqlite3.Row) -> float:
    """Return when an action began, in Unix seconds: a trace is recorded when it is over."""
    started: float | None = row["started_at"]
    return row["created_at"] if started is None else min(row["created_at"], started)


def metadata_of(row: sqlite3.Row) -> run_definition_pb2.ActionMetadata:
    """Return what does not change about an action."""
    return run_definition_pb2.ActionMetadata.FromString(row["metadata"])


def action_of(row: sqlite3.Row, now: float) -> run_definition_pb2.Action:
    """Return an action as lists show it."""
    return run_definition_pb2.Action(id=action_id(row), metadata=metadata_of(row), status=status_of(row, now))


def run_of(row: sqlite3.Row, now: float) -> run_definition_pb2.Run:
    """Return a run, given the row of its root action."""
    labels: dict[str, str] = json.loads(row["labels"])
    return run_definition_pb2.Run(action=action_of(row, now), labels=labels)


def error_of(row: sqlite3.Row) -> run_definition_pb2.ErrorInfo | None:
    """Return why an action or attempt failed."""
    return None if row["error"] is None else run_definition_pb2.ErrorInfo.FromString(row["error"])


def execution_error(info: run_definition_pb2.ErrorInfo) -> execution_pb2.ExecutionError:
    """Convert an error to the form that the watcher of a parent gets."""
    kinds = {
        run_definition_pb2.ErrorInfo.KIND_USER: execution_pb2.ExecutionError.USER,
        run_definition_pb2.ErrorInfo.KIND_SYSTEM: execution_pb2.ExecutionError.SYSTEM,
    }
    return execution_pb2.ExecutionError(
        code=info.code,
        message=info.message,
        kind=kinds.get(info.kind, execution_pb2.ExecutionError.UNKNOWN),
        gpu_fault=info.gpu_fault if info.HasField("gpu_fault") else None,
    )


def details_of(
    row: sqlite3.Row, attempts: Sequence[sqlite3.Row], spec: task_definition_pb2.TaskSpec | None, now: float
) -> run_definition_pb2.ActionDetails:
    """Return everything about an action."""
    details = run_definition_pb2.ActionDetails(
        id=action_id(row), metadata=metadata_of(row), status=status_of(row, now), attempts=_attempts(row, attempts)
    )
    if spec is not None and spec.task_template.metadata.log_links:
        for attempt in details.attempts:
            attempt.log_info.extend(links_of(row, attempt.attempt, spec))
    kind = row["type"]
    if kind == run_definition_pb2.ACTION_TYPE_TASK and spec is not None:
        details.task.CopyFrom(spec)
    elif kind == run_definition_pb2.ACTION_TYPE_TRACE:
        details.trace.CopyFrom(run_definition_pb2.TraceAction.FromString(row["detail"] or b"").spec)
    elif kind == run_definition_pb2.ACTION_TYPE_CONDITION:
        details.condition.ParseFromString(row["detail"] or b"")
    error = error_of(row)
    if row["abort_reason"] is not None:
        details.abort_info.reason = row["abort_reason"]
        details.abort_info.aborted_by.CopyFrom(IDENTITY)
    elif error is not None:
        details.error_info.CopyFrom(error)
    elif row["value"] is not None:
        details.signal_info.signalled_by.CopyFrom(IDENTITY)
        details.signal_info.output.CopyFrom(literals_pb2.Literal.FromString(row["value"]))
    return details


def _attempts(row: sqlite3.Row, attempts: Iterable[sqlite3.Row]) -> list[run_definition_pb2.ActionAttempt]:
    return [attempt_of(row, attempt) for attempt in attempts]


def links_of(row: sqlite3.Row, number: int, spec: task_definition_pb2.TaskSpec) -> Iterator[execution_pb2.TaskLog]:
    """Yield the links of a task for one of its attempts, with what was not known when it was registered."""
    known = {
        "runName": row["run_name"],
        "actionName": row["name"],
        "podName": pod_name(row, number),
        "executionProject": row["project"],
        "executionDomain": row["domain"],
    }
    for link in spec.task_template.metadata.log_links:
        filled = execution_pb2.TaskLog()
        filled.CopyFrom(link)
        filled.uri = _PLACE.sub(lambda found: quote(known.get(found[1], found[0]), safe="{}."), link.uri)
        filled.ready = True
        yield filled


def transitions_of(attempt: sqlite3.Row) -> list[tuple[int, float]]:
    """Return the phases of an attempt and when each began."""
    pairs: list[list[float]] = json.loads(attempt["transitions"])
    return [(int(phase), at) for phase, at in pairs]


def attempt_of(row: sqlite3.Row, attempt: sqlite3.Row) -> run_definition_pb2.ActionAttempt:
    """Return one attempt at an action, given its row as `lookups.attempts` reads it."""
    steps = transitions_of(attempt)
    message = run_definition_pb2.ActionAttempt(
        phase=attempt["phase"],
        attempt=attempt["number"],
        cache_status=attempt["cache_status"],
        cluster=CLUSTER,
        logs_available=bool(attempt["worker"]),
    )
    if told := (attempt["event"] or b"") + (attempt["told"] or b""):
        _merge_event(message, run_definition_pb2.ActionEvent.FromString(told))
    first = steps[0][1] if steps else attempt["started_at"]
    if first is not None:
        message.start_time.CopyFrom(timestamp(first))
    if attempt["ended_at"] is not None:
        message.end_time.CopyFrom(timestamp(attempt["ended_at"]))
    error = error_of(attempt)
    if error is not None:
        message.error_info.CopyFrom(error)
    if attempt["phase"] in {5, 10} and attempt["output_uri"]:
        message.outputs.output_uri = f"{attempt['output_uri']}/outputs.pb"
    for place, (phase, at) in enumerate(steps):
        step = message.phase_transitions.add(phase=phase, start_time=timestamp(at))
        until = steps[place + 1][1] if place + 1 < len(steps) else attempt["ended_at"]
        if until is not None:
            step.end_time.CopyFrom(timestamp(until))
    if attempt["worker"]:
        message.log_context.CopyFrom(log_context(row, attempt))
    if attempt["wall_seconds"] is not None:
        memory = (attempt["max_rss_bytes"] or 0) / 1024**2
        wall, cpu = attempt["wall_seconds"], attempt["cpu_seconds"] or 0.0
        measured = f"wall time {wall:.3f} s, CPU time {cpu:.3f} s, memory {memory:.0f} MiB at most"
        message.cluster_events.append(_cluster_event(attempt["ended_at"], "Measured", measured))
    return message


def notes_event(notes: Iterable[tuple[float, str, str]]) -> bytes:
    """Return what the devbox tells about an attempt as an `ActionEvent`: of each note when, a word, and a sentence."""
    events = [_cluster_event(*note) for note in notes]
    return run_definition_pb2.ActionEvent(cluster_events=events).SerializeToString()


def with_notes(event: bytes, notes: bytes) -> bytes:
    """Return what is told about an attempt with the notes of the devbox, see `notes_event`, instead of those before."""
    kept, new = run_definition_pb2.ActionEvent.FromString(event), run_definition_pb2.ActionEvent.FromString(notes)
    others = [one for one in kept.cluster_events if one.source_component != CLUSTER]
    del kept.cluster_events[:]
    kept.cluster_events.extend([*new.cluster_events, *others])
    return kept.SerializeToString()


def _cluster_event(at: float, reason: str, message: str) -> run_definition_pb2.ClusterEvent:
    return run_definition_pb2.ClusterEvent(
        occurred_at=timestamp(at),
        message=message,
        type=run_definition_pb2.ClusterEvent.TYPE_NORMAL,
        reason=reason,
        source_component=CLUSTER,
        count=1,
    )


def pod_name(row: sqlite3.Row, number: int) -> str:
    """Return what an attempt is called where a cluster has pods."""
    return f"{row['run_name']}-{row['name']}-{number - 1}"


def log_context(row: sqlite3.Row, attempt: sqlite3.Row) -> execution_pb2.LogContext:
    """Return where the log of an attempt is."""
    name = pod_name(row, attempt["number"])
    process = execution_pb2.ContainerContext.ProcessContext()
    if attempt["started_at"] is not None:
        process.container_start_time.CopyFrom(timestamp(attempt["started_at"]))
    if attempt["ended_at"] is not None:
        process.container_end_time.CopyFrom(timestamp(attempt["ended_at"]))
    container = execution_pb2.ContainerContext(container_name=name, process=process)
    pod = execution_pb2.PodLogContext(
        namespace=NAMESPACE, pod_name=name, containers=[container], primary_container_name=name
    )
    return execution_pb2.LogContext(pods=[pod], primary_pod_name=name)


def _merge_event(message: run_definition_pb2.ActionAttempt, event: run_definition_pb2.ActionEvent) -> None:
    message.log_info.extend(event.log_info)
    message.cluster_events.extend(event.cluster_events)
    if event.HasField("outputs"):
        message.outputs.CopyFrom(event.outputs)
    if event.HasField("log_context"):
        message.log_context.CopyFrom(event.log_context)


def task_id_of(spec: task_definition_pb2.TaskSpec, row_org: str) -> task_definition_pb2.TaskIdentifier:
    """Return the identifier that a specification carries."""
    given = spec.task_template.id
    return task_definition_pb2.TaskIdentifier(
        org=given.org or row_org,
        project=given.project,
        domain=given.domain,
        name=given.name,
        version=given.version,
    )


CACHE_DISABLED = catalog_pb2.CACHE_DISABLED
EMPTY_INPUTS = common_pb2.Inputs()
EMPTY_RUN_SPEC = run_pb2.RunSpec()
