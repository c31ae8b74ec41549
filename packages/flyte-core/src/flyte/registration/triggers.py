"""Triggers as protocol messages: when a deployed task starts by itself, and with which inputs."""

from datetime import UTC
from inspect import Parameter
from typing import Any

from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2, task_service_pb2

from flyte.git import GitStatus
from flyte.registration.notifications import add_notifications
from flyte.registration.wire import default_inputs, documented, task_spec
from flyte.tasks.template import TaskTemplate
from flyte_models.serialization import SerializationContext
from flyte_models.triggers import (
    Cron,
    FixedRate,
    OnArtifact,
    Trigger,
    TriggeredArtifact,
    TriggeredPartition,
    TriggerTime,
)
from flyte_types.codec import encode_literal_async

__all__ = ["deploy_request", "task_trigger"]

_TIME_KEY = "_u_kickoff_time_input_arg"
"""Where older backends look for the input that gets the time of a schedule."""


async def deploy_request(
    task: TaskTemplate[..., Any], serialization_context: SerializationContext, repository: GitStatus | None = None
) -> task_service_pb2.DeployTaskRequest:
    """Give the request that deploys a task: its specification with documentation and defaults, and its triggers.

    Args:
        task: The task.
        serialization_context: Version, place, bundle and images.
        repository: What is checked out, for the link to the source; git is asked if it is not given.

    Raises:
        RuntimeUserError: The image must be built, and the context's image cache does not have it.
        ValueError: As of `task_spec`; or a trigger gives an input that the task does not have, or leaves one out.
        TypeError: A default, or an input of a trigger, is not of its type.
    """
    environment = task.parent_env() if task.parent_env is not None else None
    spec = task_spec(task, serialization_context, defaults=await default_inputs(task.interface))
    identifier = spec.task_template.id
    return task_service_pb2.DeployTaskRequest(
        task_id=task_definition_pb2.TaskIdentifier(
            org=identifier.org,
            project=identifier.project,
            domain=identifier.domain,
            name=identifier.name,
            version=identifier.version,
        ),
        spec=documented(spec, task, environment.description if environment is not None else None, repository),
        triggers=[await task_trigger(task, trigger) for trigger in task.triggers],
    )


async def task_trigger(task: TaskTemplate[..., Any], trigger: Trigger) -> task_definition_pb2.TaskTrigger:
    """Give a trigger of a task as a message.

    Raises:
        ValueError: It gives an input that the task does not have, or leaves one out.
        TypeError: An input is not of its type.
    """
    spec = task_definition_pb2.TaskTriggerSpec(
        active=trigger.auto_activate,
        inputs=await _inputs(task, trigger),
        run_spec=_run_spec(trigger),
        description=trigger.description,
    )
    return task_definition_pb2.TaskTrigger(name=trigger.name, spec=spec, automation_spec=_automation(trigger))


async def _inputs(task: TaskTemplate[..., Any], trigger: Trigger) -> common_pb2.Inputs:
    declared = task.interface.inputs
    given = trigger.inputs or {}
    bound = {name for name, item in given.items() if _is_bound(item)}
    unknown = [name for name in given if name not in declared]
    if unknown:
        known = ", ".join(f"`{name}`" for name in declared) or "none"
        raise ValueError(
            f"trigger `{trigger.name}` gives the input `{unknown[0]}`, and the inputs of task `{task.name}` are {known}"
        )
    values = {name: item for name, item in given.items() if name not in bound}
    for name, (_, default) in declared.items():
        if name in values:
            continue
        if default is not Parameter.empty:
            values[name] = default
        elif name not in bound:
            raise ValueError(
                f"trigger `{trigger.name}` gives no value for the input `{name}` of task `{task.name}`\n"
                f'hint: `inputs={{"{name}": ...}}`, or give the parameter a default'
            )
    message = common_pb2.Inputs()
    for name, item in values.items():
        literal = literals_pb2.Literal.FromString(await encode_literal_async(item, declared[name][0]))
        message.literals.add(name=name, value=literal)
    for key, text in (trigger.custom_context or {}).items():
        message.context.add(key=key, value=text)
    time = _time_input(trigger)
    if time is not None:
        message.context.add(key=_TIME_KEY, value=time)
    return message


def _is_bound(item: object) -> bool:
    return item is TriggerTime or item is TriggeredArtifact or isinstance(item, TriggeredPartition)


def _time_input(trigger: Trigger) -> str | None:
    return next((name for name, item in (trigger.inputs or {}).items() if item is TriggerTime), None)


def _run_spec(trigger: Trigger) -> run_pb2.RunSpec:
    spec = run_pb2.RunSpec(
        overwrite_cache=trigger.overwrite_cache,
        queue=trigger.queue or "",
        max_action_concurrency=trigger.max_action_concurrency or 0,
    )
    for key, text in (trigger.env_vars or {}).items():
        spec.envs.values.add(key=key, value=text)
    if trigger.interruptible is not None:
        spec.interruptible.value = trigger.interruptible
    if trigger.labels:
        spec.labels.values.update(trigger.labels)
    if trigger.annotations:
        spec.annotations.values.update(trigger.annotations)
    add_notifications(spec, trigger.notifications)
    return spec


def _automation(trigger: Trigger) -> common_pb2.TriggerAutomationSpec:
    automation = trigger.automation
    message = common_pb2.TriggerAutomationSpec(type=common_pb2.TYPE_NONE)
    if isinstance(automation, OnArtifact):
        message.type = common_pb2.TYPE_ARTIFACT
        artifact = message.artifact
        artifact.artifact_name = automation.name
        artifact.version = automation.version or ""
        artifact.partitions.update(automation.partitions or {})
        for name, item in (trigger.inputs or {}).items():
            if item is TriggeredArtifact:
                artifact.input_arg = name
            elif isinstance(item, TriggeredPartition):
                artifact.partition_input_args[name] = item.key
    elif automation is not None:
        message.type = common_pb2.TYPE_SCHEDULE
        message.schedule.CopyFrom(_schedule(automation))
        message.schedule.kickoff_time_input_arg = _time_input(trigger) or ""
    return message


def _schedule(automation: Cron | FixedRate) -> common_pb2.Schedule:
    if isinstance(automation, Cron):
        return common_pb2.Schedule(cron=common_pb2.Cron(expression=automation.expression, timezone=automation.timezone))
    rate = common_pb2.FixedRate(value=automation.interval_minutes, unit=common_pb2.FIXED_RATE_UNIT_MINUTE)
    start = automation.start_time
    if start is not None:
        rate.start_time.FromDatetime(start if start.tzinfo is None else start.astimezone(UTC))
    return common_pb2.Schedule(rate=rate)
