"""What an error of the machine means to whoever called: a disk that is full or cannot be written. Pure."""

import errno
import sqlite3

__all__ = ["explain_database", "explain_system"]

_FULL = "make room on the disk of `{}`; the devbox goes on by itself then"
_READ_ONLY = (
    "the devbox must be able to write to `{}`: look at its permissions, and whether its disk is mounted read-only"
)
_DAMAGED = "the disk of `{}` may be full, or fail"
_HINTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EIO: _DAMAGED,
}
_OF_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _DAMAGED,
}


def explain_system(error: OSError, folder: str) -> str | None:
    """Say what happened, and what to do; `None` if it is none of the errors that a disk makes.

    Args:
        error: of the system.
        folder: where the devbox is.
    """
    hint = _HINTS.get(error.errno or 0)
    return None if hint is None else f"{error.strerror}\nhint: {hint.format(folder)}"


def explain_database(error: sqlite3.Error, folder: str) -> str:
    """Say what happened to the state of a devbox, and what to do.

    Args:
        error: of SQLite.
        folder: where the devbox is.
    """
    # The lower byte has the kind; what is above says more.
    hint = _OF_SQLITE.get((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF, _DAMAGED)
    return f"the state cannot be written: {error}\nhint: {hint.format(folder)}"
