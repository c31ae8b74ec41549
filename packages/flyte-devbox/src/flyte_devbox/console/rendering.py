"""HTML of the console. Pure: rows in, text out; everything that is not ours is escaped."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox import rows
from flyte_devbox.forms import value_of
from flyte_devbox.services.conditions import phase_name
from flyte_models.values import value

__all__ = [
    "Tree",
    "action_detail",
    "action_tree",
    "list_page",
    "message_page",
    "run_page",
    "run_table",
    "stranger_page",
]

_MOST_VALUE_CHARACTERS = 20_000
_CACHE = {1: "miss", 2: "hit", 3: "populated", 4: "lookup failed", 5: "put failed", 6: "skipped", 7: "evicted"}


@value
class Tree:
    """Actions of a run by their parent."""

    children: Mapping[str, Sequence[sqlite3.Row]]
    counts: Mapping[str, int]
    """How many children there are, also where fewer are given."""


def list_page(table: str) -> str:
    """Return the front page."""
    return _document("Runs", f'<main id="runs" data-live="runs">{table}</main>', script="list.js")


def run_table(runs: Sequence[sqlite3.Row], now: float) -> str:
    """Return the runs as a table; how to make one if there is none."""
    if not runs:
        return (
            '<section class="empty"><h1>No runs yet</h1><p>Run a task on this devbox:</p>'
            "<pre>flyte run --devbox hello.py main</pre>"
            "<p>It appears here as soon as it is created.</p></section>"
        )
    lines: list[str] = []
    for run in runs:
        failed = f' <span class="bad">{run["failed"]} failed</span>' if run["failed"] else ""
        lines.append(
            f'<tr><td>{_phase(run["phase"])}</td><td><a href="{escape(_run_path(run))}">{escape(run["name"])}</a></td>'
            f"<td>{escape(run['task_name'])}</td><td>{escape(run['project'])}/{escape(run['domain'])}</td>"
            f"<td>{run['actions']}{failed}</td><td>{_time(run['created_at'])}</td>"
            f"<td>{_duration(run['created_at'], run['ended_at'], now)}</td></tr>"
        )
    head = "".join(f"<th>{name}</th>" for name in ("Phase", "Run", "Task", "Project", "Actions", "Created", "Duration"))
    return f"<h1>Runs</h1><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def run_page(run: sqlite3.Row, tree: str, detail: str) -> str:
    """Return the page of a run."""
    name = escape(run["name"])
    attributes = "".join(
        f' data-{key}="{escape(str(run[key]))}"' for key in ("org", "project", "domain", "name", "is_tracked")
    )
    body = (
        f'<p class="path"><a href="/">Runs</a> / {name}</p><main id="run" class="run"{attributes}>{tree}{detail}</main>'
    )
    return _document(run["name"], body, script="run.js")


def action_tree(tree: Tree, selected: str, now: float) -> str:
    """Return the tree of actions."""
    return f'<nav id="tree" aria-label="Actions">{_branch(tree, "", selected, now)}</nav>'


def _branch(tree: Tree, parent: str, selected: str, now: float) -> str:
    # Not recursive: a chain of actions may be deeper than Python's stack.
    pieces: list[str] = []
    stack: list[Any] = [("open", parent)]
    while stack:
        kind, item = stack.pop()
        if kind == "text":
            pieces.append(item)
        elif kind == "open":
            siblings = tree.children.get(item, ())
            if not siblings:
                continue
            pieces.append("<ul>")
            more = tree.counts.get(item, 0) - len(siblings)
            tail = f'<li class="more">{more} more</li></ul>' if more > 0 else "</ul>"
            stack.append(("text", tail))
            stack.extend(("row", row) for row in reversed(siblings))
        else:
            mark = ' aria-current="true"' if item["name"] == selected else ""
            label = escape(item["task_name"].rpartition(".")[2] or item["name"])
            pieces.append(
                f'<li><a href="?i={quote(item["name"])}" data-action="{escape(item["name"])}"{mark}>{_phase(item["phase"])}'
                f"<span>{label}</span><small>{_duration(item['created_at'], item['ended_at'], now)}</small></a>"
            )
            stack.extend((("text", "</li>"), ("open", item["name"])))
    return "".join(pieces)


def action_detail(
    row: sqlite3.Row,
    tries: Sequence[sqlite3.Row],
    *,
    rerun: str,
    inputs: common_pb2.Inputs | None = None,
    outputs: common_pb2.Outputs | None = None,
    report: str | None = None,
    problem: str = "",
) -> str:
    """Return everything about one action."""
    number = tries[-1]["number"] if tries else row["attempt"]
    cache = _CACHE.get(row["cache_status"])
    facts = [
        ("Action", escape(row["name"])),
        ("Phase", _phase(row["phase"])),
        ("Environment", escape(row["environment"])),
        ("Created", _time(row["created_at"])),
        ("Cache", escape(cache) if cache else ""),
    ]
    parts = [
        f"<h1>{escape(row['task_name'])}</h1>",
        "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in facts if text) + "</dl>",
    ]
    error = rows.error_of(row)
    if row["abort_reason"] is not None:
        parts.append(f'<section class="error"><h2>Aborted</h2><pre>{escape(row["abort_reason"])}</pre></section>')
    elif error is not None:
        parts.append(_error(error))
    if problem:
        parts.append(f'<section class="error"><pre>{escape(problem)}</pre></section>')
    parts += [_data("Inputs", inputs), _data("Outputs", outputs), _attempts(tries)]
    if report is not None:
        parts.append(
            f'<section><h2>Report</h2><iframe title="Report" sandbox="allow-scripts" src="{escape(report)}"></iframe></section>'
        )
    parts.append(f"<section><h2>Run it again</h2><pre>{escape(rerun)}</pre></section>")
    log = f'<section><h2>Log</h2><pre id="log" data-action="{escape(row["name"])}" data-attempt="{number}"></pre></section>'
    return f'<article id="detail" data-phase="{row["phase"]}">{"".join(parts)}{log}</article>'


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


def _attempts(tries: Sequence[sqlite3.Row]) -> str:
    if not tries:
        return ""
    lines: list[str] = []
    for attempt in tries:
        error = rows.error_of(attempt)
        said = escape(error.message.splitlines()[0][:200]) if error is not None and error.message else ""
        memory = f"{attempt['max_rss_bytes'] / 1024**2:.0f} MiB" if attempt["max_rss_bytes"] else ""
        cpu = f"{attempt['cpu_seconds']:.2f} s" if attempt["cpu_seconds"] is not None else ""
        wall = f"{attempt['wall_seconds']:.2f} s" if attempt["wall_seconds"] is not None else ""
        lines.append(
            f"<tr><td>{attempt['number']}</td><td>{_phase(attempt['phase'])}</td><td>{wall}</td><td>{cpu}</td>"
            f"<td>{memory}</td><td>{said}</td></tr>"
        )
    head = "".join(f"<th>{name}</th>" for name in ("Attempt", "Phase", "Time", "CPU", "Memory", "Error"))
    return f"<section><h2>Attempts</h2><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></section>"


def stranger_page() -> str:
    """Return what somebody without the token sees."""
    return message_page(
        "This devbox does not know your browser.\nhint: `flyte status devbox` prints a link that it will know it by"
    )


def message_page(message: str) -> str:
    """Return a page that says one thing."""
    return _document("Devbox", f'<main><section class="empty"><pre>{escape(message)}</pre></section></main>')


def _document(title: str, body: str, *, script: str = "") -> str:
    tag = f'<script type="module" src="/static/{script}"></script>' if script else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)} - Flyte devbox</title><link rel="stylesheet" href="/static/console.css">'
        f'<link rel="icon" href="data:,">{tag}</head><body><header><a href="/">Flyte devbox</a></header>{body}</body></html>'
    )


def _run_path(run: sqlite3.Row) -> str:
    kind = "tracked-runs" if run["is_tracked"] else "runs"
    return f"/v2/domain/{quote(run['domain'])}/project/{quote(run['project'])}/{kind}/{quote(run['name'])}"


def _phase(number: int) -> str:
    name = phase_name(number)
    return f'<b class="phase {name.lower()}">{name.lower().replace("_", " ")}</b>'


def _time(seconds: float) -> str:
    stamp = rows.timestamp(seconds).ToJsonString()[:19] + "Z"
    return f'<time datetime="{stamp}">{stamp.replace("T", " ")}</time>'


def _duration(begin: float, end: float | None, now: float) -> str:
    seconds = max(0.0, (now if end is None else end) - begin)
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
