"""`flyte run --tui`: a run in this process, carried out by the background loop while the main thread shows it."""

import asyncio
import contextvars
import sys
from collections.abc import Coroutine
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import Any, TextIO

from flyte.running.outputs import LocalRun
from flyte_cli.tui.app import RunsApp
from flyte_cli.tui.command import end_by_sigterm, show
from flyte_cli.tui.held import held_streams
from flyte_cli.tui.run_screen import RunScreen
from flyte_engine.sqlite import SQLiteStore
from flyte_syncify import syncify

__all__ = ["LocalRunApp", "carry_out_shown"]

_CLEANUP_SECONDS = 10.0
"""How long the clean-up code of tasks may take after ctrl-c, as without the interface."""
_SECONDS = 0.5
"""Between two looks at the run."""


class Attempt:
    """A run that goes on in the background loop."""

    def __init__(self, attempt: Coroutine[Any, Any, LocalRun]) -> None:
        """Take what carries the run out; it begins with `begin`, in the context of this call."""
        self._attempt = attempt
        self._context = contextvars.copy_context()
        self._loop = syncify.loop.get()
        self._task: asyncio.Task[Any] | None = None
        self._is_aborted = False
        self.future: Future[LocalRun] | None = None
        """The run, once it has begun and is over."""

    def begin(self) -> "Future[LocalRun]":
        """Begin."""
        self.future = self._context.run(asyncio.run_coroutine_threadsafe, self._carry_out(), self._loop)
        return self.future

    def abort(self) -> None:
        """End the run as ctrl-c does. Repeating it does nothing."""
        if self.future is None:
            self._attempt.close()
        elif not self.future.done() and not self._is_aborted:
            self._is_aborted = True
            self._loop.call_soon_threadsafe(self._cancel)

    async def _carry_out(self) -> LocalRun:
        self._task = asyncio.current_task()
        return await self._attempt

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class LocalRunApp(RunsApp):
    """A run from its beginning on, above all others of the history."""

    def __init__(self, store: SQLiteStore, run_name: str, attempt: Attempt) -> None:
        """Begin the attempt when the interface is there."""
        super().__init__(store, _SECONDS)
        self._attempt = attempt
        self._run_screen = RunScreen(store, run_name, _SECONDS)
        self._streams: tuple[TextIO, TextIO] = sys.stdout, sys.stderr
        self.is_interrupted = False
        """Whether ctrl-c has ended the run."""

    @property
    def is_over(self) -> bool:
        """Whether the run is over."""
        return self._attempt.future is not None and self._attempt.future.done()

    def begin(self) -> None:
        """Show the run, and let it begin."""
        self.push_screen(self._run_screen)
        # textual has put its own there, which would take what tasks print: it is to be recorded, and written afterwards.
        sys.stdout, sys.stderr = self._streams
        loop = asyncio.get_running_loop()
        self._attempt.begin().add_done_callback(lambda _: _tell(loop, self))

    def run_is_over(self) -> None:
        """Say how the run has ended, or leave where there is nothing to look at."""
        future = self._attempt.future
        if self.is_interrupted or future is None or future.cancelled() or future.exception() is not None:
            self.exit()
        else:
            self._run_screen.note(f"{future.result().phase.value}; `q` ends this and prints the result")

    async def action_quit(self) -> None:
        """End, by q, when the run is over: a key that was hit by mistake must not end a run."""
        if self.is_over:
            self.exit()
        else:
            self.notify("the run goes on: ctrl-c ends it", severity="warning")

    def action_interrupt(self) -> None:
        """End the run, and then the interface; the second time only the interface."""
        if self.is_over or self.is_interrupted:
            self.exit()
            return
        self.is_interrupted = True
        self._attempt.abort()
        self.notify("the run is ended: the clean-up code of its tasks runs; ctrl-c does not wait for it")
        self.set_timer(_CLEANUP_SECONDS, self.exit)


def carry_out_shown(attempt: Coroutine[Any, Any, LocalRun], store: SQLiteStore, run_name: str) -> LocalRun:
    """Carry a run out, shown in the text interface until the user leaves it, and return it.

    Raises:
        KeyboardInterrupt: Ctrl-c has ended the run.
        Exception: What `attempt` raises, or what went wrong in the interface; then the run is ended too.
    """
    going = Attempt(attempt)
    with held_streams(f"what was printed before is left out; `flyte get logs {run_name}` shows it"):
        app = LocalRunApp(store, run_name, going)
        try:
            show(app)
        finally:
            going.abort()
            if going.future is not None:
                wait_for([going.future], 0 if app.is_interrupted else _CLEANUP_SECONDS)
    if app.is_terminated:
        end_by_sigterm()
    future = going.future
    if future is None or not future.done() or future.cancelled():
        raise KeyboardInterrupt
    return future.result()


def _tell(loop: asyncio.AbstractEventLoop, app: LocalRunApp) -> None:
    try:
        loop.call_soon_threadsafe(app.run_is_over)
    except RuntimeError:
        pass  # the interface is gone
