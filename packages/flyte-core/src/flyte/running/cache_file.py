"""The cache of local runs, whose file is opened by the first action that asks it."""

from pathlib import Path

from flyte_engine.caching import CachedOutputs, OutputCache, Reservation

__all__ = ["LazyCache"]


class LazyCache:
    """An `OutputCache` in an SQLite file. Most runs cache nothing, and neither load sqlite3 nor make a file."""

    def __init__(self, path: Path) -> None:
        """Remember the file."""
        self._path = path
        self._made: OutputCache | None = None

    def get(self, key: str) -> CachedOutputs | None:
        """Return what is there; see `OutputCache.get`."""
        return self._opened().get(key)

    def put(self, entry: CachedOutputs) -> None:
        """Keep outputs; see `OutputCache.put`."""
        self._opened().put(entry)

    def reserve(self, wanted: Reservation) -> bool:
        """Take or renew a reservation; see `OutputCache.reserve`."""
        return self._opened().reserve(wanted)

    def release(self, key: str, owner: str) -> None:
        """End a reservation; see `OutputCache.release`."""
        self._opened().release(key, owner)

    def close(self) -> None:
        """Close the file, if it was opened. Repeating it does nothing."""
        if self._made is not None:
            self._made.close()
            self._made = None

    def _opened(self) -> OutputCache:
        if self._made is None:
            from flyte_engine.sqlite import SQLiteCache  # noqa: PLC0415 - as the class says

            self._made = SQLiteCache(self._path)
        return self._made
