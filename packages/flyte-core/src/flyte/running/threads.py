"""Threads for sync task bodies: one per running body, idle ones reused, never in the way of the interpreter's exit."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import queue

R = TypeVar("R")

_IDLE_SECONDS = 5.0
"""How long an idle thread waits for the next body before it ends."""

_Job = Callable[[], None]


class BodyThreads:
    """Runs blocking functions on threads of its own.

    The number of threads is not bounded: a body that waits for its children occupies its thread, so a bound could deadlock. How
    many bodies run at once is the engine's business. The threads are daemons: a body that never ends cannot keep the process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[_Job | None]] = []
        self._count = 0

    async def run(
        self, leftovers: "list[asyncio.Future[Any]]", function: Callable[..., R], *args: Any, **kwargs: Any
    ) -> R:
        """Run `function` on a thread in a copy of the caller's context, and return its result.

        When the wait is cancelled the thread goes on, since Python cannot stop it; its result is dropped, and a future of its
        end joins `leftovers`, so that no further attempt begins beside it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        ended: asyncio.Future[None] = loop.create_future()
        context = contextvars.copy_context()

        def deliver(result: R | None, error: BaseException | None) -> None:
            if not ended.done():
                ended.set_result(None)
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def job() -> None:
            try:
                result, error = context.run(function, *args, **kwargs), None
            except StopIteration as stop:
                # A future refuses StopIteration, and a coroutine would turn it into the same RuntimeError.
                result, error = None, RuntimeError("the task raised StopIteration")
                error.__cause__ = stop
            except BaseException as raised:
                result, error = None, raised
            try:
                loop.call_soon_threadsafe(deliver, result, error)
            except RuntimeError:
                pass  # the loop was closed meanwhile: nobody waits for the result

        self._submit(job)
        try:
            return await future
        except asyncio.CancelledError:
            if not ended.done():
                leftovers.append(ended)
            raise

    def close(self) -> None:
        """End the idle threads; busy ones end with their bodies."""
        with self._lock:
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
                self._idle.append(jobs)
