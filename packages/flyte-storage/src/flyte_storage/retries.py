"""Trying reads again: bounded in number and time, with jitter."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from flyte_storage.errors import StorageError
from flyte_storage.limits import Limits, delay_before_retry

__all__ = ["again"]

T = TypeVar("T")

_FIRST_SECONDS = 0.2
_LONGEST_SECONDS = 16.0


async def again(attempt: Callable[[], Awaitable[T]], *, retries: int, limits: Limits) -> T:
    """Await `attempt()`, up to `retries` more times when it fails with an error that says trying again is safe.

    The engine below tries requests again that were refused; this is for answers that broke off.
    """
    started = time.monotonic()
    for number in range(1, retries + 2):
        try:
            return await attempt()
        except StorageError as error:
            delay = delay_before_retry(number, _FIRST_SECONDS, _LONGEST_SECONDS)
            if not error.is_retry_safe or number > retries or time.monotonic() - started + delay > limits.retry_seconds:
                raise
        await asyncio.sleep(delay)
    raise AssertionError("unreachable")
