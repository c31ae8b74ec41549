"""Sync task bodies under a virtual clock: one thread runs at a time, the loop stands still meanwhile, `time.sleep` is free."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from flyte.running.threads import BodyThreads
from flyte.testing.virtual_time import VirtualLoop
from flyte_syncify.loop import conducted

__all__ = ["ConductedThreads", "patched_sleep"]

PATIENCE_SECONDS = 0.25
"""How long the loop stands still for a thread. One that takes longer, or waits for another thread, runs beside it."""


class _Body:
    """A body on a thread: it runs while the loop stands still, and gives the turn back when it waits or ends."""

    def __init__(self, loop: VirtualLoop, patience: float) -> None:
        self._loop = loop
        self._patience = patience
        self._lock = threading.Lock()
        self._returned = threading.Semaphore(0)
        self._resumed = threading.Semaphore(0)
        self._is_loose = False

    def have_a_turn(self) -> None:
        """Let the body run until it gives the turn back; called in the loop's thread, which waits."""
        if self._returned.acquire(timeout=self._patience):
            return
        with self._lock:
            if not self._returned.acquire(blocking=False):
                self._is_loose = True
                self._loop.held += 1

    def give_turn_back(self) -> None:
        """Let the loop go on; called in the body's thread."""
        with self._lock:
            if not self._is_loose:
                self._returned.release()
                return
            self._is_loose = False
        try:
            self._loop.call_soon_threadsafe(self._tie)
        except RuntimeError:
            pass  # the loop was closed meanwhile

    def wait_for(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the loop and give the turn away until it ends; called in the body's thread."""
        outcome: Future[Any] = Future()

        def begin() -> None:
            asyncio.ensure_future(coroutine, loop=self._loop).add_done_callback(end)

        def end(task: "asyncio.Task[Any]") -> None:
            if task.cancelled():
                outcome.cancel()
            elif (error := task.exception()) is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(task.result())
            self._resumed.release()
            self.have_a_turn()

        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError:
            coroutine.close()  # the loop was closed meanwhile: nobody waits for this body any more
            raise
        self.give_turn_back()
        self._resumed.acquire()
        return outcome.result()

    def _tie(self) -> None:
        self._loop.held -= 1


class _Present(threading.local):
    body: _Body | None = None


_present = _Present()


class ConductedThreads(BodyThreads):
    """Threads for sync bodies that take turns with a `VirtualLoop`; on another loop they are ordinary ones.

    Args:
        patience: Seconds that the loop stands still for a thread, before the two go on side by side.
    """

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        super().__init__()
        self._patience = patience

    async def run(
        self, leftovers: "list[asyncio.Future[Any]]", function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Run `function` on a thread; see `BodyThreads.run`."""
        token = conducted.set(_conduct)
        try:
            return await super().run(leftovers, function, *args, **kwargs)
        finally:
            conducted.reset(token)

    def _submit(self, job: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            super()._submit(job)
            return
        body = _Body(loop, self._patience)

        def take_part() -> None:
            _present.body = body
            try:
                job()
            finally:
                _present.body = None
                body.give_turn_back()

        super()._submit(take_part)
        body.have_a_turn()


def _conduct(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    body = _present.body
    if body is None:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
    return body.wait_for(coroutine)


@contextmanager
def patched_sleep() -> Generator[None]:
    """Let `time.sleep` take virtual time in task bodies, within the block; elsewhere it sleeps as ever."""
    usual = time.sleep

    def sleep(seconds: float) -> None:
        if _present.body is not None:
            _present.body.wait_for(asyncio.sleep(seconds))
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if isinstance(loop, VirtualLoop):
            loop.pass_time(seconds)  # an async body that blocks its loop: nothing else happens meanwhile
        else:
            usual(seconds)

    time.sleep = sleep
    try:
        yield
    finally:
        time.sleep = usual
