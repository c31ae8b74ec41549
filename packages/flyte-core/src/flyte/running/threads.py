"""Threads for sync task bodies: one per running body, reused, interrupted when the wait ends, never in the way of an exit."""

import asyncio
import contextvars
import ctypes
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import queue

__all__ = ["ActionAborted", "BodyThreads", "run_on_thread"]

R = TypeVar("R")

_IDLE_SECONDS = 5.0
"""How long an idle thread waits for the next body before it ends."""
_AGAIN_SECONDS = 0.5
"""After how long a body that goes on is interrupted again: it may have caught the first one, and gone on."""
_CLEANUP_SECONDS = 4.0
"""How long a cancelled wait lasts on for the clean-up code; less than the grace of the engine, which waits in its turn."""

_Job = Callable[[], None]


class ActionAborted(BaseException):
    """Raised in a sync body whose action is cancelled, has timed out or is aborted, so that its clean-up code runs."""


class _Body:
    """A sync body on a thread: interrupted from outside, and sure to be over when `finish` returns."""

    __slots__ = ("_is_over", "_lock", "_thread", "was_interrupted")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._is_over = False
        self.was_interrupted = False

    def run(self, context: contextvars.Context, function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        """Run the function and return its result, or what it raised."""
        try:
            with self._lock:
                self._thread = threading.get_ident()
                if self.was_interrupted:
                    return None, ActionAborted("the action ended before this body began")
            result, error = context.run(function), None
        except (StopIteration, GeneratorExit) as stop:
            # A future refuses StopIteration, and a coroutine would turn it into the same RuntimeError. GeneratorExit would end
            # the coroutines that wait for it, as if nobody wanted them any more.
            result, error = None, RuntimeError(f"the task raised {type(stop).__name__}")
            error.__cause__ = stop
        except BaseException as raised:
            result, error = None, raised
        try:
            with self._lock:
                # From here on nobody interrupts the thread, and an interruption before this arrives at the latest now.
                self._is_over = True
        except ActionAborted as late:
            self._is_over = True
            return None, late
        return result, error

    def interrupt(self) -> None:
        """Raise `ActionAborted` in the body as soon as it executes Python code."""
        with self._lock:
            self.was_interrupted = True
            if self._thread is not None and not self._is_over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread), ctypes.py_object(ActionAborted)
                )


class BodyThreads:
    """Runs blocking functions on threads of its own.

    The number of threads is not bounded: a body that waits for its children occupies its thread, so a bound could deadlock. How
    many bodies run at once is the engine's business. The threads are daemons: a body that never ends cannot keep the process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[_Job | None]] = []
        self._count = 0
        self._is_closed = False

    async def run(
        self, leftovers: "list[asyncio.Future[Any]]", function: Callable[..., R], *args: Any, **kwargs: Any
    ) -> R:
        """Run `function` on a thread in a copy of the caller's context, and return its result.

        When the wait is cancelled, the body gets an `ActionAborted` as soon as it executes Python code, and again every half a
        second; it is waited for up to four seconds, unless the wait is cancelled again. A future of its end joins `leftovers`, so
        that no further attempt begins beside it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        ended: asyncio.Future[None] = loop.create_future()
        context = contextvars.copy_context()
        body = _Body()

        def deliver(result: Any, error: BaseException | None) -> None:
            if not ended.done():
                ended.set_result(None)
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        def job() -> None:
            result, error = body.run(context, lambda: function(*args, **kwargs))
            try:
                loop.call_soon_threadsafe(deliver, result, error)
            except RuntimeError:
                pass  # the loop was closed meanwhile: nobody waits for the result

        def interrupt() -> None:
            if not ended.done():
                body.interrupt()
                loop.call_later(_AGAIN_SECONDS, interrupt)

        self._submit(job)
        try:
            return await future
        except asyncio.CancelledError:
            if not ended.done():
                leftovers.append(ended)
                interrupt()
                # Who cancels a parent waits for its children: the clean-up code of this body counts among them.
                await asyncio.wait([ended], timeout=_CLEANUP_SECONDS)
            raise

    def close(self) -> None:
        """End the idle threads; busy ones end with their bodies."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for jobs in idle:
            jobs.put(None)

    def _submit(self, job: _Job) -> None:
        with self._lock:
            if self._idle:
                self._idle.pop().put(job)
                return
            self._count += 1
            number = self._count
        import queue  # noqa: PLC0415 - runs of async tasks alone have no thread

        jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        jobs.put(job)
        threading.Thread(target=self._work, args=(jobs,), name=f"flyte-body-{number}", daemon=True).start()

    def _work(self, jobs: "queue.SimpleQueue[_Job | None]") -> None:
        import queue  # noqa: PLC0415 - as above

        while True:
            try:
                job = jobs.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if jobs not in self._idle:
                        continue  # a job was put in this very moment
                    self._idle.remove(jobs)
                return
            if job is None:
                return
            job()
            del job  # do not keep the body's arguments alive while idle
            with self._lock:
                if self._is_closed:
                    return
                self._idle.append(jobs)


async def run_on_thread(function: Callable[[], R]) -> R:
    """Run a blocking function on a thread of its own and return its result.

    When the wait is cancelled, the body is interrupted and waited for, however long it takes: who aborts the action of a
    container kills its process after a grace period.
    """
    threads = BodyThreads()
    leftovers: list[asyncio.Future[Any]] = []
    try:
        return await threads.run(leftovers, function)
    except asyncio.CancelledError:
        if leftovers:
            await asyncio.wait(leftovers)
        raise
    finally:
        threads.close()
