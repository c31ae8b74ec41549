"""The controller of the run that is going on: what a call of a task turns to inside a run."""

from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from flyte.tasks.template import TaskTemplate
    from flyte.tracing.recorder import TraceRecorder
    from flyte_models.ids import ActionID
    from flyte_remote.tasks import TaskDetails


class Controller(Protocol):
    """Turns calls of tasks into child actions of the calling action."""

    def submit(
        self,
        task: "TaskTemplate[..., Any]",
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        group: str | None = None,
        index: int | None = None,
    ) -> Coroutine[Any, Any, Any]:
        """Return a coroutine that runs the child to its end and returns its result.

        Args:
            task: The task that is called.
            args: Its positional arguments.
            kwargs: Its keyword arguments.
            group: The group that the child belongs to; it is part of the child's name.
            index: The place in a `flyte.map`, for messages.
        """
        ...

    def submit_sync(self, task: "TaskTemplate[..., Any]", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the child to its end and return its result, blocking the calling thread."""
        ...

    def submit_registered(
        self, task: "TaskDetails", args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Return a coroutine that runs a child of a task that is registered at a control plane, and returns its result.

        Raises:
            RuntimeError: The run has no control plane.
        """
        ...

    def save_report(self, action: "ActionID", page: bytes) -> Coroutine[Any, Any, None]:
        """Keep the report of an action as it is now, HTML in UTF-8, in the place of an earlier one."""
        ...


active_controller: ContextVar[Controller | None] = ContextVar("flyte_active_controller", default=None)
"""The controller of the current run; None outside one."""

active_traces: ContextVar["TraceRecorder | None"] = ContextVar("flyte_active_traces", default=None)
"""What records the traced calls of the current action; None outside a run, or where calls are not recorded."""

sync_bodies: ContextVar[Callable[[Callable[[], Any]], Awaitable[Any]] | None] = ContextVar(
    "flyte_sync_bodies", default=None
)
"""What runs a sync body on a thread that the run owns; None outside one."""
