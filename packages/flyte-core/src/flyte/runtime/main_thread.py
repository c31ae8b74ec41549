"""An action whose sync body runs in the main thread, where a signal interrupts also what waits in C: a sleep, a read, a process.

The event loop has the main thread until a sync body is to run. Then it goes on in a thread of its own, so that calls of children
are answered, and comes back when the body is over. Async bodies never leave the main thread.
"""

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import FrameType
from typing import Any, TypeVar

from flyte.running.threads import ActionAborted, run_on_thread

__all__ = ["MainThread"]

R = TypeVar("R")


def _ending() -> list[signal.Signals]:
    """Give the signals that end an action: a Ctrl-C that is ignored stays so."""
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return [signal.SIGTERM, signal.SIGINT] if is_default else [signal.SIGTERM]


class _Body:
    """A sync body in the main thread: interrupted once, so that its clean-up code is left alone."""

    def __init__(self, function: Callable[[], Any], ended: asyncio.Future[None]) -> None:
        self._function = function
        self._context = contextvars.copy_context()
        self._is_inside = False
        self._is_unwanted = False
        self._signals: Sequence[signal.Signals] = ()
        self.ended = ended
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, signals: Sequence[signal.Signals]) -> None:
        """Run in the main thread, whatever comes of it; each of the signals interrupts it."""
        self._signals = signals
        before = {number: signal.signal(number, self._interrupt) for number in signals}
        try:
            self._is_inside = True
            if self._is_unwanted:
                raise ActionAborted("the action ended before this body began")
            self.result = self._context.run(self._function)
        except BaseException as error:
            self.error = error
        finally:
            self._is_inside = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def end(self) -> None:
        """Tell in the loop that it is over."""
        if not self.ended.done():
            self.ended.set_result(None)

    def wake(self) -> None:
        """Interrupt it, unless a signal has done so: another thread may have got that. A handler of the body's is let be."""
        self._is_unwanted = True
        if self._is_inside and signal.getsignal(self._signals[0]) == self._interrupt:
            signal.pthread_kill(threading.main_thread().ident or 0, self._signals[0])

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        if self._is_inside:
            self._is_inside = False
            raise ActionAborted(f"the action was ended by {signal.Signals(number).name}")


class MainThread:
    """Runs a coroutine to its end in the main thread, and for it sync bodies there.

    Args:
        own_signal: What interrupts a body whose wait is cancelled, where the process is not one action's: no signal cancels the
            coroutine then. Without one, SIGTERM and SIGINT do both.
    """

    def __init__(self, own_signal: signal.Signals | None = None) -> None:
        self._body: _Body | None = None
        self._own_signal = own_signal
        self._ending = _ending() if own_signal is None else []
        self._signals = self._ending if own_signal is None else [own_signal]

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Run the coroutine; a signal that ends the action cancels it, once.

        Raises:
            asyncio.CancelledError: it was cancelled.
        """
        if self._own_signal is not None:
            # It may come when the body it is for is just over.
            signal.signal(self._own_signal, _let_be)
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            task = loop.create_task(work)
            task.add_done_callback(lambda _: loop.stop())
            for number in self._ending:
                loop.add_signal_handler(number, _cancel_once, task)
            while not task.done():
                loop.run_forever()
                if self._body is not None and not task.done():
                    self._serve(loop, self._body)
            return task.result()

    async def run_body(self, function: Callable[[], R]) -> R:
        """Run a blocking function in the main thread, or in one of its own while another one is there; return its result.

        When the wait is cancelled it lasts on until the body is over.
        """
        if self._body is not None:
            return await run_on_thread(function)
        loop = asyncio.get_running_loop()
        body = self._body = _Body(function, loop.create_future())
        loop.stop()
        try:
            # Other than awaiting it, this does not cancel the future.
            await asyncio.wait([body.ended])
        except asyncio.CancelledError:
            body.wake()
            await asyncio.wait([body.ended])
            raise
        finally:
            self._body = None
        if isinstance(body.error, ActionAborted):
            raise asyncio.CancelledError
        if isinstance(body.error, (StopIteration, GeneratorExit)):
            # Neither can be raised in a coroutine as what it is.
            raise RuntimeError(f"the task raised {type(body.error).__name__}") from body.error  # noqa: TRY004 - no wrong type
        if body.error is not None:
            raise body.error
        return body.result

    def _serve(self, loop: asyncio.AbstractEventLoop, body: _Body) -> None:
        is_over = threading.Event()
        thread = threading.Thread(target=_run_elsewhere, args=(loop, is_over), name="flyte-action-loop")
        thread.start()
        try:
            # It may have loops of its own, but not this one.
            asyncio.set_event_loop(None)
            body.run(self._signals)
        finally:
            asyncio.set_event_loop(loop)
            is_over.set()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            body.end()


def _run_elsewhere(loop: asyncio.AbstractEventLoop, is_over: threading.Event) -> None:
    while True:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt):
            # Of a task, which has it as its outcome. A body that still runs needs the loop all the same; after its end the loop
            # may have been told to stop in the same turn, which it has forgotten.
            if not is_over.is_set():
                continue
        return


def _let_be(_number: int, _frame: FrameType | None) -> None:
    pass


def _cancel_once(task: asyncio.Task[Any]) -> None:
    if not task.cancelling():
        task.cancel()
