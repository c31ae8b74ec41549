"""Time that a later attempt, or a resumed run, sees as the first one did: `now`, `time`, and a `sleep` that goes on."""

import asyncio
import time as _system
from datetime import datetime

from flyte.controllers.protocol import active_traces
from flyte.tracing.decorator import trace
from flyte_syncify import syncify

__all__ = ["now", "sleep", "time"]


def _read_clock() -> float:
    recorder = active_traces.get()
    return recorder.clock.now() if recorder is not None else _system.time()


@trace
async def durable_time() -> float:
    return _read_clock()


@trace
async def durable_now() -> datetime:
    return datetime.fromtimestamp(_read_clock())


@trace
async def sleep_start() -> float:
    return _read_clock()


@syncify
async def time() -> float:
    """Return the Unix time in seconds at which this call was made first; outside a task, the time now."""
    return await durable_time()


@syncify
async def now() -> datetime:
    """Return the local time, without a time zone, at which this call was made first; outside a task, the time now."""
    # On the wire, a time without a zone is one of UTC with the same digits.
    return (await durable_now()).replace(tzinfo=None)


@syncify
async def sleep(seconds: float) -> None:
    """Wait until `seconds` have passed since this call was made first: a later attempt waits for the rest only.

    Raises:
        ValueError: `seconds` is negative.
    """
    if seconds < 0:
        raise ValueError(f"`flyte.durable.sleep` takes seconds from 0 on, got {seconds!r}")
    left = await sleep_start() + seconds - _read_clock()
    if left <= 0:
        return
    recorder = active_traces.get()
    if recorder is None:
        await asyncio.sleep(left)
    elif asyncio.get_running_loop() is recorder.loop:
        await recorder.clock.sleep(left)
    else:
        from flyte.controllers.calling import in_loop  # noqa: PLC0415 - only calls from other loops need it

        await in_loop(recorder.loop, recorder.clock.sleep(left))
