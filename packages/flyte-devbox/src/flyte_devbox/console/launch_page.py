"""Typed forms as HTML, and the page that runs the task of a run again with other inputs. Pure."""

import sqlite3
from collections.abc import Sequence
from html import escape

from flyte_devbox.console.html import document, options
from flyte_devbox.console.launch_form import Field
from flyte_devbox.console.run_list import run_path
from flyte_devbox.console.type_names import type_name

__all__ = ["launch_form_html", "rerun_page"]


def launch_form_html(fields: Sequence[Field], address: str, button: str, *, version: str = "") -> str:
    """Return a form that starts a run; what must be filled in comes first.

    Args:
        fields: what it asks for.
        address: where it is sent to.
        button: what its button says.
        version: of the task, which is sent along.
    """
    in_order = sorted(fields, key=lambda field: not field.is_required)
    lines = [_field_line(number, field) for number, field in enumerate(in_order)]
    return (
        f'<form id="start" class="form" data-address="{escape(address)}" data-version="{escape(version)}"'
        f' autocomplete="off">{"".join(lines) or "<p>It has no inputs.</p>"}'
        '<p class="bad" role="alert" id="problem"></p>'
        f'<p class="commands"><button class="primary">{escape(button)}</button></p></form>'
    )


def rerun_page(run: sqlite3.Row, fields: Sequence[Field]) -> str:
    """Return the page that runs the task of a run again.

    Args:
        run: its row.
        fields: the inputs of the task; their defaults are what the run had.
    """
    path, name = run_path(run), escape(run["name"])
    body = (
        f'<p class="path"><a href="/">Runs</a> / <a href="{escape(path)}">{name}</a> / <b>Rerun</b></p>'
        f'<main id="content"><h1>{escape(run["task_name"])}</h1>'
        f"<p>A new run of the same code. The inputs are those of <b>{name}</b>: what you leave alone stays the same.</p>"
        f"{launch_form_html(fields, f'{path}/rerun', 'Run')}</main>"
    )
    return document(f"Rerun of {run['name']}", body, script="form.js", here="runs")


def _field_line(number: int, field: Field) -> str:
    notes = [field.description.rstrip(" .;")] if field.description else []
    if field.kind == "uri":
        notes.append("where it is: a URI, or a path on this machine")
    elif field.kind == "json":
        notes.append("JSON")
    elif field.kind == "datetime":
        notes.append("in UTC")
    elif field.kind == "duration":
        notes.append("such as 1h30m, 90s or 0.5")
    if field.is_optional:
        notes.append("empty for None")
    if field.is_required:
        notes.append("required")
    required = " aria-required=true" if field.is_required else ""
    common = (
        f'name="{escape(field.name)}" id="field-{number}" aria-describedby="hint-{number} problem-{number}"{required}'
    )
    return (
        f'<div class="field"><label for="field-{number}"><span><b>{escape(field.name)}</b>'
        f' <span class="muted">{escape(type_name(field.type))}</span></span></label>{_control(field, common)}'
        f'<span class="hint" id="hint-{number}">{escape("; ".join(notes))}</span>'
        f'<span class="bad" id="problem-{number}"></span></div>'
    )


def _rows(text: str) -> int:
    """Return how high a field is that shows a text."""
    return min(16, text.count("\n") + 1)


def _control(field: Field, common: str) -> str:
    text = field.text
    rows = _rows(text)
    if field.kind in {"bool", "enum"}:
        values = ("true", "false") if field.kind == "bool" else field.options
        choices = [(one, one) for one in values]
        if field.is_optional or field.default is None:
            choices.insert(0, ("", "None" if field.is_optional else ""))
        return f"<select {common}>{options(choices, text)}</select>"
    if field.kind == "json":
        example = field.example
        rows = max(3, rows, 0 if text else _rows(example))
        hint = f' placeholder="{escape(example)}"'
        return f'<textarea {common} rows="{rows}" spellcheck="false"{hint}>\n{escape(text)}</textarea>'
    if field.kind == "str":
        return f'<textarea {common} class="line" rows="{rows}">\n{escape(text)}</textarea>'
    if field.kind == "datetime" and len(text.partition(".")[2]) <= 3:
        return f'<input {common} type="datetime-local" step="any" value="{escape(text)}">'
    mode = ' inputmode="decimal"' if field.kind in {"int", "float"} else ""
    return f'<input {common}{mode} value="{escape(text)}"{" disabled" if field.kind == "none" else ""}>'
