"""Small inputs and outputs, kept in the database by the transaction that names them: their files need not be synced one by one.

Of inputs that came by the channel, and of outputs that a worker handed over, there is no file until somebody needs one: the
devbox itself, HTTP and the channel give the content from here. After a power cut a file may be empty, and then the database has
its content.
"""

import os
import sqlite3
from pathlib import Path

from flyte_devbox.database import Database

__all__ = ["find_content", "keep_content", "read_small", "restore_contents", "sync_file", "write_unsynced"]

MAX_KEPT_BYTES = 64 * 1024
"""Larger ones are synced as files."""

_OF_LIVE_RUNS = """
SELECT uri, content FROM contents WHERE run_id IN (SELECT id FROM runs WHERE phase NOT IN (5, 6, 7, 8, 10))
"""


def keep_content(connection: sqlite3.Connection, run: int, uri: str, content: bytes) -> None:
    """Keep the content of an object of a run."""
    connection.execute("INSERT OR REPLACE INTO contents (uri, run_id, content) VALUES (?, ?, ?)", (uri, run, content))


def find_content(database: Database, uri: str) -> bytes | None:
    """Return what is kept of an object."""
    row = database.read_one("SELECT content FROM contents WHERE uri = ?", (uri,))
    return None if row is None else bytes(row["content"])


def restore_contents(database: Database) -> int:
    """Write the files anew that a power cut has left damaged, of runs that are not over; return how many."""
    count = 0
    for row in database.read(_OF_LIVE_RUNS):
        path = Path(row["uri"])
        try:
            if path.stat().st_size == len(row["content"]):
                continue
        except FileNotFoundError:
            # It is written when somebody needs it.
            continue
        write_unsynced(str(path), row["content"])
        count += 1
    return count


def write_unsynced(path: str, content: bytes) -> None:
    """Write a file whose content the database has: whole or not at all, and not synced.

    Raises:
        OSError: it cannot be written.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True, mode=0o700)  # noqa: PTH103 - of every start
    temporary = f"{folder}/.{name}.restored"
    with open(temporary, "wb", buffering=0) as file:  # noqa: PTH123
        file.write(content)
    os.replace(temporary, path)  # noqa: PTH105


def read_small(path: str) -> bytes | None:
    """Return the content of a file that is small enough to be kept; `None` for a larger one, or one that does not exist."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        content = file.read(MAX_KEPT_BYTES + 1) or b""
    return content if len(content) <= MAX_KEPT_BYTES else None


def sync_file(path: str) -> None:
    """Bring a file and its name to disk.

    Raises:
        OSError: it cannot be.
    """
    for name, flags in ((path, os.O_RDONLY), (os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)):  # noqa: PTH120
        descriptor = os.open(name, flags | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
