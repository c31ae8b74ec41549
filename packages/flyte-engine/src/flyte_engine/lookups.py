"""One action and the cache: look up, reserve and keep alive, store, release. A cache that fails costs a warning, never a task."""

import itertools
import logging
import os
from collections.abc import Awaitable, Callable

from flyte_engine.caching import CachedOutputs, CacheError, CacheUse, OutputCache, Reservation
from flyte_engine.clock import Clock, Timer
from flyte_engine.processes import current_process
from flyte_engine.records import ActionRecord, CacheStatus

__all__ = ["CacheLookup"]

_logger = logging.getLogger(__name__)
_POLL_SECONDS = (0.02, 0.05, 0.1, 0.25, 0.5)
"""The waits between two looks at a reservation of somebody else; the last one repeats."""
_numbers = itertools.count()


class CacheLookup:
    """What one action has to do with the cache, from before its first attempt until it is over.

    Args:
        cache: the cache.
        use: the key and how it is used.
        clock: tells the time and when the next heartbeat is due.
        seconds: how long a reservation is valid without a heartbeat; there are three in that time.
    """

    def __init__(self, cache: OutputCache, use: CacheUse, clock: Clock, seconds: float) -> None:
        self._cache = cache
        self._use = use
        self._clock = clock
        self._seconds = seconds
        self._owner = f"{os.getpid()}-{next(_numbers)}-{os.urandom(8).hex()}"
        self._is_reserved = False
        self._timer: Timer | None = None
        self.status: CacheStatus = "skipped" if use.overwrite else "miss"

    async def find(self, pause: Callable[[float], Awaitable[None]]) -> CachedOutputs | None:
        """Return what the cache holds, or `None` when the action is to run; then the reservation, if one is asked for, is held.

        Args:
            pause: waits so many seconds, and raises when the action must not wait longer.
        """
        try:
            if (found := self._get()) is not None or not self._use.serialize:
                return found
            polls = itertools.chain(_POLL_SECONDS, itertools.repeat(_POLL_SECONDS[-1]))
            while not self._reserve():
                await pause(next(polls))
                if (found := self._get()) is not None:
                    return found
            # Whoever held it before may have put the outputs there since the last look.
            if (found := self._get()) is not None:
                self.release()
            return found
        except CacheError as error:
            self.status = "lookup_failure"
            _logger.warning("the cache was not read, and the task runs: %s", error)
            return None

    def keep(self, outputs: bytes | None, record: ActionRecord) -> None:
        """Put the outputs of a success into the cache."""
        entry = CachedOutputs(self._use.key, outputs, self._clock.now(), record.task_name, record.run_name, record.name)
        try:
            self._cache.put(entry)
        except CacheError as error:
            self.status = "put_failure"
            _logger.warning("the outputs of action `%s` are not cached: %s", record.name, error)
        else:
            self.status = "populated"

    def release(self) -> None:
        """End the reservation, if it is held."""
        if not self._is_reserved:
            return
        self._is_reserved = False
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._cache.release(self._use.key, self._owner)
        except CacheError as error:
            _logger.warning("a reservation in the cache could not be ended, it expires by itself: %s", error)

    def _get(self) -> CachedOutputs | None:
        if self._use.overwrite:
            return None
        found = self._cache.get(self._use.key)
        if found is None or self._use.max_age is None:
            return found
        return found if self._clock.now() - found.created_at <= self._use.max_age else None

    def _reserve(self) -> bool:
        wanted = Reservation(self._use.key, self._owner, current_process(), self._clock.now(), self._seconds)
        if not self._cache.reserve(wanted):
            return False
        self._is_reserved = True
        self._timer = self._clock.call_later(self._seconds / 3, self._beat)
        return True

    def _beat(self) -> None:
        if not self._is_reserved:
            return
        try:
            if not self._reserve():
                self._is_reserved = False
                _logger.warning("the reservation of cache key `%s` was taken over by another process", self._use.key)
        except CacheError as error:
            _logger.warning("the reservation of cache key `%s` was not renewed: %s", self._use.key, error)
            self._timer = self._clock.call_later(self._seconds / 3, self._beat)
