"""Time as the engine sees it: the system's, or a virtual one for tests."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol

_QUIET_PASSES = 16
"""So many passes of the loop let code that was just woken run through gathers and wait-fors before time moves on."""


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> object:
        """Forget it; harmless when it was made."""
        ...


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> float:
        """Return Unix seconds, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back in the running loop `seconds` later."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Return Unix seconds, UTC."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the running loop."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back in the running loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)


class VirtualClock:
    """A clock that stands still until `advance`, or, with `auto_advance`, jumps whenever the loop has nothing better to do.

    Sleepers wake in the order of their deadlines. Belongs to one event loop. What really waits (threads, sockets) is
    not seen: with `auto_advance` time may pass over it.

    Args:
        start: Unix seconds at which it begins.
        auto_advance: move to the next deadline by itself as soon as the sleepers that are awake have had their turn.
    """

    def __init__(self, start: float = 0.0, *, auto_advance: bool = False) -> None:
        self._now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._auto_advance = auto_advance
        self._driver: asyncio.Handle | None = None

    def now(self) -> float:
        """Return the virtual time."""
        return self._now

    @property
    def sleepers(self) -> int:
        """How many are asleep."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Return when virtual time has moved on by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._sleeper(seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back when virtual time has moved on by `seconds`."""
        if seconds <= 0:
            return asyncio.get_running_loop().call_soon(callback)
        future = self._sleeper(seconds)
        future.add_done_callback(lambda done: None if done.cancelled() else callback())
        return future

    async def advance(self, seconds: float) -> None:
        """Move time on by `seconds`, waking each sleeper at its deadline and letting it run before the next."""
        await self._settle()
        target = self._now + seconds
        while (deadline := self._next_deadline()) is not None and deadline <= target:
            self._wake(deadline)
            await self._settle()
        self._now = max(self._now, target)

    def _sleeper(self, seconds: float) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), future))
        if self._auto_advance and self._driver is None:
            self._driver = loop.call_soon(self._drive, loop, _QUIET_PASSES)
        return future

    async def _settle(self) -> None:
        for _ in range(_QUIET_PASSES):
            await asyncio.sleep(0)

    def _next_deadline(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _wake(self, deadline: float) -> None:
        self._now = max(self._now, deadline)
        while (due := self._next_deadline()) is not None and due <= deadline:
            heapq.heappop(self._sleepers)[2].set_result(None)

    def _drive(self, loop: asyncio.AbstractEventLoop, passes: int) -> None:
        deadline = self._next_deadline()
        if deadline is None:
            self._driver = None
            return
        if passes > 0:
            self._driver = loop.call_soon(self._drive, loop, passes - 1)
            return
        self._wake(deadline)
        self._driver = loop.call_soon(self._drive, loop, _QUIET_PASSES)
