"""The text interface as an app of textual, and how it ends: by a key, a signal, or an error of its own."""

import asyncio
import signal
import threading
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from flyte_cli.tui.runs_screen import RunsScreen
from flyte_engine.store import ActionStore

__all__ = ["RunsApp"]


class RunsApp(App[None]):
    """The runs of a store, live, until q."""

    TITLE = "flyte"
    CSS = (
        "RowList { height: 1fr; } #heading { background: $primary; color: $text; }"
        " #question { background: $warning; color: $text; }"
    )
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "interrupt", show=False, priority=True)]

    def __init__(
        self, store: ActionStore, seconds: float = 1.0, *, project: str | None = None, domain: str | None = None
    ) -> None:
        """Show the runs of a store, or of one project and domain, read anew every so many seconds."""
        super().__init__()
        self._project, self._domain = project, domain
        self.store = store
        self.seconds = seconds
        self.failure: Exception | None = None
        """What went wrong in the interface itself, and ended it."""
        self.is_terminated = False
        """Whether SIGTERM has ended it."""

    def on_mount(self) -> None:
        """Begin with the runs."""
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, self.action_interrupt)
            loop.add_signal_handler(signal.SIGTERM, self._terminate)
        self.push_screen(RunsScreen(self.store, self.seconds, self._project, self._domain))
        self.begin()

    def begin(self) -> None:
        """Do what else there is to do when the interface is there; textual calls `on_mount` of every class by itself."""

    def action_interrupt(self) -> None:
        """End, by ctrl-c."""
        self.exit()

    def _terminate(self) -> None:
        self.is_terminated = True
        self.action_interrupt()

    def _handle_exception(self, error: Exception) -> None:
        # textual would print its own traceback; the command line has one place that turns errors into text.
        self.failure = self.failure or error
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.exit(return_code=1)
