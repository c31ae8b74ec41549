"""Lets one process of many renew tokens: a lock beside the token store, which a process that dies gives back by dying."""

import asyncio
import contextlib
import logging
import os
import random
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from flyte_remote.sign_in.errors import SignInError

try:
    import fcntl
except ImportError:  # no such thing on Windows, where processes renew side by side
    fcntl = None

__all__ = ["RENEWING", "SIGNING_IN", "turn"]

RENEWING, SIGNING_IN = "renewing", "signing in"
"""What a process does while it has its turn."""

_SECONDS = {RENEWING: 60.0, SIGNING_IN: 560.0}
"""How long others wait for it; both are more than it may take itself, and less than a transport waits for credentials."""
_SAID_AFTER = 3.0
_log = logging.getLogger("flyte.sign_in")


@asynccontextmanager
async def turn(file: Path, purpose: str) -> AsyncGenerator[Callable[[str], None]]:
    """Hold a lock between processes, on a file that only its owner can read; gives what tells them of another purpose.

    Where there are no locks, and when another process has been renewing for a minute, the block is entered without it: a
    renewal too many is better than none.

    Args:
        file: The file that is locked. It stays, and says nothing by being there.
        purpose: `RENEWING` or `SIGNING_IN`, for those who wait.

    Raises:
        SignInError: Another process has been signing in for too long.
    """
    descriptor = _opened(file)
    if descriptor is None:
        yield lambda _: None
        return
    try:
        has_lock = await _wait(descriptor, file)

        def tell(purpose: str) -> None:
            if has_lock:
                _write(descriptor, purpose)

        tell(purpose)
        try:
            yield tell
        finally:
            if has_lock and fcntl is not None:
                # Closing would do, but for a child that was forked meanwhile and has the file open too.
                with contextlib.suppress(OSError):
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


async def _wait(descriptor: int, file: Path) -> bool:
    """Return whether the lock is held now."""
    began, was_said = monotonic(), False
    while True:
        try:
            assert fcntl is not None
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            pass
        except OSError as error:  # a file system without locks
            _log.debug("`%s` cannot be locked: %s", file, error.strerror)
            return False
        waited = monotonic() - began
        purpose, holder = _read(descriptor)
        if waited > _SECONDS[purpose]:
            if purpose == SIGNING_IN:
                raise SignInError(
                    f"another process ({holder}) has been signing in for {waited:.0f} seconds", "end it, or try again"
                )
            _log.warning(
                "another process (%s) has been renewing the sign-in for %.0f seconds: it is not waited for",
                holder,
                waited,
            )
            return False
        if purpose == SIGNING_IN and waited > _SAID_AFTER and not was_said:
            was_said = True
            print(f"Waiting for another process ({holder}), which is signing in", file=sys.stderr, flush=True)  # noqa: T201
        await asyncio.sleep(random.uniform(0.02, 0.1))  # noqa: S311 - spreads load, keeps no secret


def _opened(file: Path) -> int | None:
    if fcntl is None:
        return None
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        _log.debug("`%s` cannot be opened: %s", file, error.strerror)
        return None


def _write(descriptor: int, purpose: str) -> None:
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{purpose}, pid {os.getpid()}".encode(), 0)


def _read(descriptor: int) -> tuple[str, str]:
    """Return what the holder does, and who it is; a text that cannot be read is one that is being written."""
    purpose, _, holder = os.pread(descriptor, 100, 0).decode(errors="replace").partition(", ")
    return (purpose if purpose in _SECONDS else RENEWING), holder or "pid unknown"
