"""Pages of triggers: when they start runs, switched on and off, started now."""

import sqlite3
from collections.abc import Mapping, Sequence
from html import escape

from flyteidl2.task import common_pb2

from flyte_devbox.console.filtering import Conditions, texts_of
from flyte_devbox.console.html import (
    action_button,
    document,
    filter_form,
    phase,
    scope_choice,
    scope_path,
    table,
    time_of,
)
from flyte_devbox.console.run_list import read_projects
from flyte_devbox.errors import not_found
from flyte_devbox.triggering import details_of
from flyte_models.values import value

__all__ = ["TriggerFilters", "TriggerPage", "read_triggers", "trigger_filters", "trigger_list", "trigger_list_page"]

_MOST = 500
_UNITS = {
    common_pb2.FIXED_RATE_UNIT_MINUTE: "minute",
    common_pb2.FIXED_RATE_UNIT_HOUR: "hour",
    common_pb2.FIXED_RATE_UNIT_DAY: "day",
}


@value
class TriggerFilters:
    """Which triggers are shown; everything that is empty allows all."""

    q: str = ""
    """Part of the name of a trigger or its task."""
    scope: str = ""
    """`project/domain`, or a project."""
    task: str = ""
    """The whole name of a task."""
    name: str = ""
    """The whole name of a trigger of this scope, which tasks may share."""


@value
class TriggerPage:
    """Triggers, each with the last run that it has started."""

    triggers: Sequence[sqlite3.Row]
    projects: Sequence[str]


def trigger_filters(query: Mapping[str, Sequence[str]]) -> TriggerFilters:
    """Read the filters of an address."""
    q, scope = texts_of(query, "q", "scope")
    return TriggerFilters(q, scope)


def read_triggers(connection: sqlite3.Connection, filters: TriggerFilters) -> TriggerPage:
    """Read triggers in the order of their tasks.

    Raises:
        ServiceError: NOT_FOUND: there is none of that name.
    """
    conditions = Conditions("g", filters.scope)
    if filters.task:
        conditions.add("g.task_name = ?", filters.task)
    if filters.name:
        conditions.add("g.name = ?", filters.name)
    if filters.q:
        is_found = "(instr(lower(g.name), lower(?)) > 0 OR instr(lower(g.task_name), lower(?)) > 0)"
        conditions.add(is_found, filters.q, filters.q)
    last = (
        "SELECT max(r.id) FROM runs r WHERE r.project = g.project AND r.domain = g.domain AND r.task_name = g.task_name"
        " AND r.trigger_name = g.name AND r.trigger_task = g.task_name"
    )
    found = connection.execute(
        "SELECT g.*, r.name AS run_name, r.phase AS run_phase, r.created_at AS run_at"
        f" FROM triggers g LEFT JOIN runs r ON r.id = ({last}) WHERE {conditions}"
        " ORDER BY g.project, g.domain, g.task_name, g.name LIMIT ?",
        [*conditions.parameters, _MOST],
    ).fetchall()
    if filters.name and not found:
        raise not_found(f"there is no trigger `{filters.name[:100]}` in `{filters.scope[:200]}`")
    return TriggerPage(found, read_projects(connection))


def trigger_list_page(page: TriggerPage, filters: TriggerFilters) -> str:
    """Return the page of triggers, or of those of one name."""
    name = escape(filters.name)
    form = filter_form("/triggers", "Triggers", filters.q, scope_choice(page.projects, filters.scope))
    path = f'<p class="path"><a href="/triggers">Triggers</a> / <b>{name}</b></p>' if name else ""
    body = (
        f'{path}<main id="content"><h1>{name or "Triggers"}</h1>{"" if name else form}'
        f'<div id="list" data-topics="runs triggers">{trigger_list(page, filters)}</div></main>'
    )
    return document(filters.name or "Triggers", body, script="triggers.js", here="triggers", scope=filters.scope)


def trigger_list(page: TriggerPage, filters: TriggerFilters) -> str:
    """Return the triggers as a table."""
    rows = page.triggers
    if not rows:
        if filters.q or filters.scope:
            return '<section class="empty"><p>No trigger is like that.</p><p><a href="/triggers">Show all</a></p></section>'
        return (
            '<section class="empty"><h2>No triggers yet</h2><p>Give a task one and deploy it:</p>'
            "<pre>@env.task(triggers=flyte.Trigger.hourly())\nasync def main(): ...</pre></section>"
        )
    heads = ("Trigger", "Task", "Project", "Starts", "State", "Last started", "Next", "Last run", "")
    listed = table(heads, [_line(row) for row in rows])
    return listed + (f"<p>Only the first {_MOST} are shown.</p>" if len(rows) == _MOST else "")


def _line(row: sqlite3.Row) -> tuple[str, ...]:
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
    about = f'<br><span class="muted">{escape(details.description)}</span>' if details.description else ""
    own = scope_path(row["project"], row["domain"], "triggers", row["task_name"], row["name"])
    return (
        f'<a href="{escape(own)}">{escape(row["name"])}</a>{about}',
        f'<a href="{escape(task)}">{escape(row["task_name"])}</a>',
        escape(f"{row['project']}/{row['domain']}"),
        escape(starts(details.automation_spec)),
        "active" if is_active else '<span class="muted">not active</span>',
        time_of(row["triggered_at"] or row["run_at"]),
        time_of(row["next_at"]),
        run,
        f'<span class="commands">{switch}{action_button("Run now", "run-trigger", **names)}</span>',
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
