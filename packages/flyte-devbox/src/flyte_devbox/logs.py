"""Logs of attempts: a file each, kept small by dropping its oldest part, readable while it grows and after a crash."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

__all__ = ["LogFolder", "LogLines"]

MAX_LOG_BYTES = 64 * 1024 * 1024
"""A log that grows beyond this is moved to `<name>.1` and goes on empty."""
_CHUNK = 256 * 1024
_FOLLOW_SECONDS = 0.2
_MAX_LINE = 64 * 1024

LogLines = list[str]


class LogFolder:
    """Where the logs are. Names come from requests and are checked before they get here."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, run_key: str, action: str, attempt: int) -> Path:
        """Return the log of an attempt, which may not exist; its folder does."""
        folder = self.root / run_key / action
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"{attempt}.log"

    def exists(self, run_key: str, action: str, attempt: int) -> bool:
        """Tell whether an attempt has written a log."""
        return (self.root / run_key / action / f"{attempt}.log").exists()

    def rotate(self, path: Path) -> None:
        """Move what a log has to `<name>.1` if it is too large; whoever writes to it goes on in the same file."""
        try:
            if path.stat().st_size <= MAX_LOG_BYTES:
                return
            shutil.copyfile(path, path.with_suffix(".log.1"))
            # Not renamed: the process holds the file open, in append mode.
            os.truncate(path, 0)
        except FileNotFoundError:
            return

    async def lines(self, path: Path, is_over: Callable[[], bool]) -> AsyncIterator[LogLines]:
        """Yield the lines of a log, following it until `is_over` says that nothing is written any more."""
        rest = b""
        old = path.with_suffix(".log.1")
        if old.exists():
            with old.open("rb") as file:
                while piece := await asyncio.to_thread(file.read, _CHUNK):
                    lines, rest = _split(rest + piece)
                    if lines:
                        yield lines
        offset = 0
        while True:
            was_over = is_over()
            grew = False
            try:
                with path.open("rb") as file:
                    if os.fstat(file.fileno()).st_size < offset:
                        offset = 0
                    file.seek(offset)
                    while piece := await asyncio.to_thread(file.read, _CHUNK):
                        grew = True
                        offset += len(piece)
                        lines, rest = _split(rest + piece)
                        if lines:
                            yield lines
            except FileNotFoundError:
                pass
            if was_over:
                if rest:
                    yield [rest.decode(errors="replace")]
                return
            if not grew:
                await asyncio.sleep(_FOLLOW_SECONDS)


def _split(data: bytes) -> tuple[LogLines, bytes]:
    *complete, rest = data.split(b"\n")
    lines = [line.rstrip(b"\r").decode(errors="replace") for line in complete]
    while len(rest) > _MAX_LINE:
        lines.append(rest[:_MAX_LINE].decode(errors="replace"))
        rest = rest[_MAX_LINE:]
    return lines, rest
