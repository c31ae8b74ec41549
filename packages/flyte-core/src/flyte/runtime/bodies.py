"""Sync bodies of an action: each on a thread of its own, and interrupted when the action is aborted."""

import asyncio
import contextvars
import ctypes
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["ActionAborted", "run_on_thread"]

R = TypeVar("R")

_AGAIN_SECONDS = 0.5


class ActionAborted(BaseException):
    """Raised in a sync body whose action is being aborted, so that its clean-up code runs."""


async def run_on_thread(function: Callable[[], R]) -> R:
    """Run a blocking function and return its result.

    It runs in a copy of the caller's context. When the wait is cancelled, the body gets an `ActionAborted` as soon as it executes
    Python code, and is waited for: who aborts an action kills its process after a grace period.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()
    context = contextvars.copy_context()

    def deliver(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def job() -> None:
        try:
            result, error = context.run(function), None
        except StopIteration as stop:
            # A future refuses StopIteration, and a coroutine would turn it into the same RuntimeError.
            result, error = None, RuntimeError("the task raised StopIteration")
            error.__cause__ = stop
        except BaseException as raised:
            result, error = None, raised
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:
            pass  # the loop was closed meanwhile: nobody waits for the result

    # A daemon: a body that never ends cannot keep the process.
    thread = threading.Thread(target=job, name="flyte-body", daemon=True)
    thread.start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await _interrupt(thread, future)
        raise


async def _interrupt(thread: threading.Thread, future: "asyncio.Future[Any]") -> None:
    while not future.done():
        assert thread.ident is not None
        # Again and again, since a body may catch it, and go on.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(ActionAborted))
        await asyncio.wait([future], timeout=_AGAIN_SECONDS)
    if not future.cancelled():
        future.exception()  # so that nobody warns of an exception that was never read
