"""Reading docstrings: the summary, the description, and what is said of each parameter, in Google, NumPy and reST style."""

import re
from collections.abc import Callable
from inspect import cleandoc
from itertools import pairwise
from typing import Any, NamedTuple

__all__ = ["Docstring"]


class Docstring:
    r"""A parsed docstring. It is parsed when something is first asked of it; text of no known style is all description.

    ```python
    from flyte_models.docstrings import Docstring

    doc = Docstring("Count words.\n\nArgs:\n    path: the file to read")
    assert doc.short_description == "Count words."
    assert doc.input_descriptions == {"path": "the file to read"}
    ```
    """

    __slots__ = ("_parsed", "_text")

    def __init__(self, docstring: str | None = None, callable_: Callable[..., Any] | None = None) -> None:
        """Take a text, or else the docstring of a callable."""
        if docstring is None and callable_ is not None:
            docstring = callable_.__doc__
        self._text = docstring
        self._parsed: _Parsed | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Docstring) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"Docstring({self._text!r})"

    @property
    def short_description(self) -> str | None:
        """The first line."""
        return self._parse().short

    @property
    def long_description(self) -> str | None:
        """The text between the first line and the sections, its line breaks kept."""
        return self._parse().long

    @property
    def input_descriptions(self) -> dict[str, str | None]:
        """What is said of each parameter, by name."""
        return self._parse().inputs

    @property
    def output_descriptions(self) -> dict[str, str | None]:
        """What is said of each named output; only NumPy's style names them."""
        return self._parse().outputs

    def _parse(self) -> "_Parsed":
        if self._parsed is None:
            self._parsed = _parse(cleandoc(self._text or ""))
        return self._parsed


class _Parsed(NamedTuple):
    short: str | None
    long: str | None
    inputs: dict[str, str | None]
    outputs: dict[str, str | None]


_PARAMETERS = frozenset({"args", "arguments", "parameters", "params", "attributes", "other parameters", "keyword args"})
_RETURNS = frozenset({"returns", "return", "yields"})
_OTHERS = frozenset(
    {"raises", "except", "exceptions", "example", "examples", "warns", "see also", "notes", "references"}
)
_GOOGLE = frozenset(_PARAMETERS | _RETURNS | (_OTHERS - {"see also", "notes", "references"}))
_NUMPY = frozenset(_PARAMETERS | _RETURNS | _OTHERS)

# Patterns are compiled when first used: most programs import this module and parse nothing.
_GOOGLE_HEADER = r"([A-Z][A-Za-z ]*):\s*$"
_GOOGLE_ENTRY = r"(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:(?:\s+|$)(.*)"
_UNDERLINE = r"-{3,}\s*$"
_REST_FIELD = r"[:@](param|parameter|arg|argument|key|keyword|type|rtype|returns?|raises?|yields?)\b([^:]*):\s?(.*)"
_REST_PARAMETERS = frozenset({"param", "parameter", "arg", "argument", "key", "keyword"})


def _parse(text: str) -> _Parsed:
    lines = text.splitlines()
    for read in (_read_rest, _read_numpy, _read_google):
        parsed = read(lines)
        if parsed is not None:
            return parsed
    return _Parsed(*_describe(lines), {}, {})


def _describe(lines: list[str]) -> tuple[str | None, str | None]:
    text = "\n".join(lines).strip()
    short, _, long = text.partition("\n")
    return short.strip() or None, long.strip("\n").rstrip() or None


def _read_rest(lines: list[str]) -> _Parsed | None:
    starts = [index for index, line in enumerate(lines) if re.match(_REST_FIELD, line)]
    if not starts:
        return None
    inputs: dict[str, str | None] = {}
    for start, end in _spans(starts, len(lines)):
        field = re.match(_REST_FIELD, lines[start])
        if field is None or field[1] not in _REST_PARAMETERS or not field[2].split():
            continue
        # The name comes last: `:param int count: ...` gives the type too.
        inputs[field[2].split()[-1]] = _join(field[3], lines[start + 1 : end])
    return _Parsed(*_describe(lines[: starts[0]]), inputs, {})


def _read_numpy(lines: list[str]) -> _Parsed | None:
    heads = [
        index
        for index, (title, below) in enumerate(pairwise(lines))
        if title.strip().lower() in _NUMPY and re.match(_UNDERLINE, below)
    ]
    if not heads:
        return None
    inputs: dict[str, str | None] = {}
    outputs: dict[str, str | None] = {}
    for head, end in _spans(heads, len(lines)):
        title, body = lines[head].strip().lower(), lines[head + 2 : end]
        if title in _PARAMETERS:
            inputs |= {name: text for name, _, text in _numpy_entries(body)}
        elif title in _RETURNS:
            outputs |= {name: text for name, is_typed, text in _numpy_entries(body) if is_typed}
    return _Parsed(*_describe(lines[: heads[0]]), inputs, outputs)


def _numpy_entries(body: list[str]) -> list[tuple[str, bool, str | None]]:
    """Give name, whether a type follows it, and text of each entry: a line at the margin and the indented lines below."""
    starts = [index for index, line in enumerate(body) if line.strip() and not line[0].isspace()]
    entries: list[tuple[str, bool, str | None]] = []
    for start, end in _spans(starts, len(body)):
        name, colon, _ = body[start].partition(":")
        entries.append((name.strip(), bool(colon), _join("", body[start + 1 : end])))
    return entries


def _read_google(lines: list[str]) -> _Parsed | None:
    heads = [
        index
        for index, line in enumerate(lines)
        if (header := re.match(_GOOGLE_HEADER, line)) and header[1].lower() in _GOOGLE
    ]
    if not heads:
        return None
    inputs: dict[str, str | None] = {}
    for head, end in _spans(heads, len(lines)):
        if lines[head].strip().rstrip(":").lower() in _PARAMETERS:
            inputs |= _google_entries(lines[head + 1 : end])
    return _Parsed(*_describe(lines[: heads[0]]), inputs, {})


def _google_entries(body: list[str]) -> dict[str, str | None]:
    indents = [len(line) - len(line.lstrip()) for line in body if line.strip()]
    if not indents or indents[0] == 0:
        return {}
    margin = indents[0]
    starts = [
        index
        for index, line in enumerate(body)
        if len(line) - len(line.lstrip()) == margin and re.match(_GOOGLE_ENTRY, line.strip())
    ]
    entries: dict[str, str | None] = {}
    for start, end in _spans(starts, len(body)):
        entry = re.match(_GOOGLE_ENTRY, body[start].strip())
        if entry is not None:
            entries[entry[1]] = _join(entry[2], body[start + 1 : end])
    return entries


def _spans(starts: list[int], end: int) -> list[tuple[int, int]]:
    """Give where each part starts and ends, the last one at `end`."""
    return list(zip(starts, [*starts[1:], end], strict=False))


def _join(first: str, rest: list[str]) -> str | None:
    below = cleandoc("\n".join(["", *rest]))
    return "\n".join(part for part in (first.strip(), below) if part) or None
