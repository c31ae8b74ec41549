"""Waits that end: for a future or for many tasks, at most so many seconds of the engine's clock."""

import asyncio
from collections.abc import Iterable
from typing import Any

from flyte_engine.clock import Clock

__all__ = ["settle", "wait_until_done"]

_PARTS = 5
"""A time of grace is counted in so many parts. One that ends late counts once: the process stood still, and others with it."""


async def wait_until_done(clock: Clock, future: "asyncio.Future[Any]", seconds: float | None) -> bool:
    """Wait until the future is done, at most `seconds`; tell whether it is. It is never cancelled from here."""
    if future.done():
        return True
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(_: object = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    future.add_done_callback(wake)
    timer = clock.call_later(max(seconds, 0.0), wake) if seconds is not None else None
    try:
        await waiter
    finally:
        future.remove_done_callback(wake)
        if timer is not None:
            timer.cancel()
    return future.done()


async def settle(clock: Clock, futures: "Iterable[asyncio.Future[Any]]", seconds: float) -> bool:
    """Wait until all are done, together at most `seconds`; tell whether they are. What they raise is not looked at.

    Time in which the whole process stood still does not count.
    """
    pending = {future for future in futures if not future.done()}
    if not pending:
        return True
    everything: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def count(future: "asyncio.Future[Any]") -> None:
        pending.discard(future)
        if not future.cancelled():
            # Looked at, so that nobody complains that it never was.
            future.exception()
        if not pending and not everything.done():
            everything.set_result(None)

    for future in list(pending):
        future.add_done_callback(count)
    for _ in range(_PARTS):
        if await wait_until_done(clock, everything, seconds / _PARTS):
            return True
    return False
