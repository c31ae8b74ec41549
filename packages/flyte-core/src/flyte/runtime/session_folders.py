"""A private folder of a debug session: it goes with the session, or, if that was killed, with the next session on the machine."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["session_folder"]

_PREFIX = "flyte-debug-"
_LOCK = "session.lock"
"""A file that is locked as long as the session runs: the kernel lets go of it whatever ends the process."""


@contextmanager
def session_folder() -> Generator[Path]:
    """Make a folder in the folder for temporary files, whose short path leaves room for those of sockets, and remove it."""
    _remove_left()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        # What is started in the session does not inherit it, so that a stray process does not keep the folder.
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            # Where files cannot be locked, nobody gets the lock, and nobody removes the folder too early.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(lock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left() -> None:
    """Remove the folders of sessions of this account that run no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            # One without the file is only just being made.
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
