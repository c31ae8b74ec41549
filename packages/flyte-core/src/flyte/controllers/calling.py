"""Calls from other places than the controller's loop: sync ones, which block their thread, and those of other loops."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from flyte_models.errors import SyncTaskCallInAsyncContextError, TraceDoesNotAllowNestedTasksError
from flyte_models.task_context import TaskContext
from flyte_syncify.loop import wait_blocking

if TYPE_CHECKING:
    from flyte.tasks.template import TaskTemplate

__all__ = ["call_blocking", "in_loop", "is_loop_running", "no_control_plane", "refuse_in_trace"]

R = TypeVar("R")


def is_loop_running() -> bool:
    """Tell whether the calling thread runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def call_blocking(loop: asyncio.AbstractEventLoop, task: "TaskTemplate[..., Any]", child: Coroutine[Any, Any, R]) -> R:
    """Run the coroutine of a call of `task` on the controller's loop and block this thread until it ends.

    Raises:
        SyncTaskCallInAsyncContextError: when the calling thread runs an event loop, which would stand still.
    """
    if is_loop_running():
        child.close()
        raise SyncTaskCallInAsyncContextError(
            f"sync task `{task.name}` was called in async code, where waiting for it would block the event loop\n"
            f"hint: write `await {task.short_name}.aio(...)`"
        )
    return wait_blocking(loop, child)


async def in_loop(loop: asyncio.AbstractEventLoop, child: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine on the controller's loop and await it in another one."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(child, loop))


def refuse_in_trace(context: TaskContext, called: str) -> None:
    """Refuse to make a child action inside a traced function.

    Raises:
        TraceDoesNotAllowNestedTasksError: the calling code is one.
    """
    if context.task_action is not None and context.task_action != context.action:
        raise TraceDoesNotAllowNestedTasksError(
            f"task `{called}` was called inside a traced function\n"
            "hint: call tasks from the task, and trace only what makes no actions"
        )


def no_control_plane(task_name: str) -> RuntimeError:
    """Build the error of a local run that calls a registered task."""
    return RuntimeError(
        f"task `{task_name}` is registered at a control plane, where its code is, and this is a local run\n"
        "hint: run the calling task there as well, or import the task and call it"
    )
