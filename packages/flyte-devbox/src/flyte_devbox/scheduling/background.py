"""The tasks of the scheduler: each is kept until it ends, and what it raises is not lost."""

import asyncio
import logging
from collections.abc import Coroutine

__all__ = ["Background"]

_logger = logging.getLogger(__name__)


class Background:
    """Owns tasks of the event loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Begin something that ends by itself."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self, seconds: float) -> None:
        """Cancel what has not ended, and wait for it as long."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("the scheduler failed", exc_info=error)
