"""The background event loop: one daemon thread, started when first needed, ended at interpreter exit."""

import asyncio
import atexit
import contextvars
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_logger = logging.getLogger(__name__)
_closing: set[asyncio.Future[Any]] = set()
"""Clean-up code that runs: a loop alone does not keep its tasks alive."""

_CLEANUP_SECONDS = 10.0
"""How long a caller waits for the clean-up code of the coroutine that it has interrupted, or of the stream that it leaves."""

_START_SECONDS = 0.05
"""After this long an interrupted call that has not started was never scheduled."""

_CLOSE_SECONDS = 2.0
"""How long interpreter exit waits for the loop's remaining tasks."""


conducted: ContextVar[Callable[[asyncio.AbstractEventLoop, Coroutine[Any, Any, Any]], Any] | None] = ContextVar(
    "flyte_conducted", default=None
)
"""How the calling thread waits for a coroutine on another thread's loop, where somebody conducts the two (`flyte.testing`)."""


class _Gate:
    """What one thread waits for, once, until another one opens it.

    A `threading.Event`, or a future, waits on a condition: an interrupt in the moment in which that has given up its lock, and
    does not wait yet, ends as a RuntimeError about the lock. Waiting for a lock is interrupted or not, and nothing between.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.is_open = False

    def open(self) -> None:
        if not self.is_open:
            self.is_open = True
            self._lock.release()

    def wait(self, seconds: float = -1) -> None:
        self._lock.acquire(timeout=seconds)


def wait_blocking(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` on `loop`, which another thread runs, and block until it ends."""
    conductor = conducted.get()
    if conductor is not None:
        return conductor(loop, coroutine)
    future, done = asyncio.run_coroutine_threadsafe(coroutine, loop), _Gate()
    future.add_done_callback(lambda _: done.open())
    done.wait()
    return future.result()


class BackgroundLoop:
    """An event loop on a daemon thread of its own.

    The thread starts with the first coroutine and belongs to this object: `close` (also registered with `atexit`) cancels what
    still runs and ends it. After a fork the child starts a loop of its own, because threads do not survive a fork.
    """

    def __init__(self, name: str) -> None:
        """Remember the thread's name; nothing is started."""
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, starting its thread if there is none in this process."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._start()
            assert self._loop is not None
            return self._loop

    def is_current(self) -> bool:
        """Tell whether the caller runs on this loop's own thread."""
        return self._thread is threading.current_thread() and self._pid == os.getpid()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` on the loop and block until it ends.

        Context variables of the caller are visible to the coroutine. When the wait is interrupted (ctrl-c), the coroutine is
        cancelled and its clean-up code gets up to 10 seconds; a second interrupt gives up waiting for it.

        Raises:
            RuntimeError: when called on the loop's own thread, where waiting would never end.
        """
        if self.is_current():
            coroutine.close()
            raise RuntimeError(
                f"a blocking call was made on the `{self._name}` event loop, where it could never finish\n"
                "hint: inside `async def`, await the `.aio(...)` form instead"
            )
        call = _Call(coroutine, self.get())
        try:
            # An interrupt may come at any point from here on, also before the future is returned: the call knows its own task.
            return wait_blocking(call.loop, call.run())
        except BaseException:
            if not call.ended.is_open:
                call.give_up()
                call.ended.wait(_CLEANUP_SECONDS)
            raise

    async def run_async(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` on the loop and await its end from whichever loop the caller runs on."""
        if self.is_current():
            return await coroutine
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.get()))

    def iterate(self, stream: AsyncIterator[T]) -> Iterator[T]:
        """Yield the items of an async iterator that runs on the loop.

        All steps run in one context (a copy of the caller's), so context variables set by the generator hold between items. When
        the caller leaves it, its clean-up code gets up to 10 seconds.
        """
        context = contextvars.copy_context()
        try:
            while True:
                try:
                    yield context.run(self.run, _next(stream))
                except StopAsyncIteration:
                    return
        finally:
            # What is left over when the interpreter ends is closed with it: a thread for a new loop would never begin to run,
            # and who starts one waits for that.
            if not sys.is_finalizing():
                context.run(self.run, _close(stream))

    async def iterate_async(self, stream: AsyncIterator[T]) -> AsyncIterator[T]:
        """Yield the items of an async iterator that runs on the loop, to a caller on any loop."""
        try:
            while True:
                try:
                    yield await self.run_async(_next(stream))
                except StopAsyncIteration:
                    return
        finally:
            await self.run_async(_close(stream))

    @contextmanager
    def substituted(self, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Generator[None]:
        """Run on a loop of another make for the block; it starts when first needed, and is closed at the end.

        Calls that began before go on where they are. For one thread at a time: blocks nest, they do not overlap.
        """
        with self._lock:
            before = self._loop, self._thread, self._pid, self._new_loop
            self._loop, self._thread, self._new_loop = None, None, new_loop
        try:
            yield
        finally:
            self.close()
            with self._lock:
                self._loop, self._thread, self._pid, self._new_loop = before
                if self._loop is not None:
                    atexit.register(self.close)  # closing has taken the other loop's registration with it

    def close(self) -> None:
        """Cancel what still runs, stop the loop and join its thread, waiting 2 seconds at most."""
        with self._lock:
            loop, thread, pid = self._loop, self._thread, self._pid
            self._loop = self._thread = None
        if loop is None or thread is None or pid != os.getpid() or not thread.is_alive():
            return
        shutdown: Future[None] = asyncio.run_coroutine_threadsafe(_cancel_all(), loop)
        try:
            shutdown.result(_CLOSE_SECONDS)
        except TimeoutError:
            pass  # a task that ignores its cancellation must not keep the interpreter alive
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_CLOSE_SECONDS)
        atexit.unregister(self.close)

    def _start(self) -> None:
        loop = self._new_loop()
        thread = threading.Thread(target=_serve, args=(loop,), name=self._name, daemon=True)
        thread.start()
        self._loop, self._thread, self._pid = loop, thread, os.getpid()
        atexit.register(self.close)


class _Call(Generic[T]):
    """One coroutine that a thread waits for, and the way to cancel it from there."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ended = _Gate()
        self._coroutine = coroutine
        self._task: asyncio.Task[Any] | None = None
        self._is_given_up = False

    async def run(self) -> T:
        self._task = asyncio.current_task()
        try:
            if self._is_given_up:
                self._coroutine.close()
                raise asyncio.CancelledError
            return await self._coroutine
        finally:
            self.ended.open()

    def give_up(self) -> None:
        """Cancel the coroutine, whether it runs, is about to start or was never scheduled."""
        self._is_given_up = True
        self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:
            self.loop.call_later(_START_SECONDS, self._never_started)

    def _never_started(self) -> None:
        if self._task is None:
            self._coroutine.close()
            self.ended.open()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        while True:
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                # Raised by a task, which has ended with it, so that whoever waits for it hears of it. asyncio also lets it out
                # here; were that the end of the loop, all others would wait for ever.
                continue
            return
    finally:
        loop.close()


async def _next(stream: AsyncIterator[T]) -> T:
    return await anext(stream)


async def _close(stream: AsyncIterator[Any]) -> None:
    """Run the clean-up code of a stream. One that does not come to its end in time is cancelled, and nobody waits for it."""
    # One that still runs was given up by a second interrupt: it is cancelled already, and ends by itself.
    close = getattr(stream, "aclose", None)
    if close is None or getattr(stream, "ag_running", False):
        return
    closing = asyncio.ensure_future(close())
    _closing.add(closing)
    closing.add_done_callback(_closing.discard)
    try:
        done, _ = await asyncio.wait({closing}, timeout=_CLEANUP_SECONDS)
    except asyncio.CancelledError:
        closing.cancel()
        await asyncio.wait({closing}, timeout=_CLEANUP_SECONDS)
        raise
    if done:
        closing.result()
        return
    closing.cancel()
    _logger.warning(
        "the clean-up code of `%s` has not ended within %g s, and is cancelled",
        getattr(stream, "__qualname__", type(stream).__name__),
        _CLEANUP_SECONDS,
    )


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
