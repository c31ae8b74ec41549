"""Time that jumps: an event loop whose clock moves on to the next timer as soon as there is nothing else to do."""

import asyncio
import selectors
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flyte_engine.clock import Timer

__all__ = ["LabClock", "VirtualLoop"]

_START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Asks the system what is ready, and instead of waiting moves the loop's clock on."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        # The loop's own pipe, over which other threads wake it, is always there.
        if self.loop.held or len(self.get_map()) > 1:
            # A thread or a socket is at work: time passes as it does.
            started = time.monotonic()
            ready = super().select(timeout)
            waited = time.monotonic() - started
            self.loop.pass_time(waited if timeout is None else min(waited, timeout))
            return ready
        if timeout is None:
            return super().select(None)  # nothing is going on: time stands still until somebody calls
        self.loop.pass_time(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which nobody waits: `asyncio.sleep(3600)` takes an hour of its time and none of yours.

    While a thread or a socket is at work for it, its time passes as it really does.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self.held = 0
        """How many threads are at work outside of the loop's control. Belongs to the loop's thread."""
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Return the loop's seconds, from 0 on."""
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Move the clock on."""
        self._now += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        """Run a function on a thread; until it ends, time passes as it really does."""
        self.held += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._release)
        return future

    def _release(self, _: object) -> None:
        self.held -= 1


class LabClock:
    """The time of runs in a test: from 2026-01-01 00:00 UTC on, moved by what the runs wait for, and by `advance`.

    `time.time()` and `datetime.now()` are not part of it.
    """

    def __init__(self) -> None:
        self._loop: VirtualLoop | None = None
        self._start = _START

    def new_loop(self) -> VirtualLoop:
        """Make the loop whose time this is from now on."""
        self._loop = VirtualLoop()
        return self._loop

    def now(self) -> float:
        """Return Unix seconds."""
        return self._start + (self._loop.time() if self._loop is not None else 0.0)

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the test, on this clock."""
        return self.now() - _START

    def advance(self, seconds: float) -> None:
        """Let time pass between two runs. What waits inside of a run needs no help.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"time goes forward only, got {seconds!r}")
        self._start += seconds

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back in the running loop `seconds` later."""
        return asyncio.get_running_loop().call_later(seconds, callback)
