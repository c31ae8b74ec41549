"""Inputs and outputs of actions as pages show them: name, type, value. Pure."""

import json
from collections.abc import Mapping, Sequence
from html import escape

from flyteidl2.core import interface_pb2, literals_pb2
from flyteidl2.task import common_pb2

from flyte_devbox.console.html import copy_button
from flyte_devbox.console.type_names import type_name
from flyte_devbox.excerpts import Excerpt
from flyte_devbox.forms import value_of

__all__ = ["data_section", "files_in", "text_of"]

_MOST_CHARACTERS = 20_000


def data_section(
    title: str,
    excerpt: Excerpt | None,
    declared: interface_pb2.VariableMap,
    files: Mapping[str, str],
) -> str:
    """Return a section with values; nothing if there is none.

    Args:
        title: of the section.
        excerpt: values in the order in which they are shown; of those that are too large the size is.
        declared: their types.
        files: addresses at which a file can be fetched, by its URI.
    """
    if excerpt is None or not excerpt.literals:
        return ""
    types = {entry.key: type_name(entry.value.type) for entry in declared.variables}
    lines = "".join(
        _large_line(pair.name, types.get(pair.name, ""), excerpt.large[pair.name])
        if pair.name in excerpt.large
        else _line(pair, types.get(pair.name, ""), files)
        for pair in excerpt.literals
    )
    left = f'<p class="muted">And {excerpt.left:,} more.</p>' if excerpt.left else ""
    return f'<section><h3>{title}</h3><dl class="data">{lines}</dl>{left}</section>'


def files_in(values: Sequence[common_pb2.NamedLiteral]) -> list[str]:
    """Return the URIs of the files among values."""
    scalars = [pair.value.scalar for pair in values if pair.value.WhichOneof("value") == "scalar"]
    inner = [one.union.value.scalar if one.WhichOneof("value") == "union" else one for one in scalars]
    return [one.blob.uri for one in inner if one.WhichOneof("value") == "blob"]


def _large_line(name: str, kind: str, size: int) -> str:
    shown_type = f' <span class="muted">{escape(kind)}</span>' if kind else ""
    said = f'<p class="muted">It has {size:,} bytes, which is too much for a page.</p>'
    return f"<dt>{escape(name)}{shown_type}</dt><dd>{said}</dd>"


def _line(pair: common_pb2.NamedLiteral, kind: str, files: Mapping[str, str]) -> str:
    text = text_of(pair.value)
    cut, copy = "", copy_button(pair.name)
    if len(text) > _MOST_CHARACTERS:
        cut = f'<p class="muted">The first {_MOST_CHARACTERS:,} of {len(text):,} characters.</p>'
        # A part of it is nothing to copy.
        text, copy = text[:_MOST_CHARACTERS], ""
    address = files.get(text, "")
    fetch = f' <a href="{escape(address)}" download>Download</a>' if address else ""
    shown_type = f' <span class="muted">{escape(kind)}</span>' if kind else ""
    return f"<dt>{escape(pair.name)}{shown_type}</dt><dd>{copy}<pre>{escape(text)}</pre>{fetch}{cut}</dd>"


def text_of(literal: literals_pb2.Literal) -> str:
    """Return a text as it is, and JSON of all else."""
    plain = value_of(literal)
    return plain if isinstance(plain, str) else json.dumps(plain, indent=2, ensure_ascii=False, default=str)
