"""Pages of triggers: when they start runs, switched on and off, started now."""

import sqlite3
from collections.abc import Sequence
from html import escape
from typing import Any

from flyteidl2.task import common_pb2

from flyte_devbox.console.html import action_button, document, phase, scope_path, table, time_of
from flyte_devbox.errors import not_found
from flyte_devbox.triggering import details_of

__all__ = ["read_triggers", "trigger_list", "trigger_list_page"]

_MOST = 500
_UNITS = {
    common_pb2.FIXED_RATE_UNIT_MINUTE: "minute",
    common_pb2.FIXED_RATE_UNIT_HOUR: "hour",
    common_pb2.FIXED_RATE_UNIT_DAY: "day",
}


def read_triggers(
    connection: sqlite3.Connection, project: str = "", domain: str = "", name: str = ""
) -> list[sqlite3.Row]:
    """Read all triggers, or those of one name, which tasks may share, each with the last run that it has started.

    Raises:
        ServiceError: NOT_FOUND: there is none of that name.
    """
    where, parameters = "1", list[Any]()
    if name:
        where, parameters = "g.project = ? AND g.domain = ? AND g.name = ?", [project, domain, name]
    last = (
        "SELECT max(r.id) FROM runs r WHERE r.project = g.project AND r.domain = g.domain AND r.task_name = g.task_name"
        " AND r.trigger_name = g.name AND r.trigger_task = g.task_name"
    )
    found = connection.execute(
        "SELECT g.*, r.name AS run_name, r.phase AS run_phase, r.created_at AS run_at"
        f" FROM triggers g LEFT JOIN runs r ON r.id = ({last}) WHERE {where}"
        " ORDER BY g.project, g.domain, g.task_name, g.name LIMIT ?",
        [*parameters, _MOST],
    ).fetchall()
    if name and not found:
        raise not_found(f"there is no trigger `{name[:100]}` in `{project[:100]}/{domain[:100]}`")
    return found


def trigger_list_page(rows: Sequence[sqlite3.Row], title: str = "Triggers") -> str:
    """Return the page of triggers."""
    path = '<p class="path"><a href="/triggers">Triggers</a></p>' if title != "Triggers" else ""
    body = (
        f'{path}<main id="content"><h1>{escape(title)}</h1>'
        f'<div id="list" data-topics="runs triggers">{trigger_list(rows)}</div></main>'
    )
    return document(title, body, script="triggers.js", here="triggers")


def trigger_list(rows: Sequence[sqlite3.Row]) -> str:
    """Return the triggers as a table."""
    if not rows:
        return (
            '<section class="empty"><h2>No triggers yet</h2><p>Give a task one and deploy it:</p>'
            "<pre>@env.task(triggers=flyte.Trigger.hourly())</pre></section>"
        )
    heads = ("Trigger", "Task", "Starts", "State", "Last started", "Next", "Last run", "")
    listed = table(heads, [_line(row) for row in rows])
    return listed + (f"<p>Only the first {_MOST} are shown.</p>" if len(rows) == _MOST else "")


def _line(row: sqlite3.Row) -> str:
    details = details_of(row)
    names = {
        "org": details.id.name.org,
        "project": row["project"],
        "domain": row["domain"],
        "task": row["task_name"],
        "trigger": row["name"],
    }
    is_active = bool(row["is_active"])
    switch = (
        action_button("Deactivate", "deactivate", **names)
        if is_active
        else action_button("Activate", "activate", **names)
    )
    run = ""
    if row["run_name"] is not None:
        path = scope_path(row["project"], row["domain"], "runs", row["run_name"])
        run = f'{phase(row["run_phase"])} <a href="{escape(path)}">{escape(row["run_name"])}</a>'
    task = scope_path(row["project"], row["domain"], "tasks", row["task_name"])
    own = scope_path(row["project"], row["domain"], "triggers", row["name"])
    return (
        f'<tr><td><a href="{escape(own)}">{escape(row["name"])}</a></td>'
        f'<td><a href="{escape(task)}">{escape(row["task_name"])}</a></td>'
        f"<td>{escape(starts(details.automation_spec))}</td><td>{'active' if is_active else 'not active'}</td>"
        f"<td>{time_of(row['triggered_at'] or row['run_at'])}</td><td>{time_of(row['next_at'])}</td><td>{run}</td>"
        f'<td><span class="commands">{switch}{action_button("Run now", "run-trigger", **names)}</span></td></tr>'
    )


def starts(automation: common_pb2.TriggerAutomationSpec) -> str:
    """Say what starts a trigger."""
    if automation.type == common_pb2.TYPE_ARTIFACT:
        return f"when artifact {automation.artifact.artifact_name} appears"
    if automation.type != common_pb2.TYPE_SCHEDULE:
        return "by hand"
    schedule = automation.schedule
    if schedule.WhichOneof("expression") == "rate":
        unit, count = _UNITS.get(schedule.rate.unit, "minute"), schedule.rate.value
        return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    if schedule.WhichOneof("expression") == "cron":
        return f"{schedule.cron.expression} ({schedule.cron.timezone or 'UTC'})"
    return schedule.cron_expression
