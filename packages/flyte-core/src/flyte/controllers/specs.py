"""What a control plane is told about a task that an action calls: it has the code, the images and the version of its parent."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyteidl2.task import task_definition_pb2

from flyte.registration.wire import task_spec
from flyte.tasks.template import TaskTemplate
from flyte_images import ImageCache
from flyte_models.bundles import CodeBundle
from flyte_models.context import current_context
from flyte_models.serialization import SerializationContext

if TYPE_CHECKING:
    from flyte.runtime.invocation import Invocation

__all__ = ["describer"]


def describer(invocation: "Invocation") -> Callable[[TaskTemplate[..., Any]], task_definition_pb2.TaskSpec]:
    """Return what gives the `TaskSpec` of a task for the children of an action."""
    action = invocation.action
    root = Path(invocation.dest).resolve()

    def describe(task: TaskTemplate[..., Any]) -> task_definition_pb2.TaskSpec:
        context = SerializationContext(
            version=invocation.version,
            project=action.project,
            domain=action.domain,
            org=action.org,
            code_bundle=_bundle(invocation),
            image_cache=ImageCache.from_transport(invocation.image_cache) if invocation.image_cache else None,
            root_dir=_root_of(task, root),
        )
        running = current_context()
        return task_spec(task, context, task_context=running or None)

    return describe


def _bundle(invocation: "Invocation") -> CodeBundle | None:
    if not invocation.tgz and not invocation.pkl:
        return None
    return CodeBundle(
        computed_version=invocation.version, tgz=invocation.tgz, pkl=invocation.pkl, destination=invocation.dest
    )


def _root_of(task: TaskTemplate[..., Any], root: Path) -> Path:
    """Give the folder that the task's module was imported from: the bundle's, or one that the image has on its search path."""
    source = task.source_file
    module: str = getattr(getattr(task, "func", None), "__module__", "__main__")
    if source is None or module == "__main__":
        return root
    file = Path(source).resolve()
    depth = module.count(".") + (1 if file.name == "__init__.py" else 0)
    return root if file.is_relative_to(root) or len(file.parents) <= depth else file.parents[depth]
