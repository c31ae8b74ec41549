"""Tasks as a control plane would store them, without one: `flyte.extras.serialize`."""

from typing import TYPE_CHECKING, Any

from flyte.initialization import settings
from flyte.registration.wire import default_inputs, task_spec
from flyte.tasks.environment import TaskEnvironment
from flyte.tasks.template import TaskTemplate
from flyte_models.interface import NativeInterface
from flyte_models.serialization import SerializationContext
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.task.common_pb2 import NamedParameter
    from flyteidl2.task.task_definition_pb2 import TaskSpec

__all__ = ["serialize", "serialize_env"]

_VERSION = "local"


def serialize(task: TaskTemplate[..., Any], ctx: SerializationContext | None = None) -> "TaskSpec":
    """Give the specification of a task, as it would be registered; nothing is sent, built or bundled.

    Args:
        task: The task.
        ctx: Version, place, bundle and images; default: version `local` with the scope that `flyte.init` was given.

    Raises:
        RuntimeUserError: The image of the task must be built, and the context's image cache does not have it.
    """
    return task_spec(task, ctx or _context(), defaults=_defaults(task.interface))


def serialize_env(env: TaskEnvironment, ctx: SerializationContext | None = None) -> "list[TaskSpec]":
    """Give the specifications of all tasks of an environment, in the order of their declaration; see `serialize`."""
    context = ctx or _context()
    return [serialize(task, context) for task in env.tasks.values()]


@syncify
async def _defaults(interface: NativeInterface) -> "list[NamedParameter]":
    return await default_inputs(interface)


def _context() -> SerializationContext:
    made = settings()
    return SerializationContext(
        version=_VERSION, project=made.project, domain=made.domain, org=made.org, root_dir=made.root_dir
    )
