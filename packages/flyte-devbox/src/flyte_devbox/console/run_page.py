"""HTML of a run's page: the frame of the tree, and everything about one action. Pure: rows in, text out."""

import json
import sqlite3
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from flyteidl2.core import types_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox import rows
from flyte_devbox.console.action_rows import label_of
from flyte_devbox.console.html import action_button, document, phase, table, time_of
from flyte_devbox.forms import value_of
from flyte_models.values import value

__all__ = ["Detail", "action_detail", "run_page"]

_MOST_VALUE_CHARACTERS = 20_000
_CACHE = {1: "miss", 2: "hit", 3: "populated", 4: "lookup failed", 5: "put failed", 6: "skipped", 7: "evicted"}
_WAITING, _PAUSED = 2, 9
_SIGNALS = {
    types_pb2.BOOLEAN: "bool",
    types_pb2.INTEGER: "int",
    types_pb2.FLOAT: "float",
    types_pb2.STRING: "str",
}


@value
class Detail:
    """What is shown of an action."""

    row: sqlite3.Row
    tries: Sequence[sqlite3.Row]
    inputs: common_pb2.Inputs | None
    outputs: common_pb2.Outputs | None
    problem: str
    """Why inputs and outputs cannot be shown."""
    report: str | None
    """Where the report of the last attempt is."""
    rerun: str
    """The command that runs it again."""
    is_run_over: bool
    task: str = ""
    """The path of the page of its task; empty if that is not deployed."""
    links: Sequence[tuple[str, str]] = ()
    """Names and addresses that the task declares for the last attempt."""


def run_page(run: sqlite3.Row, way: Sequence[sqlite3.Row], detail: Detail) -> str:
    """Return the page of a run.

    Args:
        run: its row.
        way: the actions from the root to the one that is shown; the scripts put the whole tree in their place.
        detail: the action that is shown.
    """
    name = escape(run["name"])
    attributes = "".join(
        f' data-{key}="{escape(str(run[key]))}"' for key in ("org", "project", "domain", "name", "is_tracked")
    )
    selected = detail.row["name"]
    lines = "".join(_step(row, level, is_selected=row["name"] == selected) for level, row in enumerate(way, 1))
    body = (
        f'<p class="path"><a href="/">Runs</a> / <b>{name}</b></p>'
        f'<main id="content" class="run"{attributes} data-selected="{escape(selected)}">'
        '<section class="actions" aria-label="Actions">'
        '<div class="bar"><input id="search" type="search" placeholder="Search actions ( / )" aria-label="Search actions"'
        ' aria-controls="tree"><div id="phases" role="group" aria-label="Phases"></div></div>'
        '<div class="scale" aria-hidden="true"><div id="axis"></div></div>'
        f'<div id="tree" role="tree" tabindex="0" aria-label="Actions of {name}">{lines}</div>'
        '<p id="found" role="status"></p></section>'
        f"{action_detail(detail)}</main>"
    )
    return document(run["name"], body, script="run.js", here="runs")


def _step(row: sqlite3.Row, level: int, *, is_selected: bool) -> str:
    mark = ' aria-current="true"' if is_selected else ""
    return (
        f'<a role="treeitem" aria-level="{level}" href="?i={quote(row["name"])}"'
        f' data-action="{escape(row["name"])}"{mark}>{phase(row["phase"])}'
        f"<span>{escape(label_of(row))}</span></a>"
    )


def action_detail(detail: Detail) -> str:
    """Return everything about one action."""
    row, tries = detail.row, detail.tries
    number = tries[-1]["number"] if tries else row["attempt"]
    cache = _CACHE.get(row["cache_status"])
    facts = [
        ("Action", escape(row["name"])),
        ("Phase", phase(row["phase"])),
        ("Environment", escape(row["environment"])),
        ("Created", time_of(row["created_at"])),
        ("Ended", time_of(row["ended_at"])),
        ("Cache", escape(cache) if cache else ""),
        *_told(row, tries),
    ]
    name = escape(row["task_name"] or row["name"])
    parts = [
        f'<h1><a href="{escape(detail.task)}">{name}</a></h1>' if detail.task else f"<h1>{name}</h1>",
        "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in facts if text) + "</dl>",
        _commands(detail),
    ]
    condition = _condition(row)
    if condition is not None and condition.prompt:
        parts.append(f"<section><h2>{escape(condition.name)}</h2><pre>{escape(condition.prompt)}</pre></section>")
    error = rows.error_of(row)
    if row["abort_reason"] is not None:
        parts.append(f'<section class="error"><h2>Aborted</h2><pre>{escape(row["abort_reason"])}</pre></section>')
    elif error is not None:
        parts.append(_error(error))
    if detail.problem:
        parts.append(f'<section class="error"><pre>{escape(detail.problem)}</pre></section>')
    if detail.links:
        shown = "".join(
            f'<li><a href="{escape(uri)}" rel="noopener noreferrer" target="_blank">{escape(name)}</a></li>'
            for name, uri in detail.links
        )
        parts.append(f"<section><h2>Links</h2><ul>{shown}</ul></section>")
    parts += [_data("Inputs", detail.inputs), _data("Outputs", detail.outputs), _attempts(tries)]
    if detail.report is not None:
        parts.append(
            '<section><h2>Report</h2><iframe title="Report" sandbox="allow-scripts"'
            f' src="{escape(detail.report)}"></iframe></section>'
        )
    parts.append(f"<section><h2>Run it again</h2><pre>{escape(detail.rerun)}</pre></section>")
    log = (
        '<section><h2>Log</h2><p id="earlier" hidden></p>'
        f'<pre id="log" tabindex="0" data-action="{escape(row["name"])}" data-attempt="{number}"></pre></section>'
    )
    return f'<article id="detail" data-phase="{row["phase"]}">{"".join(parts)}{log}</article>'


def _condition(row: sqlite3.Row) -> run_definition_pb2.ConditionAction | None:
    if row["type"] != run_definition_pb2.ACTION_TYPE_CONDITION:
        return None
    return run_definition_pb2.ConditionAction.FromString(row["detail"] or b"")


def _commands(detail: Detail) -> str:
    row = detail.row
    buttons: list[str] = []
    is_over, is_root = row["phase"] in rows.TERMINAL, not row["parent"]
    if row["is_tracked"]:
        # Carried out elsewhere: nothing here reaches it.
        return ""
    condition = _condition(row)
    if condition is not None and row["phase"] == _PAUSED:
        kind = _SIGNALS.get(condition.type.simple, "str")
        about = {"name": condition.name, "prompt": condition.prompt or condition.description, "kind": kind}
        buttons.append(action_button("Signal", "signal", action=row["name"], **about))
    if not is_over and not is_root:
        buttons.append(action_button("Abort action", "abort-action", action=row["name"]))
    if not detail.is_run_over:
        buttons.append(action_button("Abort run", "abort-run"))
    buttons.append(action_button("Rerun", "rerun"))
    return f'<p class="commands">{"".join(buttons)}</p>'


def _error(error: run_definition_pb2.ErrorInfo) -> str:
    return (
        f'<section class="error"><h2>{escape(error.code or "Error")}</h2><pre>{escape(error.message)}</pre></section>'
    )


def _data(title: str, data: common_pb2.Inputs | common_pb2.Outputs | None) -> str:
    if data is None or not data.literals:
        return ""
    lines: list[str] = []
    for pair in data.literals:
        text = json.dumps(value_of(pair.value), indent=2, ensure_ascii=False, default=str)
        if len(text) > _MOST_VALUE_CHARACTERS:
            text = f"{text[:_MOST_VALUE_CHARACTERS]} ... ({len(text):,} characters)"
        lines.append(f"<dt>{escape(pair.name)}</dt><dd><pre>{escape(text)}</pre></dd>")
    return f'<section><h2>{title}</h2><dl class="data">{"".join(lines)}</dl></section>'


def _told(row: sqlite3.Row, tries: Sequence[sqlite3.Row]) -> list[tuple[str, str]]:
    """Return what the devbox has to say about where the last attempt runs, or why it does not."""
    events = rows.attempt_of(row, tries[-1]).cluster_events if tries else ()
    said = {event.reason: escape(event.message) for event in events}
    waits = said.get("WaitingForResources", "") if row["phase"] == _WAITING else ""
    return [("Waits", waits), ("Resources", said.get("Clamped", ""))]


def _attempts(tries: Sequence[sqlite3.Row]) -> str:
    if not tries:
        return ""
    lines: list[tuple[str, ...]] = []
    for attempt in tries:
        error = rows.error_of(attempt)
        said = escape(error.message.splitlines()[0][:200]) if error is not None and error.message else ""
        memory = f"{attempt['max_rss_bytes'] / 1024**2:.0f} MiB" if attempt["max_rss_bytes"] else ""
        cpu = f"{attempt['cpu_seconds']:.2f} s" if attempt["cpu_seconds"] is not None else ""
        wall = f"{attempt['wall_seconds']:.2f} s" if attempt["wall_seconds"] is not None else ""
        lines.append((str(attempt["number"]), phase(attempt["phase"]), wall, cpu, memory, said))
    heads = ("Attempt", "Phase", "Time", "CPU", "Memory", "Error")
    return f"<section><h2>Attempts</h2>{table(heads, lines)}</section>"
