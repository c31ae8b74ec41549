"""The state in SQLite: one writer thread that batches what is asked of it, connections for reading, migrations.

A write is answered after its transaction is on disk: WAL with `synchronous=FULL`.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from flyte_devbox.faults import explain_database
from flyte_devbox.schema import MIGRATIONS

__all__ = ["Database", "DatabaseError", "Reading", "reading"]

_T = TypeVar("_T")
_BATCH = 500
_READERS = 3
"""How many long readings go on at once: one that looks through everything does not hold up the short ones."""

Reading: TypeAlias = Callable[[str, Sequence[Any]], list[sqlite3.Row]]
"""Gives the rows of a query: `Database.read`, or `reading` of a connection."""


def reading(connection: sqlite3.Connection) -> Reading:
    """Return what reads rows on a connection."""
    return lambda sql, parameters: connection.execute(sql, parameters).fetchall()


class DatabaseError(Exception):
    """The state cannot be read or kept; the message says what to do."""


class _Job(Generic[_T]):
    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(
        self, work: Callable[[sqlite3.Connection], _T], loop: asyncio.AbstractEventLoop, future: "asyncio.Future[_T]"
    ) -> None:
        self.work = work
        self.loop = loop
        self.future = future
        self.result: _T | None = None
        self.error: BaseException | None = None


class _Joined:
    """SQL's `joined(blob)`: the bytes of all rows, one after the other. Of serialized messages that is all of them merged."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def step(self, part: bytes) -> None:
        self._parts.append(part)

    def finalize(self) -> bytes:
        return b"".join(self._parts)


class _Readers:
    """Threads that read, each on a connection of its own: that is never used by two at once, also when who waits is cancelled."""

    def __init__(self, open_one: Callable[[], sqlite3.Connection]) -> None:
        self._open_one = open_one
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self.threads = ThreadPoolExecutor(_READERS, thread_name_prefix="flyte-devbox-reader")

    def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._open_one()
            self._opened.append(connection)
            connection.execute("PRAGMA query_only=ON")
        return work(connection)

    def close(self) -> None:
        for connection in tuple(self._opened):
            connection.interrupt()
        self.threads.shutdown(cancel_futures=True)
        for connection in self._opened:
            connection.close()


class Database:
    """The devbox's tables. `read` is for the event loop's thread; `write` may be awaited by any number of tasks at once.

    What grows with what is recorded, as listings do, is read by `read_aside`.

    Raises:
        DatabaseError: the file is of a newer version, damaged or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            _migrate(path)
            self._writer = self._open()
            self._reader = self._open()
        except sqlite3.Error as error:
            raise DatabaseError(
                f"the state `{path}` cannot be opened: {error}\nhint: move the file away to start with an empty devbox"
            ) from error
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="flyte-devbox-writer", daemon=True)
        self._thread.start()
        self._is_closed = False
        self._aside: _Readers | None = None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.create_aggregate("joined", 1, _Joined)  # type: ignore[arg-type]
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-4000",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query, as of the last committed write."""
        return self._reader.execute(sql, parameters).fetchall()

    def read_one(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a query."""
        cursor = self._reader.execute(sql, parameters)
        row: sqlite3.Row | None = cursor.fetchone()
        cursor.close()
        return row

    async def read_aside(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run queries that may take long in a thread, on a connection of their own, so that nobody waits for them.

        It sees every write that was answered before.

        Raises:
            DatabaseError: the devbox is shutting down.
        """
        if self._is_closed:
            raise DatabaseError("the devbox is shutting down")
        if self._aside is None:
            self._aside = _Readers(self._open)
        readers = self._aside
        return await asyncio.get_running_loop().run_in_executor(readers.threads, readers.run, work)

    async def write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work` in the writer's transaction; return its result when it is durable.

        When it raises, what it did is undone and nothing else is.

        Raises:
            DatabaseError: it could not be made durable.
        """
        return await self.write_later(work)

    def write_later(self, work: Callable[[sqlite3.Connection], _T]) -> "asyncio.Future[_T]":
        """Take `work`, in order, and return a future that is done when it is durable."""
        if self._is_closed:
            raise DatabaseError("the devbox is shutting down")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Make everything durable and close. Repeating it does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._jobs.put(None)
        self._thread.join(timeout=30)
        if self._aside is not None:
            self._aside.close()
        self._reader.close()
        self._writer.close()

    def _write_all(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            with contextlib.suppress(queue.Empty):
                while len(jobs) < _BATCH:
                    jobs.append(self._jobs.get_nowait())
            work = [job for job in jobs if job is not None]
            if work:
                self._write_batch(work)
            if len(work) < len(jobs):
                return

    def _write_batch(self, jobs: list[_Job[Any]]) -> None:
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                connection.execute("SAVEPOINT job")
                try:
                    job.result = job.work(connection)
                except sqlite3.OperationalError:
                    # A full disk, or one that fails: no fault of this piece of work.
                    raise
                except Exception as error:
                    connection.execute("ROLLBACK TO job")
                    job.error = error
                finally:
                    connection.execute("RELEASE job")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            failure = DatabaseError(explain_database(error, str(self.path.parent)))
            failure.__cause__ = error
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            for job in jobs:
                job.error = failure
        by_loop: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
        for job in jobs:
            by_loop.setdefault(job.loop, []).append(job)
        for loop, done in by_loop.items():
            # The loop may be closed already when the devbox was interrupted.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_resolve, done)


def _resolve(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
            # Whoever does not wait for it has seen to it; there is no need to complain at exit.
            job.future.exception()
        else:
            job.future.set_result(job.result)


def _migrate(path: Path) -> None:
    """Bring the file to the last schema, in one transaction; one that is not ours to write is refused and left as it is."""
    # For reading only: neither the journal mode of a file that is refused is changed, nor is its journal brought into it.
    if path.exists():
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as reading:
            if _read_version(reading, path) == len(MIGRATIONS):
                return
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        # Now that the lock is ours nobody else migrates.
        version = _read_version(connection, path)
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number}")
        connection.execute("COMMIT")
    finally:
        # Undoes what is not committed.
        connection.close()


def _read_version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise DatabaseError(
            f"the state `{path}` was written by a newer version (its schema is {version}, known are {len(MIGRATIONS)})\n"
            "hint: update flyte-devbox, or use another state folder"
        )
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and version == 0:
        raise DatabaseError(
            f"`{path}` is a database of another program, not the state of a devbox\nhint: use another state folder"
        )
    return int(version)


def _statements(script: str) -> Iterator[str]:
    """Split a script: `executescript` would commit before it and after it."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
