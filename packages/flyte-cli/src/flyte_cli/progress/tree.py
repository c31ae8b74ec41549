"""The live tree, drawn with rich. Imported only while a run that takes a while is shown on a terminal."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

_MARKS = {"done": ("✓", "green"), "failed": ("✗", "red"), "running": ("●", "cyan"), "waiting": ("○", "dim")}


class LiveTree:
    """Shows rows of (depth, label, words, seconds, state), replacing what it showed before."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on `stream`, a terminal."""
        # Streams are left alone: `LinesAbove` brings their lines here.
        self._live = Live(
            console=Console(file=stream),
            refresh_per_second=10,
            vertical_overflow="ellipsis",
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        """Start to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last picture on the terminal."""
        self._live.stop()

    def print_above(self, line: str) -> None:
        """Print a line, with its colours, above the picture."""
        self._live.console.print(Text.from_ansi(line), soft_wrap=True)

    def show(self, rows: Sequence[tuple[int, str, str, float, str]]) -> None:
        """Show these rows from now on."""
        table = Table.grid(padding=(0, 2))
        for depth, label, words, seconds, state in rows:
            mark, style = _MARKS[state]
            name = Text("  " * depth).append(f"{mark} ", style=style).append(label, style="bold" if depth == 0 else "")
            table.add_row(name, Text(words, style=style), Text(f"{seconds:.1f}s", style="dim"))
        self._live.update(table)
