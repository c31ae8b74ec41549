"""A store in one SQLite file. The only place of the engine that imports `sqlite3`."""

from flyte_engine.sqlite._store import SQLiteStore

__all__ = ["SQLiteStore"]
