"""`SQLiteCache`: cached outputs and reservations in one file that many processes use at once. Calls block, shortly."""

import os
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from flyte_engine.caching import CachedOutputs, CacheError, Reservation, is_expired
from flyte_engine.records import ProcessRecord
from flyte_engine.sqlite import _database as database
from flyte_engine.store import StoreError

_T = TypeVar("_T")

APPLICATION_ID = 0x464C5943
"""Marks a file as a cache of ours: `FLYC`."""
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE outputs (
            key TEXT PRIMARY KEY,
            data BLOB,
            created_at REAL NOT NULL,
            task_name TEXT NOT NULL,
            run_name TEXT NOT NULL,
            action_name TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE reservations (
            key TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            pid INTEGER NOT NULL,
            started TEXT NOT NULL,
            host TEXT NOT NULL,
            beat_at REAL NOT NULL,
            seconds REAL NOT NULL
        ) WITHOUT ROWID""",
    ),
)


class SQLiteCache:
    """Keeps outputs by key in one SQLite file, the user's alone (0600).

    Safe from any thread and under many processes; after a fork the child opens connections of its own.

    Args:
        path: the file; made if it does not exist.
        busy_seconds: how long to wait for a lock of another process.

    Raises:
        CacheError: the file cannot be made or opened, is damaged, something else, or of a newer version.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_seconds: float = 5.0) -> None:
        self._path = Path(path).expanduser().absolute()
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inherited: list[sqlite3.Connection] = []
        self._pid = 0
        self._is_closed = False
        with self._explained():
            database.create_file(self._path)
            migrate = partial(database.migrate, path=self._path, application_id=APPLICATION_ID, migrations=MIGRATIONS)
            try:
                self._run(migrate)
            except BaseException:
                self.close()
                raise

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def get(self, key: str) -> CachedOutputs | None:
        """Return what is there; see `OutputCache.get`."""
        row = self._run(partial(_select_outputs, key=key))
        return CachedOutputs(*row) if row is not None else None

    def put(self, entry: CachedOutputs) -> None:
        """Keep outputs; see `OutputCache.put`."""
        self._run(partial(_replace_outputs, entry=entry))

    def reserve(self, wanted: Reservation) -> bool:
        """Take or renew a reservation; see `OutputCache.reserve`."""
        return self._run(partial(_reserve, wanted=wanted))

    def release(self, key: str, owner: str) -> None:
        """End a reservation; see `OutputCache.release`."""
        self._run(partial(_release, key=key, owner=owner))

    def clear(self) -> None:
        """Forget all outputs. Reservations stay: what they protect still runs."""
        self._run(_clear)

    def close(self) -> None:
        """Close the file; see `OutputCache.close`."""
        with self._lock:
            self._is_closed = True
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
                self._connection = None

    def _run(self, operation: Callable[[sqlite3.Connection], _T]) -> _T:
        with self._explained(), self._lock:
            if self._is_closed:
                raise CacheError(f"the cache `{self._path}` is closed\nhint: keep it open until the last run is over")
            return database.retry_while_locked(partial(operation, self._connect()), self._busy_seconds)

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None and self._pid != os.getpid():
            # Never closed in the child: it might take the journal from under the parent.
            self._inherited.append(self._connection)
            self._connection = None
        if self._connection is None:
            self._connection = database.connect(self._path, synchronous="NORMAL", busy_seconds=self._busy_seconds)
            self._pid = os.getpid()
        return self._connection

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, StoreError) as error:
            raise CacheError(str(database.explain(error, self._path))) from error


def _select_outputs(connection: sqlite3.Connection, key: str) -> tuple[str, bytes | None, float, str, str, str] | None:
    sql = "SELECT key, data, created_at, task_name, run_name, action_name FROM outputs WHERE key = ?"
    return connection.execute(sql, (key,)).fetchone()


def _replace_outputs(connection: sqlite3.Connection, entry: CachedOutputs) -> None:
    row = (entry.key, entry.outputs, entry.created_at, entry.task_name, entry.run_name, entry.action_name)
    connection.execute("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?, ?, ?)", row)


def _reserve(connection: sqlite3.Connection, wanted: Reservation) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    try:
        sql = "SELECT owner, pid, started, host, beat_at, seconds FROM reservations WHERE key = ?"
        row = connection.execute(sql, (wanted.key,)).fetchone()
        if row is not None:
            owner, pid, started, host, beat_at, seconds = row
            held = Reservation(wanted.key, owner, ProcessRecord(pid, started, host), beat_at, seconds)
            if owner != wanted.owner and not is_expired(held, wanted.beat_at):
                database.rollback(connection)
                return False
        process = wanted.process
        new = (wanted.key, wanted.owner, process.pid, process.started, process.host, wanted.beat_at, wanted.seconds)
        connection.execute("INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?)", new)
        connection.execute("COMMIT")
    except BaseException:
        database.rollback(connection)
        raise
    return True


def _release(connection: sqlite3.Connection, key: str, owner: str) -> None:
    connection.execute("DELETE FROM reservations WHERE key = ? AND owner = ?", (key, owner))


def _clear(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM outputs")
