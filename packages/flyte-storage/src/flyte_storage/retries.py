"""Trying again: bounded in number and time, with jitter, and not before the server wants."""

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


async def again(
    attempt: Callable[[], Awaitable[T]],
    *,
    retries: int,
    limits: Limits,
    first_seconds: float = _FIRST_SECONDS,
    ask: Callable[[StorageError], Awaitable[float | None]] | None = None,
) -> T:
    """Await `attempt()`, up to `retries` more times when it fails with an error that says trying again is safe.

    Where one `again` stands inside of another, what the inner one gave up is not tried again by the outer one.

    Args:
        attempt: Makes one attempt.
        retries: How many more there may be.
        limits: No attempt begins later than `retry_seconds` after the first.
        first_seconds: About how long to wait before the second attempt; each further wait is twice as long.
        ask: Tells how many seconds the server wants to be left alone after an error, if it said so. That long is waited in any
            case; if it is longer than the limit allows, there is no further attempt.
    """
    started = time.monotonic()
    for number in range(1, retries + 2):
        try:
            return await attempt()
        except StorageError as error:
            if not error.is_retry_safe or error.was_retried:
                raise
            failed = error
        if number <= retries:
            asked = None if ask is None else await ask(failed)
            delay = delay_before_retry(number, first_seconds, _LONGEST_SECONDS, asked)
            if time.monotonic() - started + delay <= limits.retry_seconds:
                await asyncio.sleep(delay)
                continue
        failed.was_retried = True
        raise failed
    raise AssertionError("unreachable")
