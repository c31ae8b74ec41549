"""How long the other side says nothing, where time in which this process stands still does not count."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["heard_within"]

T = TypeVar("T")

_PARTS = 5
"""The time is counted in so many parts. One that ends late counts once: a laptop was asleep, or a task has kept the loop busy."""


async def heard_within(waiting: Awaitable[T], seconds: float) -> T:
    """Return what is awaited, for which `seconds` may pass while this loop runs.

    Unlike with `asyncio.timeout`, what has come while the loop stood still is taken, however long that was.

    Raises:
        TimeoutError: it did not come.
    """
    loop = asyncio.get_running_loop()
    left = _PARTS
    async with asyncio.timeout(None) as limit:

        def count() -> None:
            nonlocal left, timer
            left -= 1
            if left:
                timer = loop.call_later(seconds / _PARTS, count)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_later(seconds / _PARTS, count)
        try:
            return await waiting
        finally:
            timer.cancel()
