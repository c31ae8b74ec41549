"""What a control plane is told about a task that an action calls: it has the code, the images and the version of its parent."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from flyteidl2.task import task_definition_pb2

from flyte.registration.wire import task_spec
from flyte.runtime.objects import write_object
from flyte.tasks.template import TaskTemplate
from flyte_images import ImageCache
from flyte_models.bundles import CodeBundle
from flyte_models.context import current_context
from flyte_models.serialization import SerializationContext

if TYPE_CHECKING:
    from flyte.runtime.invocation import Invocation

__all__ = ["Describe", "describer"]

Describe: TypeAlias = Callable[[TaskTemplate[..., Any]], Awaitable[task_definition_pb2.TaskSpec]]


def describer(invocation: "Invocation") -> Describe:
    """Return what gives the `TaskSpec` of a task for the children of an action.

    Where the action came in a pickle, a child has one of its own, which is stored before its specification is given.
    """
    action = invocation.action
    root = Path(invocation.dest).resolve()

    async def describe(task: TaskTemplate[..., Any]) -> task_definition_pb2.TaskSpec:
        context = SerializationContext(
            version=invocation.version,
            project=action.project,
            domain=action.domain,
            org=action.org,
            code_bundle=await _bundle(task, invocation),
            image_cache=ImageCache.from_transport(invocation.image_cache) if invocation.image_cache else None,
            root_dir=_root_of(task, root),
        )
        running = current_context()
        return task_spec(task, context, task_context=running or None)

    return describe


async def _bundle(task: TaskTemplate[..., Any], invocation: "Invocation") -> CodeBundle | None:
    if not invocation.tgz and not invocation.pkl:
        return None
    return CodeBundle(
        # The parent's, also of a pickle: its own may differ between attempts, and children would get other names.
        computed_version=invocation.version,
        tgz=invocation.tgz,
        pkl=await _store_pickled(task, invocation) if invocation.pkl else None,
        destination=invocation.dest,
    )


async def _store_pickled(task: TaskTemplate[..., Any], invocation: "Invocation") -> str:
    from flyte.bundling.pickling import pickle_task  # noqa: PLC0415 - cloudpickle is for pickled tasks only

    pickled = await asyncio.to_thread(pickle_task, task)
    uri = f"{invocation.run_base_dir.rstrip('/')}/{pickled.md5}.pkl.gz"
    await write_object(uri, pickled.packed, sync=invocation.syncs)
    return uri


def _root_of(task: TaskTemplate[..., Any], root: Path) -> Path:
    """Give the folder that the task's module was imported from: the bundle's, or one that the image has on its search path."""
    source = task.source_file
    module: str = getattr(getattr(task, "func", None), "__module__", "__main__")
    if source is None or module == "__main__":
        return root
    file = Path(source).resolve()
    depth = module.count(".") + (1 if file.name == "__init__.py" else 0)
    return root if file.is_relative_to(root) or len(file.parents) <= depth else file.parents[depth]
