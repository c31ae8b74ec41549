"""Context managers that are entered and left in a thread, and left also when who waits for one to be entered is cancelled."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Generic, TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


@asynccontextmanager
async def in_thread(manager: AbstractContextManager[T]) -> AsyncGenerator[T]:
    """Enter `manager` in a thread, give what it gives, and leave it in a thread.

    A thread cannot be cancelled: a file that it opens after its caller has gone is closed by it.
    """
    entering = _Entering(manager)
    try:
        value = await asyncio.to_thread(entering.enter)
    except asyncio.CancelledError as error:
        # In a thread too, because leaving may wait; the loop waits for its threads at its end.
        asyncio.get_running_loop().run_in_executor(None, entering.give_up, error)
        raise
    try:
        yield value
    except BaseException as error:
        if not await asyncio.to_thread(manager.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await asyncio.to_thread(manager.__exit__, None, None, None)


class _Entering(Generic[T]):
    """One manager between two threads: that which enters it, and that which may no longer want it."""

    def __init__(self, manager: AbstractContextManager[T]) -> None:
        self._manager = manager
        self._lock = threading.Lock()
        self._is_entered = False
        self._reason: BaseException | None = None

    def enter(self) -> T:
        value = self._manager.__enter__()
        with self._lock:
            self._is_entered = True
            reason = self._reason
        if reason is not None:
            self._leave(reason)
        return value

    def give_up(self, reason: BaseException) -> None:
        with self._lock:
            self._reason = reason
            is_entered = self._is_entered
        if is_entered:
            self._leave(reason)

    def _leave(self, reason: BaseException) -> None:
        try:
            self._manager.__exit__(type(reason), reason, None)
        except BaseException as error:  # the reason itself, which the caller has already
            if error is not reason:
                raise
