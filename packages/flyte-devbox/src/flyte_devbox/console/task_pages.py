"""Pages of tasks: the list, and one for each task with its versions, interface, runs and the form that starts one."""

import sqlite3
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from flyteidl2.core import interface_pb2
from flyteidl2.task import task_definition_pb2

from flyte_devbox.console.filtering import Conditions, checked_place, texts_of
from flyte_devbox.console.html import (
    copy_button,
    document,
    duration,
    facts,
    filter_form,
    page_link,
    phase,
    scope_choice,
    scope_path,
    table,
    time_of,
)
from flyte_devbox.console.launch_form import fields_of
from flyte_devbox.console.launch_page import launch_form_html
from flyte_devbox.console.run_list import read_projects, run_path
from flyte_devbox.console.type_names import type_name
from flyte_devbox.errors import not_found
from flyte_models.values import value

__all__ = [
    "TaskFilters",
    "TaskPage",
    "TaskView",
    "read_task",
    "read_tasks",
    "task_filters",
    "task_list_page",
    "task_page",
    "task_path",
    "task_runs",
]

PAGE = 50
_VERSIONS = 50
_RUNS = 20


@value
class TaskFilters:
    """Which tasks are shown."""

    q: str = ""
    """Part of a name."""
    scope: str = ""
    """`project/domain`, or a project."""
    before: str = ""
    """Where the page begins: behind the version of this row."""


@value
class TaskPage:
    """The latest versions of some tasks."""

    tasks: Sequence[sqlite3.Row]
    older: str
    """What `before` is for the next page; empty if there is none."""
    projects: Sequence[str]


@value
class TaskView:
    """A version of a task with what belongs to it."""

    task: sqlite3.Row
    versions: Sequence[sqlite3.Row]
    runs: Sequence[sqlite3.Row]
    triggers: Sequence[sqlite3.Row]
    spec: task_definition_pb2.TaskSpec
    now: float


def task_filters(query: Mapping[str, Sequence[str]]) -> TaskFilters:
    """Read the filters of an address.

    Raises:
        ServiceError: INVALID_ARGUMENT: a value cannot be understood.
    """
    q, scope, before = texts_of(query, "q", "scope", "before")
    return TaskFilters(q, scope, checked_place(before))


def read_tasks(connection: sqlite3.Connection, filters: TaskFilters) -> TaskPage:
    """Read a page of the latest versions of tasks, the latest first."""
    conditions = Conditions("t", filters.scope, filters.before)
    if filters.q:
        conditions.add("instr(lower(t.name), lower(?)) > 0", filters.q)
    same = "u.project = t.project AND u.domain = t.domain AND u.name = t.name"
    run = "r.project = t.project AND r.domain = t.domain AND r.task_name = t.name"
    trigger = "g.project = t.project AND g.domain = t.domain AND g.task_name = t.name"
    found = connection.execute(
        f"SELECT t.*, (SELECT count(*) FROM tasks u WHERE {same}) AS versions,"
        f" (SELECT r.phase FROM runs r WHERE {run} ORDER BY r.id DESC LIMIT 1) AS last_phase,"
        f" (SELECT r.created_at FROM runs r WHERE {run} ORDER BY r.id DESC LIMIT 1) AS last_run,"
        f" (SELECT count(*) FROM triggers g WHERE {trigger}) AS triggers"
        f" FROM tasks t WHERE t.id = (SELECT max(u.id) FROM tasks u WHERE {same}) AND {conditions}"
        " ORDER BY t.id DESC LIMIT ?",
        [*conditions.parameters, PAGE + 1],
    ).fetchall()
    older = str(found[PAGE - 1]["id"]) if len(found) > PAGE else ""
    return TaskPage(found[:PAGE], older, read_projects(connection))


def read_task(connection: sqlite3.Connection, key: tuple[str, str, str], version: str, now: float) -> TaskView:
    """Read a version of a task, the latest if none is named.

    Args:
        connection: what it is read from.
        key: project, domain and name.
        version: which; empty for the latest.
        now: the time.

    Raises:
        ServiceError: NOT_FOUND.
    """
    project, domain, name = key
    where = "project = ? AND domain = ? AND {0} = ?"
    versions = connection.execute(
        f"SELECT * FROM tasks WHERE {where.format('name')} ORDER BY id DESC LIMIT ?", (*key, _VERSIONS)
    ).fetchall()
    task: sqlite3.Row | None = next((row for row in versions if not version or row["version"] == version), None)
    if task is None:
        sql = f"SELECT * FROM tasks WHERE {where.format('name')} AND version = ?"
        task = connection.execute(sql, (*key, version)).fetchone()
    if task is None:
        which = f" of version `{version[:100]}`" if version else ""
        raise not_found(f"there is no task `{name[:100]}`{which} in `{project[:100]}/{domain[:100]}`")
    sql = "SELECT spec FROM task_specs WHERE digest = ?"
    (spec,) = connection.execute(sql, (task["digest"],)).fetchone()
    return TaskView(
        task,
        versions,
        connection.execute(
            f"SELECT * FROM runs WHERE {where.format('task_name')} ORDER BY id DESC LIMIT ?", (*key, _RUNS)
        ).fetchall(),
        connection.execute(f"SELECT * FROM triggers WHERE {where.format('task_name')} ORDER BY name", key).fetchall(),
        task_definition_pb2.TaskSpec.FromString(spec),
        now,
    )


def task_path(row: sqlite3.Row, version: str = "") -> str:
    """Return the path of a task's page, given one of its versions."""
    query = f"?{urlencode({'version': version})}" if version else ""
    return scope_path(row["project"], row["domain"], "tasks", row["name"]) + query


def task_list_page(page: TaskPage, filters: TaskFilters, *, is_fragment: bool) -> str:
    """Return the list of tasks."""
    tasks, older, projects = page.tasks, page.older, page.projects
    lines = [
        (
            f'<a href="{escape(task_path(row))}">{escape(row["name"])}</a>',
            escape(f"{row['project']}/{row['domain']}"),
            escape(row["environment"]),
            str(row["versions"]),
            time_of(row["deployed_at"]),
            f"{phase(row['last_phase'])} {time_of(row['last_run'])}" if row["last_phase"] is not None else "",
            str(row["triggers"] or ""),
        )
        for row in tasks
    ]
    if not tasks:
        listed = (
            '<section class="empty"><p>No task is like that.</p></section>'
            if filters.q or filters.scope
            else '<section class="empty"><h2>No tasks yet</h2><p>Deploy the tasks of an environment to this devbox:</p>'
            "<pre>flyte deploy --devbox hello.py env</pre>"
            "<p>They appear here with a form that starts them.</p></section>"
        )
    else:
        listed = table(("Task", "Project", "Environment", "Versions", "Deployed", "Last run", "Triggers"), lines)
    if older:
        query = urlencode({"q": filters.q, "scope": filters.scope, "before": older})
        listed += f'<nav class="pager" aria-label="Pages"><a rel="next" href="/tasks?{escape(query)}">Older</a></nav>'
    if is_fragment:
        return listed
    form = filter_form("/tasks", "Tasks", filters.q, scope_choice(projects, filters.scope))
    body = f'<main id="content"><h1>Tasks</h1>{form}<div id="list" data-topics="runs">{listed}</div></main>'
    return document("Tasks", body, script="list.js", here="tasks", scope=filters.scope)


def task_page(view: TaskView) -> str:
    """Return the page of a version of a task."""
    task, spec = view.task, view.spec
    about = spec.documentation
    about_it = [
        ("Version", escape(task["version"]) + copy_button("version", task["version"])),
        ("Project", f"{escape(task['project'])}/{escape(task['domain'])}"),
        ("Environment", escape(task["environment"])),
        ("Deployed", time_of(task["deployed_at"])),
        ("Source", page_link(about.source_code.link)),
    ]
    parts = [
        f"<h1>{escape(task['name'])}</h1>",
        facts(about_it),
    ]
    if about.short_description:
        parts.append(f"<p>{escape(about.short_description)}</p>")
    if about.long_description:
        parts.append(f"<details><summary>More</summary><pre>{escape(about.long_description)}</pre></details>")
    left = _start(view) + _interface("Outputs", spec.task_template.interface.outputs)
    right = f'<div id="list" data-topics="runs">{task_runs(view)}</div>{_triggers(view)}{_versions(view)}'
    parts.append(f'<div class="halves"><div>{left}</div><div>{right}</div></div>')
    body = (
        f'<p class="path"><a href="/tasks">Tasks</a> / <b>{escape(task["name"])}</b></p>'
        f'<main id="content">{"".join(parts)}</main>'
    )
    return document(task["name"], body, script="task.js", here="tasks")


def _start(view: TaskView) -> str:
    path = scope_path(view.task["project"], view.task["domain"], "tasks", view.task["name"])
    form = launch_form_html(fields_of(view.spec), f"{path}/start", "Start", version=view.task["version"])
    return f"<section><h2>Start a run</h2>{form}</section>"


def _interface(title: str, variables: interface_pb2.VariableMap) -> str:
    lines = [
        (escape(entry.key), escape(type_name(entry.value.type)), escape(entry.value.description))
        for entry in variables.variables
    ]
    return f"<section><h2>{title}</h2>{table(('Name', 'Type', 'Description'), lines)}</section>" if lines else ""


def task_runs(view: TaskView) -> str:
    """Return the latest runs of a task."""
    lines = [
        (
            phase(run["phase"]),
            f'<a href="{escape(run_path(run))}">{escape(run["name"])}</a>',
            escape(run["task_version"]),
            time_of(run["created_at"]),
            duration(run["created_at"], run["ended_at"], view.now),
        )
        for run in view.runs
    ]
    if not lines:
        return "<section><h2>Runs</h2><p>None yet: the form starts one.</p></section>"
    query = urlencode({"task": view.task["name"], "scope": f"{view.task['project']}/{view.task['domain']}"})
    listed = table(("Phase", "Run", "Version", "Created", "Duration"), lines)
    return f'<section><h2>Runs</h2>{listed}<p><a href="/?{escape(query)}">All its runs</a></p></section>'


def _triggers(view: TaskView) -> str:
    lines = [
        f'<li><a href="{escape(scope_path(row["project"], row["domain"], "triggers", row["task_name"], row["name"]))}">'
        f"{escape(row['name'])}</a> {'' if row['is_active'] else '(not active)'}</li>"
        for row in view.triggers
    ]
    return f"<section><h2>Triggers</h2><ul>{''.join(lines)}</ul></section>" if lines else ""


def _versions(view: TaskView) -> str:
    lines = [
        (_version(row, is_shown=row["version"] == view.task["version"]), time_of(row["deployed_at"]))
        for row in view.versions
    ]
    return f"<section><h2>Versions</h2>{table(('Version', 'Deployed'), lines)}</section>"


def _version(row: sqlite3.Row, *, is_shown: bool) -> str:
    mark = ' aria-current="true"' if is_shown else ""
    return f'<a href="{escape(task_path(row, row["version"]))}"{mark}>{escape(row["version"])}</a>'
