"""What the screens with rows have in common: a heading, the rows, a filter, and the reading that fills them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar, cast

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from flyte_cli.failures import render_failure
from flyte_cli.tui.row_list import RowList
from flyte_engine.store import ActionStore

__all__ = ["STYLES", "Listing", "app_of", "described"]

STYLES = {
    "failed": "red",
    "timed_out": "red",
    "aborted": "yellow",
    "paused": "magenta",
    "succeeded": "green",
    "running": "cyan",
}
"""Colours of phases."""


def app_of(screen: Screen[None]) -> App[None]:
    """Return the app that shows a screen."""
    return cast("App[None]", screen.app)  # pyright: ignore[reportUnknownMemberType]  # textual leaves its parameter open


def described(error: Exception) -> str:
    """Return what the command line would say of an error."""
    return render_failure(error, verbose=False, colour=False)[0].rstrip().removeprefix("error: ")


class Listing(Screen[None]):
    """Rows with a filter, read as long as the screen is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter"),
        Binding("r", "read", "Refresh"),
        Binding("escape", "back", "Back"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, store: ActionStore, seconds: float) -> None:
        """Read `store`, again every so many seconds."""
        super().__init__()
        self.store = store
        self.seconds = seconds
        self.wanted = ""

    def compose(self) -> ComposeResult:
        """Make what is on the screen."""
        yield Static("", id="heading", markup=False)
        yield RowList(self.draw, id="rows")
        filter_line = Input(placeholder="filter", id="filter")
        filter_line.display = False
        yield filter_line
        yield Footer()

    def on_mount(self) -> None:
        """Begin to read."""
        self.query_one(RowList).focus()
        # What goes on takes longer and longer, also while nothing changes.
        self.set_interval(1.0, self.query_one(RowList).refresh)
        self.action_read()

    @work(exclusive=True)
    async def action_read(self) -> None:
        """Read from the beginning, and again as long as that fails. Ends with the screen."""
        while True:
            try:
                async for found in self.looks():
                    await self.take(found)
            except Exception as error:
                self.head(f"cannot be read, trying again: {described(error).split(chr(10), 1)[0]}")
                await asyncio.sleep(max(self.seconds, 1.0))
            else:
                return

    def head(self, text: str) -> None:
        """Write the heading."""
        self.query_one("#heading", Static).update(Text(text))

    def looks(self) -> AsyncIterator[Any]:
        """Yield what is read."""
        raise NotImplementedError

    async def take(self, found: Any) -> None:
        """Show what was read."""
        raise NotImplementedError

    def draw(self, index: int) -> tuple[str, str]:
        """Return a row as text and style."""
        raise NotImplementedError

    def show_again(self) -> None:
        """Choose the rows by the filter."""
        raise NotImplementedError

    def action_filter(self) -> None:
        """Go to the filter."""
        line = self.query_one("#filter", Input)
        line.display = True
        line.focus()

    def action_back(self) -> None:
        """Take the filter away, or leave the screen."""
        line = self.query_one("#filter", Input)
        if line.display or self.wanted:
            line.value = ""
            line.display = False
            self.wanted = ""
            self.query_one(RowList).focus()
            self.show_again()
        else:
            self.leave()

    def leave(self) -> None:
        """Go back to the screen behind."""
        self.dismiss()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter by what is typed."""
        if event.input.id == "filter":
            self.wanted = event.value
            self.show_again()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go from the filter to the rows."""
        if event.input.id == "filter":
            self.query_one(RowList).focus()
