"""What a control plane is told about a task that an action calls or runs: with the code, images and version of that action."""

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
from flyte_models.ids import ActionID
from flyte_models.serialization import SerializationContext
from flyte_models.task_context import TaskContext
from flyte_models.values import value

if TYPE_CHECKING:
    from flyte.runtime.invocation import Invocation

__all__ = ["CallerCode", "Describe", "describer"]

Describe: TypeAlias = Callable[[TaskTemplate[..., Any]], Awaitable[task_definition_pb2.TaskSpec]]


@value
class CallerCode:
    """What an action hands on to the actions and runs that it begins."""

    action: ActionID
    version: str
    destination: str
    """The folder that its code is unpacked into."""
    root: Path
    """Where that is here; a task may change the working folder."""
    run_base_dir: str
    tgz: str | None = None
    pkl: str | None = None
    image_cache: str | None = None
    """As it travels in arguments."""
    syncs: bool = True
    """See `Invocation.syncs`."""

    @classmethod
    def of_invocation(cls, invocation: "Invocation") -> "CallerCode":
        """Take what the arguments of an action say."""
        return cls(
            action=invocation.action,
            version=invocation.version,
            destination=invocation.dest,
            root=Path(invocation.dest).resolve(),
            run_base_dir=invocation.run_base_dir,
            tgz=invocation.tgz,
            pkl=invocation.pkl,
            image_cache=invocation.image_cache,
            syncs=invocation.syncs,
        )

    @classmethod
    def of_context(cls, context: TaskContext) -> "CallerCode":
        """Take what the context of a task says that runs on a control plane."""
        bundle = context.code_bundle
        destination = bundle.destination if bundle is not None else "."
        return cls(
            action=context.action,
            version=context.version,
            destination=destination,
            root=Path(destination).resolve(),
            run_base_dir=context.run_base_dir,
            tgz=bundle.tgz if bundle is not None else None,
            pkl=bundle.pkl if bundle is not None else None,
            image_cache=context.compiled_image_cache,
        )

    async def serialization(self, task: TaskTemplate[..., Any]) -> SerializationContext:
        """Return what `task` is registered with.

        Where the action came in a pickle, `task` has one of its own, which is stored before this returns.
        """
        return SerializationContext(
            version=self.version,
            project=self.action.project,
            domain=self.action.domain,
            org=self.action.org,
            code_bundle=await self._bundle(task),
            image_cache=ImageCache.from_transport(self.image_cache) if self.image_cache else None,
            root_dir=_root_of(task, self.root),
        )

    async def _bundle(self, task: TaskTemplate[..., Any]) -> CodeBundle | None:
        if not self.tgz and not self.pkl:
            return None
        return CodeBundle(
            # The caller's, also of a pickle: its own may differ between attempts, and children would get other names.
            computed_version=self.version,
            tgz=self.tgz,
            pkl=await self._store_pickled(task) if self.pkl else None,
            destination=self.destination,
        )

    async def _store_pickled(self, task: TaskTemplate[..., Any]) -> str:
        from flyte.bundling.pickling import pickle_task  # noqa: PLC0415 - cloudpickle is for pickled tasks only

        pickled = await asyncio.to_thread(pickle_task, task)
        uri = f"{self.run_base_dir.rstrip('/')}/{pickled.md5}.pkl.gz"
        await write_object(uri, pickled.packed, sync=self.syncs)
        return uri


def describer(invocation: "Invocation") -> Describe:
    """Return what gives the `TaskSpec` of a task for the children of an action; see `CallerCode.serialization`."""
    code = CallerCode.of_invocation(invocation)

    async def describe(task: TaskTemplate[..., Any]) -> task_definition_pb2.TaskSpec:
        return task_spec(task, await code.serialization(task), task_context=current_context() or None)

    return describe


def _root_of(task: TaskTemplate[..., Any], root: Path) -> Path:
    """Give the folder that the task's module was imported from: the bundle's, or one that the image has on its search path."""
    source = task.source_file
    module: str = getattr(getattr(task, "func", None), "__module__", "__main__")
    if source is None or module == "__main__":
        return root
    file = Path(source).resolve()
    depth = module.count(".") + (1 if file.name == "__init__.py" else 0)
    return root if file.is_relative_to(root) or len(file.parents) <= depth else file.parents[depth]
