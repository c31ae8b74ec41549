"""What all actions of a task have in common, found out once per run: a child that does nothing costs little else."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from flyte.controllers.conversion import codec_for
from flyte.tasks.template import AsyncFunctionTaskTemplate, TaskTemplate
from flyte_models.digests import task_identity_hash
from flyte_models.policies import timeout_from_request

__all__ = ["PreparedTask", "PreparedTasks"]


class PreparedTask:
    """A task as a local run needs it."""

    __slots__ = (
        "call",
        "codec",
        "identity",
        "interface",
        "is_cached",
        "needs_await",
        "restore",
        "retry",
        "task",
        "timeout",
    )

    def __init__(self, task: TaskTemplate[..., Any]) -> None:
        self.task = task
        """Also keeps it alive, so that its identity is not given to another one."""
        self.interface = task.interface
        self.codec = codec = codec_for(task)
        self.needs_await = codec.needs_await
        self.identity = task_identity_hash(task.name, codec.interface_hash(), "")
        self.retry = task.retries
        self.timeout = timeout_from_request(task.timeout) if task.timeout else None
        self.is_cached = task.cache.is_enabled()
        self.call: Callable[..., Awaitable[Any]] | None = None
        """The function, where nothing is to be done around it."""
        if type(task) is AsyncFunctionTaskTemplate:
            function = cast("AsyncFunctionTaskTemplate[..., Any]", task)
            if function.is_async and not task.report:
                self.call = function.func

        async def restore(outputs: bytes | None) -> Any:
            data = outputs or b""
            return await codec.decode_outputs_async(data) if codec.needs_await else codec.decode_outputs(data)

        self.restore = restore
        """Makes values of recorded outputs: a parent that is retried gets what its finished children returned."""


class PreparedTasks:
    """The tasks that a run has met."""

    def __init__(self) -> None:
        self._known: dict[int, PreparedTask] = {}

    def of(self, task: TaskTemplate[..., Any]) -> PreparedTask:
        """Return what is known of a task.

        Raises:
            UnsupportedTypeError: a type of its interface cannot be converted.
        """
        found = self._known.get(id(task))
        if found is None:
            found = self._known[id(task)] = PreparedTask(task)
        return found
