"""How what a command found is printed: as a table for people, or as JSON or YAML for programs."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from flyte_cli import times
from flyte_cli.app import OutputFormat, RootOptions
from flyte_cli.help_pages import wants_colour

_PHASE_STYLES = {
    "succeeded": "\x1b[32m",
    "recovered": "\x1b[32m",
    "failed": "\x1b[31m",
    "timed_out": "\x1b[31m",
    "aborted": "\x1b[33m",
    "paused": "\x1b[33m",
    "running": "\x1b[36m",
}
_BOLD = "\x1b[1m"
_RESET = "\x1b[0m"


Item = TypeVar("Item")


class Layout:
    """What a table looks like: for people, with times as they speak of them; or plain, with nothing left out."""

    def __init__(self, *, exact: bool, colour: bool, width: int | None, now: float) -> None:
        """Set the layout.

        Args:
            exact: Write times in full, as ISO 8601, and durations in seconds.
            colour: Use colours.
            width: Columns that a row may have; None: as many as it needs.
            now: Unix seconds, to which times are told relative.
        """
        self.exact = exact
        self.colour = colour
        self.width = width
        self.now = now

    def time(self, seconds: float | None) -> str:
        """Return a point in time; nothing for None."""
        if seconds is None:
            return ""
        return times.iso(seconds) if self.exact else times.ago(seconds, self.now)

    def took(self, start: float | None, end: float | None) -> str:
        """Return how long something took, or has taken so far with a `+`."""
        if start is None:
            return ""
        seconds = (self.now if end is None else end) - start
        if self.exact:
            return f"{seconds:.3f}" if end is not None else ""
        return times.duration(seconds) + ("" if end is not None else "+")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """Return aligned columns; on a terminal a row that is too long is cut."""
        cells = [[_one_line(cell) for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in (headings, *cells)) for i in range(len(headings))]
        lines = [self._line(headings, headings, widths, _BOLD)]
        lines += [self._line(row, headings, widths) for row in cells]
        return "\n".join(lines)

    def fields(self, pairs: Sequence[tuple[str, str]]) -> str:
        """Return names and values below each other; what has no value is left out."""
        width = max((len(name) for name, value in pairs if value), default=0)
        lines: list[str] = []
        for name, value in pairs:
            if value:
                first, *rest = value.split("\n")
                shown = self._paint(first, _PHASE_STYLES.get(first, "")) if name == "phase" else first
                lines.append(f"{name.ljust(max(width, 8))}  {shown}")
                lines += [f"{'':{max(width, 8)}}  {line}" for line in rest]
        return "\n".join(lines)

    def _line(self, cells: Sequence[str], headings: Sequence[str], widths: Sequence[int], style: str = "") -> str:
        room = self.width
        parts: list[str] = []
        for cell, heading, width in zip(cells, headings, widths, strict=True):
            text = cell.ljust(width)
            if room is not None:
                text = _cut(text, room)
                room = max(room - width - 2, 0)
            if heading == "PHASE" and not style:
                parts.append(self._paint(text, _PHASE_STYLES.get(cell.partition(",")[0], "")))
            else:
                parts.append(self._paint(text, style))
        return "  ".join(parts).rstrip()

    def _paint(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self.colour and style and text else text


def show(record: Callable[[], Any], text: Callable[[Layout], str], *, none: str | None = None) -> None:
    """Print what was found in the format that was asked for.

    Args:
        record: Makes plain data of it, for programs.
        text: Makes text of it, for people.
        none: Nothing was found: people are told so, and what to do next, on standard error.
    """
    wanted = output_format()
    if none is not None and wanted in {"table", "table-simple"}:
        from flyte_cli.places import placed  # noqa: PLC0415 - for who finds nothing

        click.echo(placed(none), err=True)
        return
    if wanted in {"table", "table-simple"}:
        click.echo(text(_layout(wanted)), color=True)
        return
    click.echo(dump(record(), wanted))


def show_list(
    found: Sequence[Item],
    record: Callable[[Item], Any],
    headings: Sequence[str],
    row: Callable[[Item, Layout], Sequence[str]],
    *,
    none: str,
) -> None:
    """Print a list: one row each for people, who are told on standard error when there is nothing; plain data for programs.

    Args:
        found: What was found.
        record: Makes plain data of one.
        headings: Of the columns.
        row: Makes the cells of one.
        none: Says that there is nothing, and what to do next.
    """
    show(
        lambda: [record(each) for each in found],
        lambda layout: layout.table(headings, [row(each, layout) for each in found]),
        none=None if found else none,
    )


def dump(data: Any, wanted: OutputFormat) -> str:
    """Return plain data as JSON (`json` over lines, `json-raw` on one) or YAML."""
    if wanted == "yaml":
        import yaml  # noqa: PLC0415 - slow to import, and rarely asked for

        return yaml.safe_dump(_plain(data), sort_keys=False, allow_unicode=True).rstrip("\n")
    import json  # noqa: PLC0415 - tables do without it

    if wanted == "json-raw":
        return json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":"))
    return json.dumps(_plain(data), ensure_ascii=False, indent=2)


def output_format() -> OutputFormat:
    """Return the format that was asked for, before or behind the command."""
    return click.get_current_context().find_root().ensure_object(RootOptions).output_format


def _layout(wanted: OutputFormat) -> Layout:
    if wanted == "table-simple":
        return Layout(exact=True, colour=False, width=None, now=time.time())
    width = None
    if sys.stdout.isatty():
        import shutil  # noqa: PLC0415 - a terminal alone has a width

        width = shutil.get_terminal_size().columns
    return Layout(exact=False, colour=wants_colour(sys.stdout), width=width, now=time.time())


def _plain(data: Any) -> Any:
    """Make what JSON and YAML know of paths, bytes, numbers that JSON lacks and other leaves."""
    if isinstance(data, Mapping):
        return {str(name): _plain(item) for name, item in data.items()}  # type: ignore[reportUnknownVariableType]
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]  # type: ignore[reportUnknownVariableType]
    if isinstance(data, bytes):
        return data.decode("ascii", "replace")
    if isinstance(data, float) and (data != data or data in {float("inf"), float("-inf")}):  # noqa: PLR0124 - NaN
        return str(data)
    return data if data is None or isinstance(data, bool | int | float | str) else str(data)


_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")


def _one_line(text: str) -> str:
    # What moves the cursor or changes colours may stand in any name or message, and would spoil the rows below.
    return text.translate(_CONTROLS)


def _cut(text: str, room: int) -> str:
    if len(text.rstrip()) <= room:
        return text[:room] if len(text) > room else text
    return f"{text[: room - 1]}…" if room > 1 else ""
