"""HTML of a run's page: what is known of the run, the frame of the tree, everything about one action. Pure: rows in, text out."""

import json
import sqlite3
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox import rows
from flyte_devbox.console.action_rows import label_of
from flyte_devbox.console.data_view import data_section, text_of
from flyte_devbox.console.error_view import error_section, view_of
from flyte_devbox.console.html import (
    action_button,
    copy_button,
    document,
    duration,
    facts,
    page_link,
    phase,
    scope_path,
    table,
    time_of,
)
from flyte_devbox.console.run_list import run_path
from flyte_devbox.excerpts import Excerpt
from flyte_devbox.services.conditions import phase_name
from flyte_models.values import value
from flyte_protocol.phases import phase_from_wire
from flyte_protocol.waits import WAITING, latest_told

__all__ = ["Detail", "io_command", "run_page", "run_parts"]

_CACHE = {1: "miss", 2: "hit", 3: "populated", 4: "lookup failed", 5: "put failed", 6: "skipped", 7: "evicted"}
_PAUSED = 9
_SIGNALS = {
    types_pb2.BOOLEAN: "bool",
    types_pb2.INTEGER: "int",
    types_pb2.FLOAT: "float",
    types_pb2.STRING: "str",
}
_SOURCES = {
    run_definition_pb2.RUN_SOURCE_WEB: "these pages",
    run_definition_pb2.RUN_SOURCE_CLI: "command line or SDK",
    run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER: "schedule",
    run_definition_pb2.RUN_SOURCE_TRACKED: "tracked from elsewhere",
    run_definition_pb2.RUN_SOURCE_ARTIFACT_TRIGGER: "artifact",
}

_RELATIONS = {
    common_run_pb2.RELATION_TYPE_SPAWN: "Begun by a task of",
    common_run_pb2.RELATION_TYPE_RECOVER: "Recovers",
}


@value
class Detail:
    """What is shown of an action."""

    run: sqlite3.Row
    row: sqlite3.Row
    tries: Sequence[sqlite3.Row]
    attempt: int
    """Whose log is shown."""
    inputs: Excerpt | None
    outputs: Excerpt | None
    spec: task_definition_pb2.TaskSpec
    """Its task; an empty one if it has none."""
    problem: str
    """Why inputs and outputs cannot be shown."""
    report: str | None
    """Where the report of the last attempt is."""
    now: float
    task: str = ""
    """The path of the page of its task; empty if that is not deployed."""
    links: Sequence[tuple[str, str]] = ()
    """Names and addresses that the task declares for the last attempt."""
    files: Sequence[tuple[str, str]] = ()
    """URIs of files among inputs and outputs, and where they can be fetched."""
    report_version: int = 0
    """Another number for each report that the last attempt has made."""

    @property
    def is_run_over(self) -> bool:
        """Whether the whole run has ended."""
        return self.run["phase"] in rows.TERMINAL


def run_page(way: Sequence[sqlite3.Row], detail: Detail) -> str:
    """Return the page of a run.

    Args:
        way: the actions from the root to the one that is shown; the scripts put the whole tree in their place.
        detail: the action that is shown.
    """
    run = detail.run
    name = escape(run["name"])
    attributes = "".join(
        f' data-{key}="{escape(str(run[key]))}"' for key in ("org", "project", "domain", "name", "is_tracked")
    )
    selected = detail.row["name"]
    lines = "".join(_step(row, level, is_selected=row["name"] == selected) for level, row in enumerate(way, 1))
    head, article = run_head(detail), action_detail(detail)
    body = (
        f'<p class="path"><a href="/">Runs</a> / <b>{name}</b>{copy_button("the name of the run", run["name"])}</p>{head}'
        f'<main id="content" class="run"{attributes} data-selected="{escape(selected)}">'
        '<section class="actions" aria-label="Actions">'
        '<div class="bar"><input id="search" type="search" placeholder="Search actions ( / )" aria-label="Search actions"'
        ' aria-controls="tree"><div id="phases" role="group" aria-label="Phases"></div></div>'
        '<div class="scale" aria-hidden="true"><div id="axis"></div></div>'
        f'<div id="tree" role="tree" tabindex="0" aria-label="Actions of {name}" aria-describedby="keys">{lines}</div>'
        '<p id="found" role="status"></p>'
        '<p class="muted keys" id="keys"><kbd>/</kbd> searches, the arrow keys walk and open, <kbd>Enter</kbd> shows.</p>'
        "</section>"
        f"{article}</main>"
    )
    return document(_title(run), body, script="run.js", here="runs")


def run_parts(detail: Detail) -> str:
    """Return what changes of a run's page, beside the tree."""
    return run_head(detail) + action_detail(detail)


def _title(run: sqlite3.Row) -> str:
    word = phase_name(run["phase"]).lower().replace("_", " ")
    return f"{word}: {run['task_name'] or run['name']}"


def _step(row: sqlite3.Row, level: int, *, is_selected: bool) -> str:
    mark = ' aria-current="true"' if is_selected else ""
    return (
        f'<a role="treeitem" aria-level="{level}" href="?i={quote(row["name"])}"'
        f' data-action="{escape(row["name"])}"{mark}>{phase(row["phase"])}'
        f"<span>{escape(label_of(row))}</span></a>"
    )


def run_head(detail: Detail) -> str:
    """Return what is known of the run as a whole, and what can be done to it."""
    run = detail.run
    spec = run_pb2.RunSpec.FromString(run["spec"])
    labels: dict[str, str] = json.loads(run["labels"])
    started_by = escape(_SOURCES.get(run["source"], ""))
    if run["trigger_name"]:
        trigger = scope_path(run["project"], run["domain"], "triggers", run["trigger_task"], run["trigger_name"])
        started_by = f'trigger <a href="{escape(trigger)}">{escape(run["trigger_name"])}</a>'
    about = [
        ("Phase", phase(run["phase"])),
        ("Took", _took(run, detail.now)),
        ("Created", time_of(run["created_at"])),
        ("Project", escape(f"{run['project']}/{run['domain']}")),
        ("Started by", started_by),
        (_RELATIONS.get(spec.relation.relation_type, "Rerun of"), _other_run(spec)),
        ("Labels", escape(", ".join(f"{key}={text}" for key, text in sorted(labels.items())))),
    ]
    buttons: list[str] = []
    if not run["is_tracked"]:
        # Of what is carried out elsewhere nothing here reaches anything.
        if not detail.is_run_over:
            buttons.append(action_button("Abort run", "abort-run"))
        command = f"flyte rerun --project {run['project']} --domain {run['domain']} {run['name']}"
        buttons.append(action_button("Rerun", "rerun", shell=command))
        buttons.append(f'<a class="button" href="{escape(run_path(run))}/rerun">Rerun with other inputs</a>')
    name = escape(run["task_name"] or run["name"])
    return (
        f'<section id="run" data-title="{escape(_title(run))}" aria-label="Run"><h1>{name}</h1>{facts(about)}'
        f'<p class="commands">{"".join(buttons)}</p></section>'
    )


def _took(row: sqlite3.Row, now: float) -> str:
    """Return how long a run or action took, or has been going on; nothing if its end was not noted."""
    is_known = row["ended_at"] is not None or row["phase"] not in rows.TERMINAL
    return duration(rows.begun_at(row), row["ended_at"], now) if is_known else ""


def _other_run(spec: run_pb2.RunSpec) -> str:
    other = spec.relation.related_to if spec.relation.HasField("related_to") else spec.related_to
    if not other.name:
        return ""
    return f'<a href="{escape(scope_path(other.project, other.domain, "runs", other.name))}">{escape(other.name)}</a>'


def action_detail(detail: Detail) -> str:
    """Return everything about one action."""
    row, tries = detail.row, detail.tries
    cache = _CACHE.get(row["cache_status"])
    about = [
        ("Phase", phase(row["phase"])),
        ("Took", _took(row, detail.now)),
        ("Created", time_of(rows.begun_at(row))),
        ("Action", escape(row["name"]) + copy_button("the name of the action", row["name"])),
        ("Called by", _link_to(row["parent"])),
        ("Group", escape(rows.metadata_of(row).group)),
        ("Environment", escape(row["environment"])),
        ("Cache", escape(cache) if cache else ""),
        ("Source", page_link(detail.spec.documentation.source_code.link)),
        *_told(row, tries),
    ]
    name = escape(row["task_name"] or row["name"])
    parts = [
        f'<h2><a href="{escape(detail.task)}">{name}</a></h2>' if detail.task else f"<h2>{name}</h2>",
        facts(about),
        _commands(detail),
    ]
    condition = _condition(row)
    if condition is not None and condition.prompt:
        parts.append(f"<section><h3>Question</h3><pre>{escape(condition.prompt)}</pre></section>")
    if row["value"] is not None:
        answer = text_of(literals_pb2.Literal.FromString(row["value"]))
        parts.append(f"<section><h3>Answer</h3><pre>{escape(answer)}</pre></section>")
    error = rows.error_of(row)
    if row["abort_reason"] is not None:
        parts.append(f'<section class="error"><h3>Aborted</h3><pre>{escape(row["abort_reason"])}</pre></section>')
    elif error is not None:
        parts.append(error_section(error.code or "Error", error.message))
    if detail.problem:
        parts.append(f'<section class="error"><pre>{escape(detail.problem)}</pre></section>')
    if detail.links:
        shown = "".join(
            f'<li><a href="{escape(uri)}" rel="noopener noreferrer" target="_blank">{escape(name)}</a></li>'
            for name, uri in detail.links
        )
        parts.append(f"<section><h3>Links</h3><ul>{shown}</ul></section>")
    interface = detail.spec.task_template.interface
    parts += [
        data_section("Inputs", detail.inputs, interface.inputs, dict(detail.files)),
        data_section("Outputs", detail.outputs, interface.outputs, dict(detail.files)),
    ]
    given = [one for one in (detail.inputs, detail.outputs) if one is not None and one.literals]
    if any(one.is_cut for one in given):
        parts.append(f"<p>All of them: <code>{escape(io_command(detail.run, row))}</code></p>")
    elif given:
        address = f"{run_path(detail.run)}/data?i={quote(row['name'], safe='')}"
        parts.append(f'<p><a href="{escape(address)}">Inputs and outputs as JSON</a></p>')
    if condition is None:
        parts.append(_attempts(detail))
    if detail.report is not None:
        parts.append(
            '<section><h3>Report</h3><iframe title="Report" sandbox="allow-scripts"'
            f' data-version="{detail.report_version}" src="{escape(detail.report)}"></iframe></section>'
        )
    if row["type"] == run_definition_pb2.ACTION_TYPE_TASK:
        parts.append(_log(detail))
    return f'<article id="detail" data-phase="{row["phase"]}">{"".join(parts)}</article>'


def io_command(run: sqlite3.Row, row: sqlite3.Row) -> str:
    """Return the command that shows all inputs and outputs of an action."""
    return f"flyte get io --project {run['project']} --domain {run['domain']} {run['name']} {row['name']}"


def _link_to(action: str) -> str:
    """Return a link to another action of the run."""
    return f'<a href="?i={quote(action, safe="")}" data-go="{escape(action)}">{escape(action)}</a>' if action else ""


def _log(detail: Detail) -> str:
    row, run = detail.row, detail.run
    which = f" --attempt {detail.attempt}" if len(detail.tries) > 1 else ""
    where = f"--project {run['project']} --domain {run['domain']}{which}"
    command = f"flyte get logs {where} {run['name']} {row['name']}"
    return (
        f'<section id="log-section"><h3>Log{f" of attempt {detail.attempt}" if len(detail.tries) > 1 else ""}</h3>'
        '<div class="bar"><input id="log-search" type="search" placeholder="Search the log" aria-label="Search the log"'
        ' aria-controls="log"><span id="log-found" role="status"></span>'
        '<label><input id="log-follow" type="checkbox" checked> Follow</label></div>'
        f'<p id="earlier" hidden>Earlier lines are not shown: <code>{escape(command)}</code> has them all.</p>'
        f'<pre id="log" tabindex="0" role="log" aria-label="Log" aria-live="off" data-action="{escape(row["name"])}"'
        f' data-attempt="{detail.attempt}"></pre></section>'
    )


def _condition(row: sqlite3.Row) -> run_definition_pb2.ConditionAction | None:
    if row["type"] != run_definition_pb2.ACTION_TYPE_CONDITION:
        return None
    return run_definition_pb2.ConditionAction.FromString(row["detail"] or b"")


def _commands(detail: Detail) -> str:
    row = detail.row
    buttons: list[str] = []
    is_over, is_root = row["phase"] in rows.TERMINAL, not row["parent"]
    if row["is_tracked"]:
        return ""
    condition = _condition(row)
    if condition is not None and row["phase"] == _PAUSED:
        kind = _SIGNALS.get(condition.type.simple, "str")
        about = {"name": condition.name, "prompt": condition.prompt or condition.description, "kind": kind}
        buttons.append(action_button("Signal", "signal", action=row["name"], **about))
    if not is_over and not is_root:
        buttons.append(action_button("Abort action", "abort-action", action=row["name"]))
    return f'<p class="commands">{"".join(buttons)}</p>' if buttons else ""


def _told(row: sqlite3.Row, tries: Sequence[sqlite3.Row]) -> list[tuple[str, str]]:
    """Return what the devbox has to say about where the last attempt runs, or why it does not."""
    if not tries:
        return []
    attempt = rows.attempt_of(row, tries[-1])
    clamped = next((event.message for event in attempt.cluster_events if event.reason == "Clamped"), "")
    waits = latest_told(attempt) if phase_from_wire(row["phase"]) in WAITING else ""
    return [("Waits", escape(waits)), ("Resources", escape(clamped))]


def _attempts(detail: Detail) -> str:
    if not detail.tries:
        return ""
    lines: list[tuple[str, ...]] = []
    for attempt in detail.tries:
        error = rows.error_of(attempt)
        said = view_of(error.message).summary.partition("\n")[0][:200] if error is not None else ""
        memory = f"{attempt['max_rss_bytes'] / 1024**2:.0f} MiB" if attempt["max_rss_bytes"] else ""
        cpu = f"{attempt['cpu_seconds']:.2f} s" if attempt["cpu_seconds"] is not None else ""
        wall = ""
        if attempt["wall_seconds"] is not None:
            wall = duration(0.0, attempt["wall_seconds"], 0.0)
        elif attempt["started_at"] is not None and attempt["phase"] not in rows.TERMINAL:
            wall = duration(attempt["started_at"], None, detail.now)
        number = str(attempt["number"])
        if len(detail.tries) > 1:
            mark = ' aria-current="true"' if attempt["number"] == detail.attempt else ""
            query = f"?i={quote(detail.row['name'], safe='')}&amp;attempt={number}"
            number = f'<a href="{query}" data-attempt="{number}"{mark} title="Show its log">{number}</a>'
        lines.append((number, phase(attempt["phase"]), time_of(attempt["started_at"]), wall, cpu, memory, escape(said)))
    heads = ("Attempt", "Phase", "Started", "Took", "CPU", "Memory", "Error")
    if not any(line[-1] for line in lines):
        heads, lines = heads[:-1], [line[:-1] for line in lines]
    return f"<section><h3>Attempts</h3>{table(heads, lines)}</section>"
