"""Declared triggers as protocol messages: when a task starts by itself, with which inputs, and how its runs are made."""

import asyncio
from collections.abc import Mapping
from datetime import UTC
from inspect import Parameter
from typing import Any

from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2, run_pb2

from flyte_models.errors import DeclarationError
from flyte_models.interface import NativeInterface
from flyte_models.triggers import (
    Cron,
    FixedRate,
    OnArtifact,
    Trigger,
    TriggeredArtifact,
    TriggeredPartition,
    TriggerTime,
)
from flyte_remote.notification_messages import add_notifications
from flyte_types.codec import encode_literal_async

__all__ = ["automation_of", "inputs_of_trigger", "run_spec_of"]

_TIME_KEY = "_u_kickoff_time_input_arg"
"""Where older backends look for the input that gets the time of a schedule."""


async def inputs_of_trigger(trigger: Trigger, task_name: str, interface: NativeInterface) -> common_pb2.Inputs:
    """Convert the inputs that a trigger starts its task with: those it gives, and the defaults of the others.

    A trigger without an automation is started by hand, and may leave inputs to whoever starts it.

    Args:
        trigger: The trigger.
        task_name: What it starts, for messages.
        interface: Of the task; defaults that are stored are taken as they are.

    Raises:
        DeclarationError: It gives an input that the task does not have, or leaves one out.
        TypeError: An input is not of its type.
    """
    declared = interface.inputs
    given = trigger.inputs or {}
    bound = {name for name, item in given.items() if _is_bound(item)}
    unknown = [name for name in given if name not in declared]
    if unknown:
        known = ", ".join(f"`{name}`" for name in declared) or "none"
        raise DeclarationError(
            f"trigger `{trigger.name}` gives the input `{unknown[0]}`, and the inputs of task `{task_name}` are {known}"
        )
    values = {name: item for name, item in given.items() if name not in bound}
    # A stored interface has its inputs by name, its defaults in the order of the signature.
    for name in dict.fromkeys((*interface.remote_defaults, *declared)):
        _, default = declared[name]
        if name in values:
            continue
        if default is not Parameter.empty:
            values[name] = default
        elif name not in bound and trigger.automation is not None:
            raise DeclarationError(
                f"trigger `{trigger.name}` gives no value for the input `{name}` of task `{task_name}`\n"
                f'hint: `inputs={{"{name}": ...}}`, or give the parameter a default'
            )
    stored: Mapping[str, Any] = interface.remote_defaults

    async def literal(name: str, item: Any) -> literals_pb2.Literal:
        if item is NativeInterface.has_default:
            return stored[name]
        return literals_pb2.Literal.FromString(await encode_literal_async(item, declared[name][0]))

    literals = await asyncio.gather(*(literal(*pair) for pair in values.items()))
    message = common_pb2.Inputs()
    for name, made in zip(values, literals, strict=True):
        message.literals.add(name=name, value=made)
    for key, text in (trigger.custom_context or {}).items():
        message.context.add(key=key, value=text)
    time = _time_input(trigger)
    if time is not None:
        message.context.add(key=_TIME_KEY, value=time)
    return message


def run_spec_of(trigger: Trigger) -> run_pb2.RunSpec:
    """Give how the runs of a trigger are made."""
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


def automation_of(trigger: Trigger) -> common_pb2.TriggerAutomationSpec:
    """Give what fires a trigger."""
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


def _is_bound(item: object) -> bool:
    return item is TriggerTime or item is TriggeredArtifact or isinstance(item, TriggeredPartition)


def _time_input(trigger: Trigger) -> str | None:
    return next((name for name, item in (trigger.inputs or {}).items() if item is TriggerTime), None)


def _schedule(automation: Cron | FixedRate) -> common_pb2.Schedule:
    if isinstance(automation, Cron):
        return common_pb2.Schedule(cron=common_pb2.Cron(expression=automation.expression, timezone=automation.timezone))
    rate = common_pb2.FixedRate(value=automation.interval_minutes, unit=common_pb2.FIXED_RATE_UNIT_MINUTE)
    start = automation.start_time
    if start is not None:
        rate.start_time.FromDatetime(start if start.tzinfo is None else start.astimezone(UTC))
    return common_pb2.Schedule(rate=rate)
