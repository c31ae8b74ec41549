"""Writes changes in batches and tells who waits for them: few in the loop that waits, many or unawaited ones in a thread."""

import asyncio
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from flyte_engine.sqlite._database import explain, is_locked, retry_while_locked
from flyte_engine.sqlite._rows import write_changes
from flyte_engine.store import Change, StoreClosedError, StoreError, StoreWriteError

_LINGER_SECONDS = 0.02
"""How long changes that nobody waits for are gathered before they are written."""
_IDLE_ROUNDS = 50
"""After so many lingers without a change the thread sleeps until it is woken. Before that a change need not wake it, which
saves a switch of threads for each of a series of actions."""
_MAX_BATCH = 4096
"""Changes per transaction: bounds how long other processes wait for the lock."""
_MOST_HERE = 128
"""How many changes a loop commits itself, which takes a fraction of a millisecond; two switches of threads take longer."""
_CLOSE_SECONDS = 15.0
"""How long `close` waits for the last batches, beyond the wait for a lock. The thread is a daemon: nothing waits longer."""

_Waiter = tuple[int, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class BatchWriter:
    """Owns the thread, which starts with the first change, and the connections: the thread's and the loop's.

    One batch is written at a time, whoever writes it, so that changes are committed in the order in which they came.

    Args:
        connect: opens a connection to write with.
        path: the file, for messages.
        busy_seconds: how long to wait for a lock of another process.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], path: Path, busy_seconds: float) -> None:
        self._connect = connect
        self._path = path
        self._busy_seconds = busy_seconds
        self._pid = os.getpid()
        self._condition = threading.Condition(threading.Lock())
        self._queue: deque[Change] = deque()
        self._waiters: list[_Waiter] = []
        self._recorded = 0
        self._committed = 0
        self._is_asleep = False
        self._is_closing = False
        self._failure: StoreError | None = None
        self._is_failure_reported = False
        self._thread: threading.Thread | None = None
        self._is_writing = False
        """Whether a batch has left the queue and is not committed."""
        self._here: sqlite3.Connection | None = None
        """What a loop writes with. It waits for nobody's lock."""
        self._here_thread: int | None = None
        """The thread of the loop that is writing."""
        self._planned: asyncio.AbstractEventLoop | None = None
        """The loop that will write what is queued in its next round."""

    def record(self, change: Change) -> None:
        """Append a change to the queue."""
        with self._condition:
            self.check_usable()
            self._queue.append(change)
            self._recorded += 1
            if self._is_asleep:
                self._is_asleep = False
                self._condition.notify()
            elif self._thread is None:
                self._start()

    async def flush(self) -> None:
        """Wait until what was recorded so far is committed."""
        with self._condition:
            self.check_usable()
            if self._committed >= self._recorded:
                return
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.append((self._recorded, loop, future))
            if (self._planned is None or self._planned.is_closed()) and len(self._queue) <= _MOST_HERE:
                # In the next round: what else is ready in this one goes into the same transaction.
                self._planned = loop
                loop.call_soon(self._write_here)
            elif self._planned is not loop:
                self._condition.notify()
        await future
        if self._failure is not None:
            self._raise_failure()

    def close(self) -> None:
        """Commit what is queued and end the thread."""
        if os.getpid() != self._pid:
            return
        if threading.current_thread() is self._thread:
            # The store was collected by a garbage collection that happened to run in this thread, maybe under its lock.
            self._is_closing = True
            return
        if threading.get_ident() == self._here_thread:
            # The same in the loop's.
            self._is_closing = True
            return
        seconds = self._busy_seconds + _CLOSE_SECONDS
        with self._condition:
            self._is_closing = True
            self._condition.wait_for(lambda: self._here_thread is None, seconds)
            # Before the thread's, which is to be the last: that one brings the journal into the database.
            self._close_here()
            self._condition.notify()
            thread = self._thread
        if thread is not None:
            thread.join(seconds)
            if thread.is_alive():
                raise StoreWriteError(
                    f"the last changes to `{self._path}` were not written within {seconds:.0f} s\n"
                    "hint: see whether the disk responds and whether another process keeps the file locked",
                    self._path,
                )
        if self._failure is not None and not self._is_failure_reported:
            self._raise_failure()

    def check_usable(self) -> None:
        """Raise what `record` would raise."""
        if self._failure is not None:
            self._raise_failure()
        if self._is_closing:
            raise StoreClosedError(
                f"the store `{self._path}` is closed\nhint: keep it open until the last run is finished", self._path
            )
        if os.getpid() != self._pid:
            raise StoreError(
                f"the store `{self._path}` was opened before this process was forked and cannot be used here\n"
                "hint: open a store of its own in the child process",
                self._path,
            )

    def _raise_failure(self) -> None:
        failure = self._failure
        assert failure is not None  # for the type checker; both callers have looked
        self._is_failure_reported = True
        # Each caller gets an exception of its own: a shared one would collect the tracebacks of all of them.
        raise type(failure)(str(failure), failure.path) from failure

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name=f"flyte-store {self._path.name}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            connection = opened = retry_while_locked(self._connect, self._busy_seconds)
            while batch := self._next_batch():
                retry_while_locked(partial(write_changes, opened, batch), self._busy_seconds)
                self._finish(len(batch))
        except Exception as error:  # whatever it is, those who wait must hear of it
            self._fail(explain(error, self._path, fallback=StoreWriteError))
        finally:
            if connection is not None:
                connection.close()

    def _next_batch(self) -> list[Change]:
        rounds = 0
        with self._condition:
            while self._failure is None and (self._is_writing or not (self._waiters or self._is_closing)):
                if not self._queue and rounds >= _IDLE_ROUNDS:
                    self._is_asleep = True
                    self._condition.wait()
                    self._is_asleep = False
                    rounds = 0
                self._condition.wait(_LINGER_SECONDS)
                if self._queue and not self._is_writing:
                    break
                rounds += 1
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), _MAX_BATCH))]
            self._is_writing = bool(batch)
            return batch

    def _write_here(self) -> None:
        """Commit what is queued in the loop that waits for it; leave to the thread what is much, or finds the file locked."""
        with self._condition:
            here, self._planned = self._planned, None
            if self._is_writing or self._is_closing or not self._queue or len(self._queue) > _MOST_HERE:
                self._condition.notify()
                return
            batch = list(self._queue)
            self._queue.clear()
            self._is_writing = True
            self._here_thread = threading.get_ident()
        try:
            if self._here is None:
                self._here = self._connect()
                self._here.execute("PRAGMA busy_timeout = 0")
            write_changes(self._here, batch)
        except sqlite3.Error as error:
            if is_locked(error):
                self._put_back(batch)
            else:
                self._fail(explain(error, self._path, fallback=StoreWriteError))
        except Exception as error:  # as in the thread
            self._fail(explain(error, self._path, fallback=StoreWriteError))
        else:
            self._finish(len(batch), here)
        finally:
            with self._condition:
                self._here_thread = None
                if self._is_closing:
                    self._close_here()
                    self._condition.notify_all()

    def _put_back(self, batch: list[Change]) -> None:
        with self._condition:
            self._queue.extendleft(reversed(batch))
            self._is_writing = False
            self._condition.notify()

    def _close_here(self) -> None:
        here, self._here = self._here, None
        if here is not None:
            with suppress(sqlite3.Error):
                here.close()

    def _finish(self, count: int, here: asyncio.AbstractEventLoop | None = None) -> None:
        with self._condition:
            self._is_writing = False
            self._committed += count
            done = [waiter for waiter in self._waiters if waiter[0] <= self._committed]
            if done:
                # Sequence numbers only grow, so those who are done stand first.
                del self._waiters[: len(done)]
        _wake(done, here)

    def _fail(self, failure: StoreError) -> None:
        with self._condition:
            self._failure = failure
            self._is_writing = False
            self._queue.clear()
            self._condition.notify()
            waiters, self._waiters = self._waiters, []
        _wake(waiters, None)


def _wake(waiters: list[_Waiter], here: asyncio.AbstractEventLoop | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for _, loop, future in waiters:
        by_loop.setdefault(loop, []).append(future)
    for loop, futures in by_loop.items():
        if loop is here:
            _resolve(futures)
            continue
        try:
            loop.call_soon_threadsafe(_resolve, futures)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            continue


def _resolve(futures: list["asyncio.Future[None]"]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
