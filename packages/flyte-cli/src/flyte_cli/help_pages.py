"""How help pages look: headings, two columns, colours only on a terminal. Uses neither click nor rich."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

PAGES = "pages.txt"
"""File beside this one: the pages of the commands, a line for each part of a page, its kind before the first tab.

`page` (words of the command), `usage` (what follows them), `text` (a paragraph), `more` (one without a gap before it), `section`
(its heading) and `row` (name, tab, description).
"""

_HEADING = "\x1b[1;33m"
_NAME = "\x1b[36m"
_CODE = "\x1b[1m"
_RESET = "\x1b[0m"

_WIDEST = 100


def wants_colour(stream: "TextIO") -> bool:
    """Tell whether `stream` is a terminal whose user did not ask for plain text (`NO_COLOR`, `TERM=dumb`)."""
    return "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb" and stream.isatty()


def page_width() -> int:
    """Return the number of columns that a page may use: `COLUMNS`, or those of the terminal, or 80; 100 at most."""
    # As `shutil.get_terminal_size`, whose module loads five compression libraries.
    told = os.environ.get("COLUMNS", "")
    columns = int(told) if told.isdecimal() else 0
    if columns <= 0 and sys.__stdout__ is not None:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns
        except (OSError, ValueError):
            columns = 0
    return min(columns or 80, _WIDEST)


def heading(text: str, *, colour: bool) -> str:
    """Return the heading of a section."""
    return f"{_HEADING}{text}{_RESET}" if colour else text


def name(text: str, *, colour: bool) -> str:
    """Return the name of a command or an option."""
    return f"{_NAME}{text}{_RESET}" if colour else text


def code(text: str, *, colour: bool) -> str:
    """Return a literal, such as a command line."""
    return f"{_CODE}{text}{_RESET}" if colour else text


def usage(command: str, *, colour: bool) -> str:
    """Return the line that shows how a command is called."""
    return f"{heading('Usage:', colour=colour)} {code(command, colour=colour)}"


def wrap(text: str, width: int) -> list[str]:
    """Break `text` into lines of at most `width` columns, at spaces."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines or [""]


def rows(entries: list[tuple[str, str]], *, colour: bool, width: int, first: int = 0) -> list[str]:
    """Return two columns: names, and their descriptions wrapped beside them.

    Args:
        entries: Name and description of each row.
        colour: Whether to use colours.
        width: Columns of the page.
        first: Columns of the names, where several tables shall align; default: as wide as needed, 30 at most.
    """
    first = first or min(max((len(left) for left, _ in entries), default=0), 30)
    lines: list[str] = []
    for left, right in entries:
        described = wrap(right, max(width - first - 4, 20))
        label = f"  {name(left, colour=colour)}"
        if len(left) > first:
            lines.append(label)
        else:
            lines.append(f"{label}{' ' * (first - len(left))}  {described[0]}".rstrip())
            described = described[1:]
        lines.extend(" " * (first + 4) + text for text in described if text)
    return lines


def root_page(*, colour: bool, width: int) -> str:
    """Return the page of `flyte --help`."""
    # Only this page needs the table.
    from flyte_cli.commands import COMMANDS, EPILOG, OPTIONS, SUMMARY  # noqa: PLC0415

    lines = [
        usage("flyte [OPTIONS] COMMAND [ARGS]...", colour=colour),
        "",
        SUMMARY,
    ]
    first = max(len(left) for left, _ in OPTIONS)
    sections: dict[str, list[tuple[str, str]]] = {}
    for section, command, described, _ in COMMANDS:
        sections.setdefault(section, []).append((command, described))
    if has_plugins():
        from flyte_cli import plugins  # noqa: PLC0415 - most machines have none

        if more := plugins.names_in(None):
            sections["Plugins"] = [(name, plugins.summary(name)) for name in sorted(more)]
    sections["Options"] = list(OPTIONS)
    for section, entries in sections.items():
        lines += ["", heading(f"{section}:", colour=colour), *rows(entries, colour=colour, width=width, first=first)]
    return "\n".join([*lines, "", *wrap(EPILOG, width)]) + "\n"


def stored_page(words: "Sequence[str]", *, colour: bool, width: int) -> str | None:
    """Return the page of `flyte WORDS --help` as `pages.txt` has it; None for a command that is not there.

    `page_writer` has written that file from the commands themselves: loading those takes several times as long.
    """
    folder = __file__.rpartition(os.sep)[0]
    try:
        with open(f"{folder}/{PAGES}", encoding="utf-8") as file:  # noqa: PTH123 - loads nothing
            text = file.read().rstrip("\n")
    except OSError:
        # Of an archive, or left out by who packed it: the commands draw their pages themselves.
        return None
    _, found, rest = text.partition(f"\npage\t{' '.join(words)}\n")
    if not found:
        return None
    lines: list[str] = []
    pairs: list[tuple[str, str]] = []
    for line in rest.partition("\n\npage\t")[0].split("\n"):
        kind, _, payload = line.partition("\t")
        if kind == "row":
            left, _, right = payload.partition("\t")
            pairs.append((left, right))
            continue
        lines += rows(pairs, colour=colour, width=width)
        pairs = []
        if kind == "usage":
            lines.append(usage(f"flyte {' '.join(words)} {payload}", colour=colour))
        elif kind == "section":
            lines += ["", heading(f"{payload}:", colour=colour)]
        elif kind == "text":
            lines += ["", *wrap(payload, width)]
        else:
            lines += wrap(payload, width)
    return "\n".join([*lines, *rows(pairs, colour=colour, width=width)]) + "\n"


def has_plugins() -> bool:
    """Tell whether an installed distribution may add or wrap commands, without what reads which."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - loads nothing
        except OSError:
            continue
        for each in names:
            if each.endswith((".dist-info", ".egg-info")) and _names_commands(
                f"{folder or '.'}/{each}/entry_points.txt"
            ):
                return True
    return False


def _names_commands(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return b"[flyte.plugins.cli." in file.read()
    except OSError:
        return False


def print_page(words: "Sequence[str]") -> bool:
    """Write the page of a command to standard output, if it is stored and no plugin may have changed it."""
    page = stored_page(words, colour=wants_colour(sys.stdout), width=page_width())
    if page is None or has_plugins():
        return False
    write_page(page)
    return True


def print_root_page() -> None:
    """Write the root page to standard output."""
    write_page(root_page(colour=wants_colour(sys.stdout), width=page_width()))


def write_page(page: str) -> None:
    """Write a page to standard output; who reads it may have enough before its end."""
    try:
        sys.stdout.write(page)
        sys.stdout.flush()
    except OSError as error:
        forget(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"error: standard output cannot be written: {error.strerror}\n")
            sys.exit(4)  # `exit_codes.CONFIGURATION`, which is not loaded


def forget(stream: "TextIO") -> None:
    """Let what is still in the buffer of a stream that cannot be written go: it must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
