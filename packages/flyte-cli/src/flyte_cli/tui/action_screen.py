"""The screen of an action: what is recorded of it."""

from itertools import islice
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from flyte_cli.history import explained, remote_of
from flyte_cli.tui.details import details
from flyte_cli.tui.listing import described
from flyte_cli.tui.looking import apart
from flyte_engine.records import ActionRecord, LogRecord
from flyte_engine.store import ActionStore

__all__ = ["ActionScreen"]

_MOST_LINES = 1000
"""Lines of a log that are shown."""


class ActionScreen(Screen[None]):
    """What is recorded of an action."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back"),
        Binding("r", "read", "Refresh"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, store: ActionStore, action: ActionRecord) -> None:
        """Show an action."""
        super().__init__()
        self._store = store
        self._action = action
        self.text = ""

    def compose(self) -> ComposeResult:
        """Make what is on the screen."""
        with VerticalScroll():
            yield Static("reading …", id="details", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to read."""
        self.query_one(VerticalScroll).focus()
        self.action_read()

    @work(exclusive=True)
    async def action_read(self) -> None:
        """Read what is recorded."""
        try:
            self.text = await apart(_described_action, self._store, self._action)
        except Exception as error:
            self.text = f"cannot be read: {described(error)}"
        self.query_one("#details", Static).update(Text(self.text))


def _described_action(store: ActionStore, action: ActionRecord) -> str:
    run_name, name = action.run_name, action.name
    action = explained(store, store.action(run_name, name) or action)
    lines: list[LogRecord] | None = None
    if remote_of(store) is None:
        lines = [line for _, line in store.logs(run_name, name, limit=_MOST_LINES)]
    elif action.phase.is_terminal:
        # A control plane's log is given line by line, and waits while the action goes on: it is read when that is over.
        fresh = type(store)()  # it remembers which lines it has given
        pages = iter(lambda: fresh.logs(run_name, name), [])
        lines = [page[0][1] for page in islice(pages, _MOST_LINES)]
    is_whole = lines is None or len(lines) < _MOST_LINES
    return details(
        action,
        store.attempts(run_name, name),
        store.inputs(run_name, name),
        store.outputs(run_name, name),
        lines,
        "" if is_whole else f"`flyte get logs {run_name} {name}` shows what comes after these {_MOST_LINES} lines",
    )
