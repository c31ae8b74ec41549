"""The file: how it is created, opened and migrated, and what SQLite's errors mean to a user. No records here."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from flyte_engine.store import StoreCorruptError, StoreError, StoreVersionError, StoreWriteError

Synchronous = Literal["NORMAL", "FULL", "EXTRA"]

APPLICATION_ID = 0x464C5945
"""Marks a file as ours: `FLYE`."""
CHECKPOINT_PAGES = 8192
"""When the journal has grown to so many pages (32 MiB) a commit also brings them into the database, which costs a sync.
SQLite's 1000 would make that a third of the cost of small transactions."""

# One entry per schema version, applied in order and never edited after a release. Errors, labels and what is only
# ever shown are JSON, so that they can grow without a migration and carry any string. Inputs and outputs have a table
# of their own: a change of phase must not rewrite them.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            run_name TEXT NOT NULL UNIQUE,
            task_name TEXT NOT NULL,
            project TEXT NOT NULL,
            domain TEXT NOT NULL,
            org TEXT NOT NULL,
            phase TEXT NOT NULL,
            created_at REAL NOT NULL,
            ended_at REAL,
            details TEXT NOT NULL
        )""",
        "CREATE INDEX runs_by_time ON runs (created_at DESC, id DESC)",
        """CREATE TABLE actions (
            id INTEGER PRIMARY KEY,
            run_name TEXT NOT NULL,
            name TEXT NOT NULL,
            parent_name TEXT,
            task_name TEXT NOT NULL,
            short_name TEXT NOT NULL,
            group_name TEXT,
            phase TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            max_attempts INTEGER NOT NULL,
            created_at REAL NOT NULL,
            started_at REAL,
            ended_at REAL,
            error TEXT,
            UNIQUE (run_name, name)
        )""",
        """CREATE TABLE attempts (
            run_name TEXT NOT NULL,
            action_name TEXT NOT NULL,
            number INTEGER NOT NULL,
            phase TEXT NOT NULL,
            started_at REAL NOT NULL,
            ended_at REAL,
            error TEXT,
            PRIMARY KEY (run_name, action_name, number)
        ) WITHOUT ROWID""",
        """CREATE TABLE payloads (
            run_name TEXT NOT NULL,
            action_name TEXT NOT NULL,
            kind TEXT NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (run_name, action_name, kind)
        ) WITHOUT ROWID""",
    ),
    (
        "ALTER TABLE actions ADD COLUMN cache_status TEXT NOT NULL DEFAULT 'disabled'",
        "ALTER TABLE actions ADD COLUMN cache_key TEXT",
        """CREATE TABLE owners (
            run_name TEXT PRIMARY KEY,
            pid INTEGER NOT NULL,
            started TEXT NOT NULL,
            host TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE traces (
            id INTEGER PRIMARY KEY,
            run_name TEXT NOT NULL,
            action_name TEXT NOT NULL,
            name TEXT NOT NULL,
            inputs_hash TEXT NOT NULL,
            started_at REAL NOT NULL,
            ended_at REAL NOT NULL,
            outputs BLOB,
            error TEXT,
            UNIQUE (run_name, action_name, name)
        )""",
    ),
    (
        """CREATE TABLE logs (
            id INTEGER PRIMARY KEY,
            run_name TEXT NOT NULL,
            action_name TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            at REAL NOT NULL,
            stream TEXT NOT NULL,
            line TEXT NOT NULL
        )""",
        "CREATE INDEX logs_by_action ON logs (run_name, action_name, attempt)",
    ),
)
SCHEMA_VERSION = len(MIGRATIONS)

_T = TypeVar("_T")


def create_file(path: Path) -> None:
    """Create the file and the folders above it, readable by the user alone; leave what exists as it is.

    Raises:
        StoreError: the file system refuses.
    """
    try:
        missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        # SQLite gives its journal files the permissions of the database.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600))
    except OSError as error:
        raise StoreError(
            f"cannot create the store `{path}`: {error.strerror or error}\n"
            "hint: the folder must be writable; another place can be named in the configuration",
            path,
        ) from error


def connect(
    path: Path, *, synchronous: Synchronous, busy_seconds: float, max_bytes: int | None = None
) -> sqlite3.Connection:
    """Open a connection that any one thread at a time may use.

    Raises:
        sqlite3.Error: SQLite refuses.
    """
    connection = sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    try:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        if max_bytes is not None:
            (page_size,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(max_bytes // page_size, 1)}")
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(
    connection: sqlite3.Connection,
    path: Path,
    application_id: int = APPLICATION_ID,
    migrations: tuple[tuple[str, ...], ...] = MIGRATIONS,
) -> None:
    """Bring the schema to its last version, once, even if several processes open the file together.

    Raises:
        StoreVersionError: the file is newer than this package.
        StoreCorruptError: the file is a database of something else.
        sqlite3.Error: SQLite refuses.
    """
    newest = len(migrations)
    # In one transaction: another process that commits its migration between two of the questions would make the file look
    # like somebody else's.
    connection.execute("BEGIN")
    try:
        version = _version(connection, path, application_id, newest)
    finally:
        rollback(connection)
    if version == newest:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again: now that the lock is ours nobody else migrates.
        version = _version(connection, path, application_id, newest)
        for number, statements in enumerate(migrations[version:], version + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.execute("COMMIT")
    except BaseException:
        rollback(connection)
        raise


def _version(connection: sqlite3.Connection, path: Path, application_id: int, newest: int) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (found_id,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and found_id != application_id:
        what = "a run history" if application_id == APPLICATION_ID else "a cache"
        raise StoreCorruptError(f"`{path}` is a database of another program, not {what}\nhint: name another file", path)
    if version > newest:
        raise StoreVersionError(
            f"`{path}` has schema version {version}; this version of flyte knows versions up to {newest}\n"
            "hint: upgrade flyte, or name another file",
            path,
        )
    return int(version)


def rollback(connection: sqlite3.Connection) -> None:
    """End the transaction if SQLite has not done so by itself, as it does on a full disk."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def retry_while_locked(operation: Callable[[], _T], busy_seconds: float) -> _T:
    """Run `operation`, again while another process holds the lock, until `busy_seconds` have passed.

    SQLite waits for most locks by itself, but not for all: switching to WAL reports a lock at once.

    Raises:
        sqlite3.Error: whatever the last try met.
    """
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            return operation()
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.02)


def is_locked(error: sqlite3.Error) -> bool:
    """Tell whether another connection holds a lock."""
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _primary_code(error: sqlite3.Error) -> int:
    # Errors that the module raises itself carry no code.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else code & 0xFF


_CAUSES: dict[int, tuple[type[StoreError], str, str]] = {
    sqlite3.SQLITE_FULL: (
        StoreWriteError,
        "there is no room to write to `{path}`",
        "free space on the disk, or raise the store's size limit if one is set",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreWriteError,
        "the disk refused to read or write `{path}`",
        "check the disk and its space",
    ),
    sqlite3.SQLITE_READONLY: (StoreWriteError, "`{path}` is read-only", "make the file and its folder writable"),
    sqlite3.SQLITE_BUSY: (
        StoreWriteError,
        "another process keeps `{path}` locked",
        "end that process, or name another file for this one",
    ),
    sqlite3.SQLITE_CORRUPT: (StoreCorruptError, "`{path}` is damaged", "move the file away; a new one is made"),
    sqlite3.SQLITE_NOTADB: (
        StoreCorruptError,
        "`{path}` is not a run history",
        "move the file away, or name another one; a new one is made",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        "cannot open `{path}`",
        "the file and its folder must be readable and writable",
    ),
    sqlite3.SQLITE_PERM: (StoreError, "cannot open `{path}`", "the file and its folder must be readable and writable"),
}


def explain(error: BaseException, path: Path, fallback: type[StoreError] = StoreError) -> StoreError:
    """Turn what SQLite or Python raised into the error a user sees."""
    if isinstance(error, StoreError):
        return error
    code = _primary_code(error) if isinstance(error, sqlite3.Error) else -1
    kind, what, hint = _CAUSES.get(code, (fallback, "the store `{path}` failed", "report this with the message above"))
    explained = kind(f"{what.format(path=path)}: {error}\nhint: {hint}", path)
    explained.__cause__ = error
    return explained
