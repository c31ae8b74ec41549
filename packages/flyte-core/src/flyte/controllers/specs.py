"""What a control plane is told about a task that an action calls: it has the code and the version of its parent."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flyteidl2.core import identifier_pb2, interface_pb2
from flyteidl2.task import task_definition_pb2

from flyte.controllers.conversion import codec_for
from flyte.tasks.template import AsyncFunctionTaskTemplate, TaskTemplate

if TYPE_CHECKING:
    from flyte.runtime.invocation import Invocation

__all__ = ["describer"]

_RESOLVER = "flyte._internal.resolvers.default.DefaultTaskResolver"
_SHORT_NAME_LENGTH = 63


def describer(invocation: "Invocation") -> Callable[[TaskTemplate[..., Any]], task_definition_pb2.TaskSpec]:
    """Return what gives the `TaskSpec` of a task for the children of an action."""

    def describe(task: TaskTemplate[..., Any]) -> task_definition_pb2.TaskSpec:
        if not isinstance(task, AsyncFunctionTaskTemplate):
            raise NotImplementedError(f"tasks of type `{type(task).__name__}` cannot be called on a control plane yet")
        spec = task_definition_pb2.TaskSpec(short_name=task.short_name[:_SHORT_NAME_LENGTH])
        template = spec.task_template
        action = invocation.action
        template.id.CopyFrom(
            identifier_pb2.Identifier(
                resource_type=identifier_pb2.TASK,
                org=action.org or "",
                project=action.project or "",
                domain=action.domain or "",
                name=task.name,
                version=invocation.version,
            )
        )
        template.type = task.task_type
        template.interface.CopyFrom(interface_pb2.TypedInterface.FromString(codec_for(task).typed_interface()))
        template.metadata.retries.retries = task.retries.count
        template.container.args.extend(_arguments(task, invocation))
        spec.environment.name = (task.parent_env_name or "")[:_SHORT_NAME_LENGTH]
        return spec

    return describe


def _arguments(task: AsyncFunctionTaskTemplate[..., Any], invocation: "Invocation") -> list[str]:
    arguments = ["a0", "--inputs", "{{.input}}", "--outputs-path", "{{.outputPrefix}}", "--version", invocation.version]
    for option, template in (
        ("raw-data-path", "rawOutputDataPrefix"),
        ("checkpoint-path", "checkpointOutputPrefix"),
        ("prev-checkpoint", "prevCheckpointPrefix"),
        ("run-name", "runName"),
        ("name", "actionName"),
        ("run-start-time", "runStartTime"),
    ):
        arguments += [f"--{option}", f"{{{{.{template}}}}}"]
    if invocation.image_cache:
        arguments += ["--image-cache", invocation.image_cache]
    if invocation.tgz:
        arguments += ["--tgz", invocation.tgz]
    arguments += ["--dest", invocation.dest]
    return [*arguments, "--resolver", _RESOLVER, "mod", task.func.__module__, "instance", task.func.__name__]
