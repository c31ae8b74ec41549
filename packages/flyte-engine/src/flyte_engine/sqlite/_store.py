"""`SQLiteStore`: reads on connections of their own, writes through the batching thread."""

import os
import sqlite3
import weakref
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from flyte_engine.records import ActionRecord, AttemptRecord, LogRecord, ProcessRecord, RunRecord, TraceRecord
from flyte_engine.sqlite import _database as database
from flyte_engine.sqlite import _rows as rows
from flyte_engine.sqlite._writer import BatchWriter
from flyte_engine.store import Change, StoreClosedError, StoreWriteError, TraceChange

_SELECT_RUNS = f"SELECT {', '.join(rows.RUN_COLUMNS)} FROM runs"  # noqa: S608  # own names
_SELECT_ACTIONS = f"SELECT {', '.join(rows.ACTION_COLUMNS)} FROM actions"  # noqa: S608
_SELECT_ATTEMPTS = f"SELECT {', '.join(rows.ATTEMPT_COLUMNS)} FROM attempts"  # noqa: S608
_SELECT_OWNER = f"SELECT {', '.join(rows.OWNER_COLUMNS)} FROM owners WHERE run_name = ?"  # noqa: S608
_SELECT_TRACES = f"SELECT {', '.join(rows.TRACE_COLUMNS)} FROM traces WHERE run_name = ? AND action_name = ?"  # noqa: S608


class SQLiteStore:
    """Keeps runs in one SQLite file that several processes may use at once.

    Safe from any thread. What `flush` has returned for survives the process, and with `synchronous="FULL"` the machine's
    loss of power too. The file and the folders that have to be made are the user's alone (0600, 0700). A store that is
    not closed ends its thread when it is collected or when the interpreter exits. After a fork the child cannot use it.

    Args:
        path: the file; made if it does not exist.
        synchronous: SQLite's `PRAGMA synchronous`.
        max_bytes: do not let the file grow beyond; a change that needs more fails as on a full disk.
        busy_seconds: how long to wait for a lock of another process.

    Raises:
        StoreCorruptError: the file is damaged or something else.
        StoreVersionError: the file was written by a newer version.
        StoreError: the file cannot be made or opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: database.Synchronous = "NORMAL",
        max_bytes: int | None = None,
        busy_seconds: float = 10.0,
    ) -> None:
        self._path = Path(path).expanduser().absolute()
        self._busy_seconds = busy_seconds
        self._readers: deque[sqlite3.Connection] = deque()
        self._is_closed = False
        database.create_file(self._path)
        connect = partial(
            database.connect, self._path, synchronous=synchronous, busy_seconds=busy_seconds, max_bytes=max_bytes
        )
        try:
            with closing(connect()) as connection:
                database.retry_while_locked(partial(database.migrate, connection, self._path), busy_seconds)
        except sqlite3.Error as error:
            raise database.explain(error, self._path) from error
        self._connect = connect
        self._writer = BatchWriter(connect, self._path, busy_seconds)
        self._finalizer = weakref.finalize(self, _close, self._writer, self._readers)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def record(self, change: Change) -> None:
        """Take a change; see `ActionStore.record`."""
        self._writer.record(change)

    async def flush(self) -> None:
        """Wait for durability; see `ActionStore.flush`."""
        await self._writer.flush()

    def run(self, run_name: str) -> RunRecord | None:
        """Return a run; see `ActionStore.run`."""
        found = self._read(f"{_SELECT_RUNS} WHERE run_name = ?", run_name)
        return rows.run_from_row(found[0]) if found else None

    def runs(self, limit: int = 100, *, project: str | None = None, domain: str | None = None) -> list[RunRecord]:
        """Return the latest runs; see `ActionStore.runs`."""
        wanted = {"project": project, "domain": domain}
        conditions = [f"{column} = ?" for column, value in wanted.items() if value is not None]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        values = [value for value in wanted.values() if value is not None]
        sql = f"{_SELECT_RUNS}{where} ORDER BY created_at DESC, id DESC LIMIT ?"
        return [rows.run_from_row(row) for row in self._read(sql, *values, max(limit, 0))]

    def action(self, run_name: str, name: str) -> ActionRecord | None:
        """Return an action; see `ActionStore.action`."""
        found = self._read(f"{_SELECT_ACTIONS} WHERE run_name = ? AND name = ?", run_name, name)
        return rows.action_from_row(found[0]) if found else None

    def actions(self, run_name: str, parent: str | None = None) -> list[ActionRecord]:
        """Return actions of a run; see `ActionStore.actions`."""
        if parent is None:
            found = self._read(f"{_SELECT_ACTIONS} WHERE run_name = ? ORDER BY id", run_name)
        else:
            sql = f"{_SELECT_ACTIONS} WHERE run_name = ? AND parent_name = ? ORDER BY id"
            found = self._read(sql, run_name, parent)
        return [rows.action_from_row(row) for row in found]

    def actions_since(self, run_name: str, moment: float) -> list[ActionRecord]:
        """Return the actions of a run that are not over, or were not at `moment`, in Unix seconds."""
        sql = f"{_SELECT_ACTIONS} WHERE run_name = ? AND (ended_at IS NULL OR ended_at >= ?) ORDER BY id"
        return [rows.action_from_row(row) for row in self._read(sql, run_name, moment)]

    def attempts(self, run_name: str, name: str) -> list[AttemptRecord]:
        """Return the attempts of an action; see `ActionStore.attempts`."""
        sql = f"{_SELECT_ATTEMPTS} WHERE run_name = ? AND action_name = ? ORDER BY number"
        return [rows.attempt_from_row(row) for row in self._read(sql, run_name, name)]

    def inputs(self, run_name: str, name: str) -> bytes | None:
        """Return inputs; see `ActionStore.inputs`."""
        return self._payload(run_name, name, rows.INPUTS)

    def outputs(self, run_name: str, name: str) -> bytes | None:
        """Return outputs; see `ActionStore.outputs`."""
        return self._payload(run_name, name, rows.OUTPUTS)

    def report(self, run_name: str, name: str) -> bytes | None:
        """Return a report; see `ActionStore.report`."""
        return self._payload(run_name, name, rows.REPORT)

    def signal(self, run_name: str, name: str) -> bytes | None:
        """Return an answer; see `ActionStore.signal`."""
        return self._payload(run_name, name, rows.SIGNAL)

    def cache_note(self, run_name: str, name: str) -> bytes | None:
        """Return a note; see `ActionStore.cache_note`."""
        return self._payload(run_name, name, rows.CACHE_NOTE)

    def logs(
        self, run_name: str, name: str | None = None, *, attempt: int | None = None, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, LogRecord]]:
        """Return lines; see `ActionStore.logs`."""
        wanted = {"action_name": name, "attempt": attempt}
        conditions = "".join(f" AND {column} = ?" for column, value in wanted.items() if value is not None)
        values = [value for value in wanted.values() if value is not None]
        columns = ", ".join(("id", *rows.LOG_COLUMNS))
        sql = f"SELECT {columns} FROM logs WHERE run_name = ?{conditions} AND id > ? ORDER BY id LIMIT ?"  # noqa: S608
        return [(row[0], rows.log_from_row(row[1:])) for row in self._read(sql, run_name, *values, after, limit)]

    def delete_run(self, run_name: str) -> bool:
        """Forget a run; see `ActionStore.delete_run`."""
        return self._write(partial(rows.delete_run, run_name=run_name))

    def add_run(self, run: RunRecord, owner: ProcessRecord) -> bool:
        """Record a new run; see `ActionStore.add_run`."""
        return self._write(partial(rows.insert_run, run=run, owner=owner))

    def owner(self, run_name: str) -> ProcessRecord | None:
        """Return the owner of a run; see `ActionStore.owner`."""
        found = self._read(_SELECT_OWNER, run_name)
        return rows.owner_from_row(found[0]) if found else None

    def take_over(self, run_name: str, process: ProcessRecord, known: ProcessRecord | None) -> bool:
        """Change the owner of a run; see `ActionStore.take_over`."""
        return self._write(partial(rows.replace_owner, run_name=run_name, process=process, known=known))

    def record_trace(self, trace: TraceRecord) -> None:
        """Take a traced call; see `ActionStore.record_trace`."""
        self._writer.record(TraceChange(trace))

    def trace(self, run_name: str, action_name: str, name: str) -> TraceRecord | None:
        """Return a traced call; see `ActionStore.trace`."""
        found = self._read(f"{_SELECT_TRACES} AND name = ?", run_name, action_name, name)
        return rows.trace_from_row(found[0]) if found else None

    def traces(self, run_name: str, action_name: str) -> list[TraceRecord]:
        """Return the traced calls of an action; see `ActionStore.traces`."""
        return [rows.trace_from_row(row) for row in self._read(f"{_SELECT_TRACES} ORDER BY id", run_name, action_name)]

    def close(self) -> None:
        """Write what is queued, end the thread, close the file; see `ActionStore.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        self._finalizer()

    def _payload(self, run_name: str, name: str, kind: str) -> bytes | None:
        sql = "SELECT data FROM payloads WHERE run_name = ? AND action_name = ? AND kind = ?"
        found = self._read(sql, run_name, name, kind)
        return found[0][0] if found else None

    def _read(self, sql: str, *values: str | float) -> list[rows.Row]:
        try:
            with self._reader() as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise database.explain(error, self._path) from error

    def _write(self, operation: Callable[[sqlite3.Connection], bool]) -> bool:
        # Beside the thread: rare, and the caller has to know at once.
        self._writer.check_usable()
        try:
            with closing(self._connect()) as connection:
                return database.retry_while_locked(partial(operation, connection), self._busy_seconds)
        except sqlite3.Error as error:
            raise database.explain(error, self._path, fallback=StoreWriteError) from error

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreClosedError(
                f"the store `{self._path}` is closed\nhint: keep it open until the last run is read", self._path
            )

    @contextmanager
    def _reader(self) -> Generator[sqlite3.Connection]:
        self._check_open()
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = database.connect(self._path, synchronous="NORMAL", busy_seconds=self._busy_seconds)
            connection.execute("PRAGMA query_only = ON")
        try:
            yield connection
        finally:
            if self._is_closed:
                connection.close()
            else:
                self._readers.append(connection)


def _close(writer: BatchWriter, readers: deque[sqlite3.Connection]) -> None:
    # The last connection to close brings the journal into the database; that is better left to the writer's thread.
    while readers:
        readers.pop().close()
    writer.close()
