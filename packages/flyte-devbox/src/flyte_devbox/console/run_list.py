"""The list of runs: filters of an address, the page of runs that they give, its HTML."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlencode

from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.console.filtering import Conditions, checked_place, texts_of
from flyte_devbox.console.html import (
    PHASES,
    document,
    duration,
    filter_form,
    options,
    phase,
    scope_choice,
    scope_path,
    table,
    time_of,
)
from flyte_devbox.errors import invalid_argument
from flyte_models.phases import ActionPhase
from flyte_models.values import value

__all__ = [
    "RunFilters",
    "RunPage",
    "filters_of",
    "read_projects",
    "read_runs",
    "run_list_page",
    "run_path",
    "run_table",
]

PAGE = 50
USERS = ("devbox",)
"""Who starts runs here: everything is done by the one user there is."""
_WITHIN = {"1h": ("the last hour", 3600.0), "1d": ("the last day", 86400.0), "7d": ("the last 7 days", 7 * 86400.0)}
_OVER = {"active": "not over", "failing": "failed or timed out"}
_GROUPS = {
    "active": tuple(one.to_protobuf_value() for one in PHASES if not one.is_terminal),
    "failing": (ActionPhase.FAILED.to_protobuf_value(), ActionPhase.TIMED_OUT.to_protobuf_value()),
}


@value
class RunFilters:
    """Which runs are shown; everything that is empty allows all."""

    scope: str = ""
    """`project/domain`, or a project."""
    phase: str = ""
    """The name of a phase in small letters, `active` or `failing`."""
    task: str = ""
    """Part of the name of a task."""
    user: str = ""
    within: str = ""
    """`1h`, `1d` or `7d`."""
    since: str = ""
    until: str = ""
    """Times as ISO 8601 writes them; without a zone they are UTC."""
    q: str = ""
    """Part of the name of a run or task, or of a label's value."""
    before: str = ""
    """Where the page begins: behind the run of this row."""

    def query(self, **changed: str) -> str:
        """Return the part of an address that gives these filters, some of them changed."""
        texts = {name: getattr(self, name) for name in FIELDS} | changed
        return urlencode({name: text for name, text in texts.items() if text})

    @property
    def is_empty(self) -> bool:
        """Whether all runs are shown."""
        return not any(getattr(self, name) for name in FIELDS)


FIELDS = ("scope", "phase", "task", "user", "within", "since", "until", "q", "before")


@value
class RunPage:
    """A page of runs, the newest first."""

    runs: Sequence[sqlite3.Row]
    waiting: Mapping[int, int]
    """How many conditions wait for somebody, by the row of their run."""
    older: str
    """What `before` is for the next page; empty if there is none."""
    projects: Sequence[str]


def filters_of(query: Mapping[str, Sequence[str]]) -> RunFilters:
    """Read the filters of an address.

    Raises:
        ServiceError: INVALID_ARGUMENT: a value cannot be understood.
    """
    filters = RunFilters(**dict(zip(FIELDS, texts_of(query, *FIELDS), strict=True)))
    names = {one.value for one in PHASES}
    if filters.phase and filters.phase not in names | set(_GROUPS):
        raise invalid_argument(f"`{filters.phase}` is no phase\nhint: {', '.join(sorted(names | set(_GROUPS)))}")
    if filters.within and filters.within not in _WITHIN:
        raise invalid_argument(f"`within={filters.within}` is not known\nhint: {', '.join(_WITHIN)}")
    checked_place(filters.before)
    for text in (filters.since, filters.until):
        _seconds(text)
    return filters


def _seconds(text: str) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise invalid_argument(f"`{text[:50]}` is no time\nhint: write it as in 2026-01-31T12:00Z") from None


def _conditions(filters: RunFilters, now: float) -> Conditions:
    conditions = Conditions("r", filters.scope, filters.before)
    add = conditions.add
    if filters.phase:
        numbers = _GROUPS.get(filters.phase) or (ActionPhase(filters.phase).to_protobuf_value(),)
        add(f"r.phase IN ({', '.join('?' * len(numbers))})", *numbers)
    if filters.task:
        add("instr(lower(r.task_name), lower(?)) > 0", filters.task)
    if filters.user:
        add("? = ?", filters.user, USERS[0])
    since, until = _seconds(filters.since), _seconds(filters.until)
    if filters.within:
        since = max(since or 0.0, now - _WITHIN[filters.within][1])
    if since is not None:
        add("r.created_at >= ?", since)
    if until is not None:
        add("r.created_at <= ?", until)
    if filters.q:
        add(
            "(instr(lower(r.name), lower(?)) > 0 OR instr(lower(r.task_name), lower(?)) > 0"
            " OR EXISTS (SELECT 1 FROM json_each(r.labels) l WHERE instr(lower(l.value), lower(?)) > 0))",
            *(filters.q, filters.q, filters.q),
        )
    return conditions


def read_runs(connection: sqlite3.Connection, filters: RunFilters, now: float) -> RunPage:
    """Read a page of runs. Rows are in the order in which runs were made, so that the newest are read and no others."""
    conditions = _conditions(filters, now)
    found = connection.execute(
        "SELECT r.*, (SELECT count(*) FROM actions a WHERE a.run_id = r.id) AS actions,"
        " (SELECT count(*) FROM actions a WHERE a.run_id = r.id AND a.phase IN (6, 8)) AS failed,"
        " EXISTS (SELECT 1 FROM tasks t WHERE t.project = r.project AND t.domain = r.domain AND t.name = r.task_name)"
        " AS is_deployed FROM runs r"
        f" WHERE {conditions} ORDER BY r.id DESC LIMIT ?",
        [*conditions.parameters, PAGE + 1],
    ).fetchall()
    older = str(found[PAGE - 1]["id"]) if len(found) > PAGE else ""
    # What is over is left out by the index, which would not be chosen by itself.
    waiting = connection.execute(
        "SELECT run_id, count(*) AS n FROM actions INDEXED BY actions_alive"
        " WHERE phase NOT IN (5, 6, 7, 8, 10) AND phase = ? AND type = ?"
        " GROUP BY run_id",
        (ActionPhase.PAUSED.to_protobuf_value(), run_definition_pb2.ACTION_TYPE_CONDITION),
    )
    return RunPage(found[:PAGE], {row["run_id"]: row["n"] for row in waiting}, older, read_projects(connection))


def read_projects(connection: sqlite3.Connection) -> list[str]:
    """Read which projects there are."""
    return [row["id"] for row in connection.execute("SELECT id FROM projects ORDER BY id")]


def run_list_page(page: RunPage, filters: RunFilters, now: float) -> str:
    """Return the front page."""
    phases = [("", "Any phase"), *_OVER.items(), *((one.value, one.value.replace("_", " ")) for one in PHASES)]
    times = [("", "Any time"), *((name, label) for name, (label, _) in _WITHIN.items())]
    users = [("", "Anybody"), *((user, user) for user in USERS)]
    is_open = " open" if filters.since or filters.until or filters.user else ""
    form = filter_form(
        "/",
        "Runs",
        filters.q,
        f'<input name="task" value="{escape(filters.task)}" placeholder="Task" aria-label="Task">'
        f'<select name="phase" aria-label="Phase">{options(phases, filters.phase)}</select>',
        scope_choice(page.projects, filters.scope),
        f'<select name="within" aria-label="Time">{options(times, filters.within)}</select>'
        f"<details{is_open}><summary>More</summary>"
        f'<label>From (UTC) <input type="datetime-local" name="since" value="{escape(filters.since)}"></label>'
        f'<label>Until (UTC) <input type="datetime-local" name="until" value="{escape(filters.until)}"></label>'
        f'<label>Started by <select name="user">{options(users, filters.user)}</select></label></details>',
    )
    body = f'<main id="content"><h1>Runs</h1>{form}<div id="list" data-topics="runs">{run_table(page, filters, now)}</div></main>'
    return document("Runs", body, script="list.js", here="runs", scope=filters.scope)


def run_table(page: RunPage, filters: RunFilters, now: float) -> str:
    """Return the runs as a table; how to make one if there is none."""
    if not page.runs:
        if not filters.is_empty:
            return '<section class="empty"><p>No run is like that.</p><p><a href="/">Show all runs</a></p></section>'
        return (
            '<section class="empty"><h2>No runs yet</h2><p>Run a task on this devbox:</p>'
            "<pre>flyte run --devbox hello.py main</pre>"
            "<p>It appears here as soon as it is created.</p></section>"
        )
    lines = [
        (
            phase(run["phase"]) + (' <b class="phase paused">waits for you</b>' if page.waiting.get(run["id"]) else ""),
            f'<a href="{escape(run_path(run))}">{escape(run["name"])}</a>',
            _task(run),
            escape(f"{run['project']}/{run['domain']}"),
            f"{run['actions']:,}{_failed(run['failed'])}",
            time_of(run["created_at"]),
            duration(run["created_at"], run["ended_at"], now),
        )
        for run in page.runs
    ]
    links: list[str] = []
    if filters.before:
        links.append(f'<a href="/?{escape(filters.query(before=""))}">Newest</a>')
    if page.older:
        links.append(f'<a rel="next" href="/?{escape(filters.query(before=page.older))}">Older</a>')
    pager = f'<nav class="pager" aria-label="Pages">{"".join(links)}</nav>' if links else ""
    return table(("Phase", "Run", "Task", "Project", "Actions", "Created", "Duration"), lines) + pager


def _failed(count: int) -> str:
    return f' <span class="bad">({count:,} failed)</span>' if count else ""


def _task(run: sqlite3.Row) -> str:
    """Return the name of the task of a run, which leads to its page if it is deployed."""
    name = escape(run["task_name"])
    if not run["is_deployed"]:
        return name
    return f'<a href="{escape(scope_path(run["project"], run["domain"], "tasks", run["task_name"]))}">{name}</a>'


def run_path(run: sqlite3.Row) -> str:
    """Return the path of a run's page."""
    kind = "tracked-runs" if run["is_tracked"] else "runs"
    return scope_path(run["project"], run["domain"], kind, run["name"])


def runs_now(connection: sqlite3.Connection, filters: RunFilters) -> tuple[RunPage, float]:
    """Read a page of runs, and when that was."""
    now = time.time()
    return read_runs(connection, filters, now), now
