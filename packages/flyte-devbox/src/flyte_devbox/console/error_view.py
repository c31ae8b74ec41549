"""Errors of actions as pages show them: what happened, the line of the user's code, then the whole traceback. Pure."""

import re
from html import escape

from flyte_models.values import value

__all__ = ["ErrorView", "error_section", "view_of"]

_BEGIN = "Traceback (most recent call last):"
_FRAME = re.compile(r'[ |]*File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<name>.+)')
_FOREIGN = re.compile(r"/(?:site|dist)-packages/|/lib/python3\.\d+/|^<frozen ")
"""Frames of installed packages and of Python itself."""
_BUNDLE = re.compile(r"^.*/code/[0-9a-f]{32}/")
"""Where the devbox unpacks the user's code."""


@value
class ErrorView:
    """What a message of an error says."""

    summary: str
    """What happened, without the traceback."""
    place: str
    """The last line of the user's code, as `file.py:7 in function`; empty if none is known."""
    code: str
    """That line, with the marks that Python puts below it."""
    traceback: str
    """The whole traceback; empty if there is none."""
    frames: int
    """How many frames it has."""


def view_of(message: str) -> ErrorView:
    """Take the message of an error apart."""
    summary, begin, rest = message.partition(_BEGIN)
    if not begin:
        return ErrorView(message.strip("\n"), "", "", "", 0)
    lines = rest.splitlines()
    frames = [(at, found) for at, line in enumerate(lines) if (found := _FRAME.fullmatch(line)) is not None]
    own = [(at, found) for at, found in frames if _FOREIGN.search(found["path"]) is None] or frames
    place = code = ""
    if own:
        at, found = own[-1]
        place = f"{_BUNDLE.sub('', found['path'])}:{found['line']} in {found['name']}"
        code = _code_below(lines, at)
    return ErrorView(summary.strip("\n"), place, code, f"{begin}{rest}".rstrip("\n"), len(frames))


def _code_below(lines: list[str], at: int) -> str:
    """Return the source that stands below the line of a frame, which is indented further than that."""
    deep = len(lines[at]) - len(lines[at].lstrip(" |"))
    code: list[str] = []
    for line in lines[at + 1 :]:
        inner = len(line) - len(line.lstrip(" |"))
        if inner <= deep or _FRAME.fullmatch(line) is not None:
            break
        code.append(line[deep + 2 :])
    return "\n".join(code)


def error_section(title: str, message: str) -> str:
    """Return an error as HTML: the whole traceback is there to be opened."""
    view = view_of(message)
    parts = [f"<h3>{escape(title)}</h3>"]
    if view.summary:
        parts.append(f"<pre>{escape(view.summary)}</pre>")
    if view.place:
        code = f"<pre>{escape(view.code)}</pre>" if view.code else ""
        parts.append(f'<p class="place">{escape(view.place)}</p>{code}')
    if view.traceback:
        many = f" ({view.frames} frames)" if view.frames > 1 else ""
        parts.append(
            f'<details id="traceback"><summary>Traceback{many}</summary><pre>{escape(view.traceback)}</pre></details>'
        )
    return f'<section class="error">{"".join(parts)}</section>'
