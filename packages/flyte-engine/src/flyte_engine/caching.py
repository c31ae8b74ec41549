"""The cache of outputs as the engine uses it: what it is asked, what it answers, and one that lives as long as the process."""

import threading
from typing import Protocol

from flyte_engine.processes import is_alive
from flyte_engine.records import ProcessRecord
from flyte_models.values import value

__all__ = ["CacheError", "CacheUse", "CachedOutputs", "MemoryCache", "OutputCache", "Reservation", "is_expired"]

SILENT_SECONDS = 60.0
"""How long a process of this machine that lives may leave its reservation without a heartbeat: its loop may be busy."""


class CacheError(Exception):
    """The cache cannot be read or written. Tasks run without it; the engine warns and records it."""


@value
class CacheUse:
    """How an action uses the cache."""

    key: str
    """Stands for the task, its version and its inputs: what has the same key has the same outputs."""
    overwrite: bool = False
    """Run in any case, and put the outputs in the place of those that are there."""
    serialize: bool = False
    """Of equal actions run one, in whatever process, while the others wait for its outputs."""
    max_age: float | None = None
    """Seconds after which what is there counts no more."""


@value
class CachedOutputs:
    """What an action with this key returned."""

    key: str
    outputs: bytes | None
    created_at: float
    """Unix seconds."""
    task_name: str = ""
    run_name: str = ""
    action_name: str = ""


@value
class Reservation:
    """Who computes the outputs of a key."""

    key: str
    owner: str
    """Unique for each action that asks."""
    process: ProcessRecord
    beat_at: float
    """When it was last heard of, in Unix seconds."""
    seconds: float
    """How long after that it is valid."""


class OutputCache(Protocol):
    """Keeps outputs by key, and who is computing them. Safe from any thread, and quick: calls are made in the event loop."""

    def get(self, key: str) -> CachedOutputs | None:
        """Return what is there. Raises `CacheError`."""
        ...

    def put(self, entry: CachedOutputs) -> None:
        """Keep outputs, durably, in the place of those that are there. Raises `CacheError`."""
        ...

    def reserve(self, wanted: Reservation) -> bool:
        """Take or renew a reservation, unless another owner's is valid; tell whether it is held. Raises `CacheError`."""
        ...

    def release(self, key: str, owner: str) -> None:
        """End a reservation if that owner holds it. Raises `CacheError`."""
        ...

    def close(self) -> None:
        """Free what the cache holds. Repeating it does nothing."""
        ...


def is_expired(held: Reservation, now: float) -> bool:
    """Tell whether another one may take a reservation over.

    At once if its process is known to have ended; after `seconds` without a heartbeat if nothing is known of it; and after
    a minute without one if the process lives, for then it may only be busy.
    """
    alive = is_alive(held.process)
    if alive is None:
        return now > held.beat_at + held.seconds
    return not alive or now > held.beat_at + max(held.seconds, SILENT_SECONDS)


class MemoryCache:
    """A cache in a dictionary: for tests, and for engines of one process that share it."""

    def __init__(self) -> None:
        self._entries: dict[str, CachedOutputs] = {}
        self._reservations: dict[str, Reservation] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> CachedOutputs | None:
        """Return what is there; see `OutputCache.get`."""
        return self._entries.get(key)

    def put(self, entry: CachedOutputs) -> None:
        """Keep outputs; see `OutputCache.put`."""
        self._entries[entry.key] = entry

    def reserve(self, wanted: Reservation) -> bool:
        """Take or renew a reservation; see `OutputCache.reserve`."""
        with self._lock:
            held = self._reservations.get(wanted.key)
            if held is not None and held.owner != wanted.owner and not is_expired(held, wanted.beat_at):
                return False
            self._reservations[wanted.key] = wanted
            return True

    def release(self, key: str, owner: str) -> None:
        """End a reservation; see `OutputCache.release`."""
        with self._lock:
            held = self._reservations.get(key)
            if held is not None and held.owner == owner:
                del self._reservations[key]

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._reservations.clear()
