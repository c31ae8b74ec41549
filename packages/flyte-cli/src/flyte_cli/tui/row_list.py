"""A list of rows of which only those on the screen are drawn, so that there may be any number of them."""

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

__all__ = ["RowList"]


class RowList(ScrollView, can_focus=True):
    """Rows of text with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move_page(-1)", "Page up", show=False),
        Binding("pagedown", "move_page(1)", "Page down", show=False),
        Binding("home", "move(-1000000000)", "First", show=False),
        Binding("end", "move(1000000000)", "Last", show=False),
        Binding("enter", "select", "Open"),
    ]

    class Selected(Message):
        """Enter was pressed on a row."""

        def __init__(self, index: int) -> None:
            """Name the row."""
            super().__init__()
            self.index = index

    def __init__(self, draw: Callable[[int], tuple[str, str]], *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Draw a row by its index as (text, style); there are none yet."""
        super().__init__(id=id)
        self._draw = draw
        self._count = 0
        self.cursor = 0

    def show_rows(self, count: int, cursor: int | None = None) -> None:
        """Show that many rows from now on, with the cursor on one of them."""
        self._count = count
        self.virtual_size = Size(self.size.width, count)
        self._move_to(self.cursor if cursor is None else cursor)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a line of the screen."""
        index = y + self.scroll_offset.y
        width = self.size.width
        if index >= self._count:
            return Strip.blank(width)
        text, style = self._draw(index)
        drawn = Style.parse(style) + Style(reverse=index == self.cursor)
        return Strip([Segment(text, drawn)]).adjust_cell_length(width, drawn)

    def action_move(self, step: int) -> None:
        """Move the cursor by a number of rows."""
        self._move_to(self.cursor + step)

    def action_move_page(self, pages: int) -> None:
        """Move the cursor by what fits on the screen."""
        self._move_to(self.cursor + pages * max(self.size.height - 1, 1))

    def action_select(self) -> None:
        """Open the row under the cursor."""
        if self._count:
            self.post_message(self.Selected(self.cursor))

    def _move_to(self, index: int) -> None:
        self.cursor = min(max(index, 0), max(self._count - 1, 0))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)
        self.refresh()
