"""What is recorded of actions that come in: what their requests say, read once. Nothing here writes."""

import time
from dataclasses import dataclass

from flyteidl2.actions import actions_service_pb2
from flyteidl2.core import catalog_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.errors import invalid_argument
from flyte_devbox.live import LiveRun
from flyte_devbox.policies import TaskPolicy
from flyte_devbox.records import NewAction
from flyte_devbox.rows import IDENTITY, seconds_of
from flyte_devbox.scheduler import initial_state
from flyte_models import lifecycle
from flyte_models.values import value

__all__ = [
    "DONE",
    "ROOT",
    "TASK",
    "ChildTask",
    "NewChild",
    "check_name",
    "first_cache_status",
    "initial_paused",
    "new_child",
    "task_metadata",
]

ROOT = "a0"
TASK = run_definition_pb2.ACTION_TYPE_TASK
_TRACE = run_definition_pb2.ACTION_TYPE_TRACE
_CONDITION = run_definition_pb2.ACTION_TYPE_CONDITION
DONE = {5, 10}
"""Phases of an action that has given its outputs."""


@value
class ChildTask:
    """A specification whose actions are taken, looked at once."""

    spec: task_definition_pb2.TaskSpec
    data: bytes
    """The same, as it is recorded."""
    digest: bytes
    policy: TaskPolicy


@dataclass(slots=True)
class NewChild:
    """A child action that is to be recorded."""

    action: actions_service_pb2.Action
    kind: str
    run: LiveRun
    task: ChildTask | None
    new: NewAction
    inputs: bytes | None


def new_child(
    action: actions_service_pb2.Action,
    kind: str,
    run: LiveRun,
    task: ChildTask | None,
    *,
    depth: int,
    asked_in: int,
) -> NewAction:
    """Say what is recorded of a child action.

    Args:
        action: what was asked for.
        kind: `task`, `trace` or `condition`.
        run: the run that it is of.
        task: what it is an action of; `None` for a trace or condition.
        depth: how many parents are above it.
        asked_in: the attempt of its parent that asked for it.
    """
    now = time.time()
    metadata = run_definition_pb2.ActionMetadata(
        parent=action.parent_action_name, group=action.group, executed_by=IDENTITY
    )
    detail: bytes | None = None
    output_uri = environment = queue = cache_key = ""
    phase, started, ended = 1, None, None
    if task is not None:
        spec = task.spec
        template = spec.task_template
        queue, name, environment = action.task.queue, template.id.name, spec.environment.name
        metadata.task.CopyFrom(task_metadata(spec, run.org, queue))
        metadata.action_type = TASK
        metadata.environment_name = environment
        metadata.funtion_name = name.rpartition(".")[2]
        cache_key = action.task.cache_key.value if template.metadata.discoverable else ""
    elif kind == "trace":
        trace = action.trace
        name = metadata.trace.name = trace.name
        metadata.action_type = _TRACE
        detail, output_uri = trace.SerializeToString(), trace.outputs.output_uri
        phase = trace.phase or 5
        started = seconds_of(trace.start_time) if trace.HasField("start_time") else now
        ended = seconds_of(trace.end_time) if trace.HasField("end_time") else now
    else:
        condition = action.condition
        name = metadata.condition.name = condition.name
        metadata.condition.type.CopyFrom(condition.type)
        metadata.action_type = _CONDITION
        detail = condition.SerializeToString()
        phase, started = 9, now
    policy = None if task is None else task.policy
    return NewAction(
        action.action_id.name,
        action.parent_action_name,
        metadata.action_type,
        phase,
        policy.retry.count + 1 if policy is not None else 1,
        metadata.SerializeToString(),
        None if task is None else task.digest,
        detail,
        name,
        environment,
        queue,
        action.input_uri,
        action.run_output_base,
        cache_key,
        first_cache_status(policy, cache_key),
        depth,
        now,
        output_uri,
        None,
        started,
        ended,
        asked_in,
    )


def check_name(name: str) -> None:
    """Refuse what can be no name of a run or an action.

    Raises:
        ServiceError: INVALID_ARGUMENT.
    """
    if (
        not name.isascii()
        or not all(character.isalnum() or character in "-_." for character in name)
        or name[0] in ".-"
    ):
        raise invalid_argument(
            f"`{name[:50]}` is no name: letters, digits, `-`, `_` and `.` are allowed, not beginning with `.` or `-`"
        )


def task_metadata(spec: task_definition_pb2.TaskSpec, org: str, queue: str) -> run_definition_pb2.TaskActionMetadata:
    """Say which task an action is of."""
    given = spec.task_template.id
    return run_definition_pb2.TaskActionMetadata(
        id=task_definition_pb2.TaskIdentifier(
            org=given.org or org,
            project=given.project,
            domain=given.domain,
            name=given.name,
            version=given.version,
        ),
        task_type=spec.task_template.type,
        short_name=spec.short_name or given.name.rpartition(".")[2],
        queue=queue,
    )


def first_cache_status(policy: TaskPolicy | None, cache_key: str) -> int:
    """Say what is known of the cache before the action begins."""
    if policy is None or not policy.is_cached or not cache_key:
        return catalog_pb2.CACHE_DISABLED
    return catalog_pb2.CACHE_MISS


def initial_paused() -> lifecycle.ActionState:
    """Return the state of a condition that waits for its signal."""
    return lifecycle.advance(initial_state(1), lifecycle.Pause())
