"""Ends attempts that use more memory than their limit: one thread for all, which looks the more often the nearer one is to it.

Limits of the system are no way to do this. `setrlimit` counts for one process and not for what it starts, and counts what is
reserved (stacks of threads, arenas of allocators, sparse arrays), which is far more than what is used; a cgroup needs root or a
delegated slice. What counts here is what a cgroup would count and could not reclaim: anonymous and shared memory, each page once,
and no pages of files. Whoever fills memory at full speed comes past his limit by what he can fill in about 20 ms.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable

from flyte_devbox.executors.processes import children_of, started_at, trees

__all__ = ["Watched", "next_look", "used_bytes", "watch_memory"]

_logger = logging.getLogger(__name__)

_FASTEST = 4 * 1024**3
"""Bytes a second that a task is taken to be able to fill."""
_LEAST_SECONDS = 0.01
_MOST_SECONDS = 0.5
_SHARE = 20
"""Looking takes this part of the time at most."""
_SCAN_SECONDS = 0.25
_IDLE_SECONDS = 5.0
_PAGE = os.sysconf("SC_PAGESIZE")


def next_look(limit: int, used: int, cost: float) -> float:
    """Return after how many seconds to look again.

    Args:
        limit: bytes that may be used.
        used: bytes that are used.
        cost: seconds that it took to find out.
    """
    return max(cost * _SHARE, min(_MOST_SECONDS, max(_LEAST_SECONDS, (limit - used) / _FASTEST)))


class Watched:
    """One attempt.

    Args:
        leader: the process that leads its session.
        limit: bytes that its processes may use together.
        end: ends it; called once, in the watching thread.
    """

    def __init__(self, leader: int, limit: int, end: Callable[[], None]) -> None:
        self.leader = leader
        self.limit = limit
        self.end = end
        self.started = started_at(leader)
        self.members: set[int] = {leader}
        self.due = 0.0

    def stop(self) -> None:
        """Look no more."""
        _watch.remove(self)


class _MemoryWatch:
    """The thread, and what it looks at. It is there while there is anything, and a little longer."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._watched: set[Watched] = set()
        self._thread: threading.Thread | None = None
        self._scanned = 0.0

    def add(self, watched: Watched) -> None:
        with self._condition:
            self._watched.add(watched)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="flyte-devbox-memory", daemon=True)
                self._thread.start()
            self._condition.notify()

    def remove(self, watched: Watched) -> None:
        with self._condition:
            self._watched.discard(watched)

    def _run(self) -> None:
        while (ready := self._next()) is not None:
            try:
                self._scan()
            except Exception:
                # The processes that were found before are looked at all the same.
                _logger.exception("the processes of attempts cannot be looked through")
            for watched in ready:
                try:
                    self._look(watched)
                except Exception:
                    # This thread keeps the limits of all others.
                    watched.due = time.monotonic() + _MOST_SECONDS
                    _logger.exception("the memory limit of process %d could not be kept", watched.leader)

    def _next(self) -> list[Watched] | None:
        """Wait for those whose turn it is; `None` when there has been nothing to do for a while."""
        with self._condition:
            while True:
                now = time.monotonic()
                due = min((watched.due for watched in self._watched), default=now + _IDLE_SECONDS)
                if due <= now:
                    return [watched for watched in self._watched if watched.due <= now]
                was_idle = not self._watched
                if not self._condition.wait(due - now) and was_idle and not self._watched:
                    self._thread = None
                    return None

    def _scan(self) -> None:
        now = time.monotonic()
        if now < self._scanned + _SCAN_SECONDS:
            return
        self._scanned = now
        with self._condition:
            everybody = {watched.leader: watched for watched in self._watched}
        for leader, members in trees(everybody).items():
            everybody[leader].members = members

    def _look(self, watched: Watched) -> None:
        began = time.monotonic()
        # Those that are new since all processes were looked through.
        watched.members |= {child for pid in tuple(watched.members) for child in children_of(pid)}
        used = sum(map(_resident_bytes, watched.members))
        if used > watched.limit:
            # Pages of files, and those that several have, do not count, or once.
            used = used_bytes(watched.members)
        if used <= watched.limit:
            ended = time.monotonic()
            watched.due = ended + next_look(watched.limit, used, ended - began)
            return
        with self._condition:
            is_alive = watched in self._watched and started_at(watched.leader) == watched.started
            self._watched.discard(watched)
        if is_alive:
            watched.end()


_watch = _MemoryWatch()


def watch_memory(leader: int, limit: int, end: Callable[[], None]) -> Watched:
    """End an attempt, from another thread, as soon as it uses more than its limit; see `Watched`."""
    watched = Watched(leader, limit, end)
    _watch.add(watched)
    return watched


def used_bytes(pids: Iterable[int]) -> int:
    """Return the memory that processes use and could not do without, a page that several have once."""
    return sum(map(_used_by, pids))


def _resident_bytes(pid: int) -> int:
    """Return what a process has in memory, with what it shares and what belongs to files: more than it uses, and quick."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - often
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _used_by(pid: int) -> int:
    for file, fields in (
        ("smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")),
        # Where that is not told: each page as often as somebody has it.
        ("status", ("RssAnon:", "RssShmem:")),
    ):
        found = _kilobytes(pid, file)
        if all(field in found for field in fields):
            return sum(found[field] for field in fields) * 1024
    return _resident_bytes(pid)


def _kilobytes(pid: int, name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as file:  # noqa: PTH123
        for line in file:
            words = line.split()
            if len(words) == 3 and words[2] == "kB" and words[1].isdigit():
                found[words[0]] = int(words[1])
    return found
