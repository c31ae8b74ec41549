"""Logs of attempts: a file each, whose middle is dropped when it grows too large; readable while it grows and after a crash."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flyte_devbox.gaps import Gap, can_drop, drop, read_gap
from flyte_models.values import value

__all__ = ["DEFAULT_LOG_BYTES", "HEAD_BYTES", "LEAST_LOG_BYTES", "LogFolder", "LogPart"]

DEFAULT_LOG_BYTES = 64 * 1024 * 1024
"""A log that has more than this on disk loses lines of its middle."""
HEAD_BYTES = 256 * 1024
"""How much of its beginning a log keeps for ever. Logs that are there rely on it."""
LEAST_LOG_BYTES = 4 * HEAD_BYTES
_FOLLOWED = 16
"""What somebody follows and has not read yet is kept, up to so many times the limit."""
_CHUNK = 256 * 1024
_FOLLOW_SECONDS = 0.2
_MAX_LINE = 64 * 1024

_logger = logging.getLogger(__name__)


@value
class LogPart:
    """Some lines of a log."""

    lines: list[str]
    is_notice: bool = False
    """Whether the devbox says this and not the attempt."""


@dataclass(eq=False)
class _Reader:
    """How far somebody has read."""

    offset: int = 0


class LogFolder:
    """Where the logs are. Names come from requests and are checked before they get here.

    Args:
        root: the folder.
        limit: see `DEFAULT_LOG_BYTES`.
        head: see `HEAD_BYTES`.
    """

    def __init__(self, root: Path, *, limit: int = DEFAULT_LOG_BYTES, head: int = HEAD_BYTES) -> None:
        self._root = root
        self._limit = limit
        self._head = head
        self._readers: dict[Path, set[_Reader]] = {}
        self._dropping = ThreadPoolExecutor(1, thread_name_prefix="flyte-devbox-logs")
        self._busy: set[Path] = set()
        self._lock = threading.Lock()
        self._keeps_all = False

    def path(self, run_key: str, action: str, attempt: int) -> Path:
        """Return the log of an attempt, which may not exist."""
        return self._root / run_key / action / f"{attempt}.log"

    def limit_soon(self, path: Path) -> None:
        """Drop of a log what is too much, in another thread. Cheap for the many that are small."""
        try:
            if os.stat(path).st_size <= self._limit or path in self._busy:  # noqa: PTH116 - of every running attempt, often
                return
        except OSError:
            return
        self._busy.add(path)
        # Whoever begins to read after this reads what is left.
        held = min((reader.offset for reader in self._readers.get(path, ())), default=None)
        try:
            self._dropping.submit(self._limit_once, path, held)
        except RuntimeError:
            # The server ends.
            self._busy.discard(path)

    def _limit_once(self, path: Path, held: int | None) -> None:
        try:
            self.limit(path, held)
        except OSError as error:
            _logger.warning("log `%s` could not be made smaller: %s", path, error)
        finally:
            self._busy.discard(path)

    def limit(self, path: Path, held: int | None = None) -> None:
        """Drop of a log what is too much: lines after its beginning, so that half of the limit is left behind them.

        Args:
            path: the log.
            held: how far the slowest of those who follow it has read.

        Raises:
            OSError: it is as large as it was.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            with self._lock:
                self._limit_open(descriptor, held)
        finally:
            os.close(descriptor)

    def _limit_open(self, descriptor: int, held: int | None) -> None:
        size = os.fstat(descriptor).st_size
        gap = read_gap(descriptor, self._head)
        begin, lines = (self._head, 0) if gap is None else (gap.end, gap.lines)
        if self._head + size - begin <= self._limit or self._keeps_all:
            return
        end = size - self._limit // 2
        if held is not None:
            end = min(end, max(held, size - _FOLLOWED * self._limit))
        end = _line_start(descriptor, end)
        if end < begin + _MAX_LINE:
            return
        if not can_drop(descriptor):
            self._keeps_all = True
            _logger.warning("the file system of `%s` cannot drop a part of a file: logs are kept whole", self._root)
            return
        drop(descriptor, self._head, Gap(end, lines + _count_lines(descriptor, begin, end)))

    async def parts(self, path: Path, is_over: Callable[[], bool]) -> AsyncGenerator[LogPart]:
        """Yield the lines of a log, following it until `is_over` says that nothing is written any more.

        Lines that are gone by then are told of in their place. What is followed without falling far behind has them all.
        """
        reader = _Reader()
        self._readers.setdefault(path, set()).add(reader)
        rest = b""
        try:
            while True:
                was_over = is_over()
                grew = False
                try:
                    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except FileNotFoundError:
                    descriptor = -1
                try:
                    while descriptor >= 0:
                        piece, gap = await asyncio.to_thread(self._read, descriptor, reader.offset)
                        if gap is not None:
                            yield LogPart([self._notice(gap, reader.offset)], is_notice=True)
                            # The beginning of a line whose end is gone.
                            rest = b""
                            reader.offset = gap.end
                            continue
                        if not piece:
                            break
                        grew = True
                        reader.offset += len(piece)
                        lines, rest = _split(rest + piece)
                        if lines:
                            yield LogPart(lines)
                finally:
                    if descriptor >= 0:
                        os.close(descriptor)
                if was_over:
                    if rest:
                        yield LogPart([rest.decode(errors="replace")])
                    return
                if not grew:
                    await asyncio.sleep(_FOLLOW_SECONDS)
        finally:
            others = self._readers[path]
            others.discard(reader)
            if not others:
                del self._readers[path]
            # It may have kept what is too much.
            self.limit_soon(path)

    def _read(self, descriptor: int, offset: int) -> tuple[bytes, Gap | None]:
        """Return what stands at a place, or the gap that is there."""
        piece = os.pread(descriptor, _CHUNK, offset)
        if offset + len(piece) <= self._head:
            return piece, None
        # Asked for after it was read: what has been dropped meanwhile may have been read as zeros.
        gap = read_gap(descriptor, self._head)
        if gap is None or offset >= gap.end:
            return piece, None
        return (piece[: self._head - offset], None) if offset < self._head else (b"", gap)

    def _notice(self, gap: Gap, offset: int) -> str:
        size = f"{(gap.end - offset) / 1024**2:.1f} MiB"
        # Who comes late to its end does not know how many lines there were before.
        what = f"{gap.lines} lines ({size})" if offset == self._head else size
        return f"devbox: {what} were dropped here: this log is larger than {self._limit / 1024**2:g} MiB"

    def settle(self) -> None:
        """Wait until what was to be made smaller is."""
        self._dropping.submit(lambda: None).result()

    def close(self) -> None:
        """Stop; what is too large is made smaller by the next server."""
        self._dropping.shutdown(wait=True, cancel_futures=True)


def _line_start(descriptor: int, offset: int) -> int:
    """Return where the line begins to which a place belongs, or the place itself in a line that is shown in pieces."""
    begin = max(0, offset - _MAX_LINE)
    before = os.pread(descriptor, offset - begin, begin)
    return begin + before.rfind(b"\n") + 1 if b"\n" in before else offset


def _count_lines(descriptor: int, begin: int, end: int) -> int:
    count = 0
    while begin < end:
        piece = os.pread(descriptor, min(_CHUNK, end - begin), begin)
        if not piece:
            break
        count += piece.count(b"\n")
        begin += len(piece)
    return count


def _split(data: bytes) -> tuple[list[str], bytes]:
    *complete, rest = data.split(b"\n")
    lines = [line.rstrip(b"\r").decode(errors="replace") for line in complete]
    while len(rest) > _MAX_LINE:
        lines.append(rest[:_MAX_LINE].decode(errors="replace"))
        rest = rest[_MAX_LINE:]
    return lines, rest
