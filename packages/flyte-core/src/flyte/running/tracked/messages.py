"""What a control plane is told of the actions of a local run. Pure: records in, messages out. This loads protobuf."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2, phase_pb2
from flyteidl2.core import catalog_pb2, execution_pb2, interface_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2, tracked_run_service_pb2

from flyte_engine.records import ActionRecord, AttemptRecord, CacheStatus, ErrorRecord, TraceRecord
from flyte_models.phases import ActionPhase
from flyte_models.values import value
from flyte_protocol.phases import phase_to_wire

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

__all__ = ["Seen", "Step", "TracedAction", "action_update", "steps_since", "trace_update"]

_CACHE_STATUS: dict[CacheStatus, catalog_pb2.CatalogCacheStatus] = {
    "disabled": catalog_pb2.CACHE_DISABLED,
    "miss": catalog_pb2.CACHE_MISS,
    "hit": catalog_pb2.CACHE_HIT,
    "populated": catalog_pb2.CACHE_POPULATED,
    "skipped": catalog_pb2.CACHE_SKIPPED,
    "lookup_failure": catalog_pb2.CACHE_LOOKUP_FAILURE,
    "put_failure": catalog_pb2.CACHE_PUT_FAILURE,
}
_KINDS = {
    "user": run_definition_pb2.ErrorInfo.KIND_USER,
    "system": run_definition_pb2.ErrorInfo.KIND_SYSTEM,
    "unknown": run_definition_pb2.ErrorInfo.KIND_UNSPECIFIED,
}


@value
class Seen:
    """What the control plane has been told last of an action."""

    attempt: int
    phase: ActionPhase


@value
class Step:
    """What is told of an action in one update: an attempt of it, or the action itself where it has none."""

    attempt: int
    phase: ActionPhase
    at: float
    """When it came to this phase."""
    error: ErrorRecord | None = None


def steps_since(seen: Seen | None, action: ActionRecord, attempts: Sequence[AttemptRecord]) -> Iterator[Step]:
    """Give what there is to tell of an action, in order.

    Phases in between that nobody was told of are left out: of each attempt the last one counts. An action that only waits for
    its first attempt is not told of.

    Args:
        seen: What was told last; None: nothing.
        action: The action as it is now.
        attempts: Its attempts, by number.
    """
    for attempt in attempts:
        phase, error, at = attempt.phase, attempt.error, attempt.ended_at or attempt.started_at
        if attempt.number == action.attempt and (action.phase.is_terminal or action.phase is ActionPhase.PAUSED):
            # The action may know more than its attempt: that it was aborted, or that it waits.
            phase, error, at = action.phase, action.error or error, action.ended_at or at
        if (
            seen is None
            or attempt.number > seen.attempt
            or (attempt.number == seen.attempt and phase is not seen.phase)
        ):
            yield Step(attempt.number, phase, at, error)
    made = attempts[-1].number if attempts else 0
    is_told = seen is not None and seen.attempt >= action.attempt and seen.phase is action.phase
    if action.phase.is_terminal and made < action.attempt and not is_told:
        # It ended without an attempt: found in the cache, or aborted while it waited for the next one.
        yield Step(action.attempt, action.phase, action.ended_at or action.created_at, action.error)


def action_update(
    run: identifier_pb2.RunIdentifier,
    action: ActionRecord,
    step: Step,
    version: int,
    cluster: str,
    *,
    spec: "task_definition_pb2.TaskSpec | None" = None,
    is_condition: bool = False,
    output_uri: str = "",
    report_uri: str = "",
    links: Sequence[execution_pb2.TaskLog] = (),
) -> tracked_run_service_pb2.TrackedActionUpdate:
    """Say how an action is.

    Args:
        run: Its run.
        action: The action.
        step: What is told.
        version: How many updates of this attempt came before.
        cluster: Where the control plane says that it keeps the data.
        spec: Its task; only needed the first time, and never of the root action.
        is_condition: Whether it waits for an answer; then it has no task, and its name stands for it.
        output_uri: Where its outputs are.
        report_uri: Where its report is.
        links: What is shown beside it.
    """
    update = tracked_run_service_pb2.TrackedActionUpdate()
    event, status = update.event, update.status
    event.id.run.CopyFrom(run)
    event.id.name = action.name
    event.attempt = status.attempts = step.attempt
    event.phase = status.phase = phase_to_wire(step.phase)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    event.version = version
    event.cluster = cluster
    event.cache_status = status.cache_status = _CACHE_STATUS[action.cache_status]
    for stamp in (event.updated_time, event.reported_time):
        _set(stamp, step.at)
    _set(status.start_time, action.started_at or action.created_at)
    if step.phase.is_terminal:
        _set(status.end_time, step.at)
    if step.error is not None:
        event.error_info.message = step.error.message
        event.error_info.code = step.error.code
        event.error_info.kind = _KINDS[step.error.kind]
    if output_uri:
        event.outputs.output_uri = output_uri
    if report_uri:
        event.outputs.report_uri = report_uri
    event.log_info.extend(links)
    if is_condition or spec is not None:
        update.parent_name, update.group = action.parent_name or "", action.group or ""
    if is_condition:
        update.trace.name = action.short_name or action.task_name
    elif spec is not None:
        update.task.spec.CopyFrom(spec)
    return update


@value
class TracedAction:
    """A traced call that has ended, and what its record does not say of it."""

    trace: TraceRecord
    action_name: str
    """The call's own."""
    function_name: str
    group: str
    interface: bytes
    """A `TypedInterface`."""
    inputs: bytes


def trace_update(
    run: identifier_pb2.RunIdentifier, traced: TracedAction, cluster: str, output_uri: str
) -> tracked_run_service_pb2.TrackedActionUpdate:
    """Say how a traced call has ended."""
    trace = traced.trace
    is_ok = trace.error is None
    phase = phase_pb2.ACTION_PHASE_SUCCEEDED if is_ok else phase_pb2.ACTION_PHASE_FAILED
    update = tracked_run_service_pb2.TrackedActionUpdate(parent_name=trace.action_name, group=traced.group)
    event, status = update.event, update.status
    event.id.run.CopyFrom(run)
    event.id.name = traced.action_name
    event.attempt = status.attempts = 1
    event.phase = status.phase = phase
    event.cluster = cluster
    for stamp in (event.updated_time, event.reported_time, status.end_time):
        _set(stamp, trace.ended_at)
    _set(status.start_time, trace.started_at)
    if output_uri:
        event.outputs.output_uri = output_uri
    if trace.error is not None:
        event.error_info.message, event.error_info.code = trace.error.message, trace.error.code
        event.error_info.kind = _KINDS[trace.error.kind]
    update.trace.name = traced.function_name
    update.trace.spec.interface.CopyFrom(interface_pb2.TypedInterface.FromString(traced.interface))
    return update


def _set(stamp: "Timestamp", seconds: float) -> None:
    stamp.FromNanoseconds(int(seconds * 1e9))
