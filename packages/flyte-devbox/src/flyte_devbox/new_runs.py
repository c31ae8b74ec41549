"""What is recorded of a run that comes in and of its root action. Nothing here writes."""

import hashlib
import secrets
from collections.abc import Mapping

from flyteidl2.common import identifier_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.new_actions import ROOT, TASK, first_cache_status, task_metadata
from flyte_devbox.policies import TaskPolicy
from flyte_devbox.records import NewAction, NewRun
from flyte_devbox.rows import IDENTITY
from flyte_models.debugging import DEBUG_VARIABLE, is_asked_for
from flyte_models.values import value

__all__ = ["RunRequest", "inputs_hash", "new_root", "new_run_name", "new_run_of"]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@value
class RunRequest:
    """A run to create; its inputs are stored already."""

    org: str
    project: str
    domain: str
    name: str
    """Empty for one that is made up."""
    spec: task_definition_pb2.TaskSpec
    run_spec: run_pb2.RunSpec
    input_uri: str
    inputs_hash: str
    source: int
    started_at: float
    trigger: identifier_pb2.TriggerIdentifier | None = None
    automation: common_pb2.TriggerAutomationSpec | None = None


def inputs_hash(inputs: common_pb2.Inputs, ignored: tuple[str, ...] = ()) -> str:
    """Name inputs by their content, without those that do not count."""
    kept = common_pb2.Inputs(literals=[pair for pair in inputs.literals if pair.name not in ignored])
    return hashlib.sha256(kept.SerializeToString(deterministic=True)).hexdigest()


def new_run_name() -> str:
    """Make up the name of a run, as the protocol's clients do: a letter, then letters and digits, 20 in all."""
    return "r" + "".join(secrets.choice(_ALPHABET) for _ in range(19))


def new_run_of(request: RunRequest, name: str, recover_from: int | None, now: float) -> NewRun:
    """Say what is recorded of a run.

    Args:
        request: what was asked for.
        name: its name, which may be made up.
        recover_from: the row of the run that it goes on with.
        now: seconds since 1970.
    """
    task_id, run_spec, trigger = request.spec.task_template.id, request.run_spec, request.trigger
    return NewRun(
        request.org,
        request.project,
        request.domain,
        name,
        run_spec.SerializeToString(),
        request.source,
        dict(run_spec.labels.values),
        False,
        run_spec.max_action_concurrency,
        request.started_at,
        now,
        task_id.name,
        task_id.version,
        trigger.name.name if trigger is not None else "",
        trigger.name.task_name if trigger is not None else "",
        recover_from,
    )


def new_root(request: RunRequest, policy: TaskPolicy, digest: bytes, run_base: str, now: float) -> NewAction:
    """Say what is recorded of the root action of a run.

    Args:
        request: what was asked for.
        policy: what its task asks for.
        digest: of the specification of its task.
        run_base: where the outputs of the run go.
        now: seconds since 1970.
    """
    spec, run_spec = request.spec, request.run_spec
    task_name = spec.task_template.id.name
    cache_key = _root_cache_key(request, policy) if policy.is_cached and not _is_debugged(request) else ""
    return NewAction(
        ROOT,
        "",
        TASK,
        1,
        policy.retry.count + 1,
        _root_metadata(request).SerializeToString(),
        digest,
        None,
        task_name,
        spec.environment.name,
        run_spec.queue,
        request.input_uri,
        run_base,
        cache_key,
        first_cache_status(policy, cache_key),
        0,
        now,
    )


def _root_metadata(request: RunRequest) -> run_definition_pb2.ActionMetadata:
    spec, run_spec = request.spec, request.run_spec
    metadata = run_definition_pb2.ActionMetadata(
        executed_by=IDENTITY,
        task=task_metadata(spec, request.org, run_spec.queue),
        action_type=TASK,
        environment_name=spec.environment.name,
        funtion_name=spec.task_template.id.name.rpartition(".")[2],
        source=request.source,  # type: ignore[arg-type]
    )
    if request.trigger is not None:
        metadata.trigger_id.CopyFrom(request.trigger)
        metadata.trigger_name = request.trigger.name.name
    if request.automation is not None:
        metadata.trigger_type.CopyFrom(request.automation)
    if run_spec.HasField("relation"):
        metadata.relation.CopyFrom(run_spec.relation)
    return metadata


def _is_debugged(request: RunRequest) -> bool:
    """Tell whether the task is tried and edited before it runs: what it gives then is not what its version gives."""
    variables = {pair.key: pair.value for pair in request.run_spec.envs.values}
    return request.spec.task_template.metadata.debuggable and is_asked_for(variables.get(DEBUG_VARIABLE))


def _root_cache_key(request: RunRequest, policy: TaskPolicy) -> str:
    task_id = request.spec.task_template.id
    digest = hashlib.sha256()
    parts: Mapping[str, bytes] = {
        "name": task_id.name.encode(),
        "version": policy.cache_version.encode(),
        "interface": request.spec.task_template.interface.SerializeToString(deterministic=True),
        "inputs": request.inputs_hash.encode(),
    }
    for label, content in parts.items():
        digest.update(f"{label}:{len(content)}:".encode() + content)
    return digest.hexdigest()
