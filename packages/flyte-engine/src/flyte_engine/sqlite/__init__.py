"""A store and a cache, each in one SQLite file. The only place of the engine that imports `sqlite3`."""

from flyte_engine.sqlite._cache import SQLiteCache
from flyte_engine.sqlite._store import SQLiteStore

__all__ = ["SQLiteCache", "SQLiteStore"]
