"""Calls of registered tasks inside a task, as what is enqueued. Loads protobuf."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flyte.controllers.cluster import Child
from flyte.failures import preview
from flyte.registration.calls import inputs_of, named_arguments
from flyte_types.codec import InterfaceCodec

if TYPE_CHECKING:
    from flyte_remote.tasks import TaskDetails

__all__ = ["registered_child"]


async def registered_child(
    task: "TaskDetails", args: tuple[Any, ...], kwargs: Mapping[str, Any], context: Mapping[str, str]
) -> tuple[Child, InterfaceCodec, tuple[tuple[str, str], ...]]:
    """Return the child of a call, what reads its outputs, and its arguments to be shown.

    Raises:
        ValueError: The arguments do not fit.
        TypeError: One is of another type.
        RemoteTaskUsageError: Several are given by position.
    """
    given = named_arguments(task, args, kwargs)
    inputs = (await inputs_of(task, given, context)).SerializeToString(deterministic=True)
    interface = task.interface
    codec = InterfaceCodec(
        interface.inputs, interface.outputs, task_name=task.name, max_inline_io_bytes=task.max_inline_io_bytes
    )
    ignored = list(task.pb2.spec.task_template.metadata.cache_ignore_input_vars)
    child = Child(
        task_name=task.name,
        short_name=task.pb2.spec.short_name or task.name.rpartition(".")[2],
        spec=task.pb2.spec,
        interface_hash=codec.interface_hash(),
        inputs=inputs,
        inputs_hash=codec.inputs_hash(inputs, ignored),
        max_bytes=task.max_inline_io_bytes,
        task_id=task.pb2.task_id,
        queue=task.queue or "",
    )
    return child, codec, tuple((name, preview(item)) for name, item in given.items())
