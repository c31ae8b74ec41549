"""What the tree of a run's actions asks for: ranges of children, of what is searched for, the way to an action.

A range of children is read by the index of parents, whatever the number of actions; children are in the order in which they
were made, so that one keeps its place while more are made.
"""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.errors import invalid_argument, not_found
from flyte_devbox.rows import begun_at
from flyte_models.values import value

__all__ = ["Question", "answer", "deepest_failed", "first_waiting", "question_of"]

_MOST_RANGES = 40
_MOST_ROWS = 200
_MOST_COUNTED = 500
_MOST_PHASES = 20
_MOST_DEPTH = 10_000
_COLUMNS = "a.id, a.name, a.parent, a.task_name, a.type, a.phase, a.created_at, a.started_at, a.ended_at, a.metadata"


@value
class Range:
    """Some rows of a list."""

    start: int
    count: int
    parent: str | None
    """The action whose children it is about, empty for the root; `None` for all that is searched for."""


@value
class Question:
    """What a page wants to know of a run."""

    ranges: Sequence[Range] = ()
    counted: Sequence[str] = ()
    """Actions whose children are to be counted."""
    search: str = ""
    phases: Sequence[int] = ()
    """What ranges without a parent are about: part of a name, some phases."""
    way_to: str = ""
    """An action whose ancestors are asked for."""
    wants_phases: bool = False
    """Whether to count the actions of each phase."""


def question_of(message: Any) -> Question:
    """Read a question.

    Raises:
        ServiceError: INVALID_ARGUMENT: it has other fields or values than a question has.
    """
    try:
        fields = cast("dict[str, Any]", message)
        ranges = [
            Range(int(one["start"]), int(one["count"]), None if one.get("parent") is None else str(one["parent"]))
            for one in fields.get("ranges", ())
        ]
        question = Question(
            ranges,
            [str(name) for name in fields.get("counted", ())],
            str(fields.get("search", ""))[:200],
            [int(phase) for phase in fields.get("phases", ())][:_MOST_PHASES],
            str(fields.get("wayTo", "")),
            bool(fields.get("wantsPhases", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise invalid_argument(f"this is no question about the actions of a run: {error!r}") from None
    wrong = any(one.start < 0 or one.start > 2**40 or not 0 < one.count <= _MOST_ROWS for one in question.ranges)
    if wrong or len(question.ranges) > _MOST_RANGES or len(question.counted) > _MOST_COUNTED:
        raise invalid_argument(
            f"a question has {_MOST_RANGES} ranges of 1 to {_MOST_ROWS} rows and counts {_MOST_COUNTED} at most"
        )
    return question


def answer(connection: sqlite3.Connection, run: int, question: Question) -> dict[str, Any]:
    """Answer a question about a run, as of one moment.

    Raises:
        ServiceError: NOT_FOUND: the run or the action is gone.
    """
    connection.execute("BEGIN")
    try:
        return _answer(connection, run, question)
    finally:
        connection.execute("COMMIT")


def _answer(connection: sqlite3.Connection, run: int, question: Question) -> dict[str, Any]:
    found = connection.execute("SELECT phase, created_at, ended_at FROM runs WHERE id = ?", (run,)).fetchone()
    if found is None:
        raise not_found("the run is gone")
    given: dict[str, Any] = {
        "now": time.time(),
        "phase": found["phase"],
        "begin": found["created_at"],
        "end": found["ended_at"],
        "ranges": [_range(connection, run, one, question) for one in question.ranges],
        "counts": _counts(connection, run, question.counted),
    }
    if question.way_to:
        given["way"] = _way(connection, run, question.way_to)
    if question.wants_phases:
        rows = connection.execute("SELECT phase, count(*) AS n FROM actions WHERE run_id = ? GROUP BY phase", (run,))
        given["phases"] = {row["phase"]: row["n"] for row in rows}
    return given


def _range(connection: sqlite3.Connection, run: int, one: Range, question: Question) -> dict[str, Any]:
    conditions, parameters = ["a.run_id = ?"], list[Any]([run])
    if one.parent is not None:
        conditions.append("a.parent = ?")
        parameters.append(one.parent)
    else:
        if question.search:
            conditions.append("(instr(lower(a.task_name), lower(?)) > 0 OR instr(lower(a.name), lower(?)) > 0)")
            parameters += [question.search] * 2
        if question.phases:
            conditions.append(f"a.phase IN ({', '.join(str(phase) for phase in question.phases)})")
    where = " AND ".join(conditions)
    (total,) = connection.execute(f"SELECT count(*) FROM actions a WHERE {where}", parameters).fetchone()
    sql = f"SELECT {_COLUMNS} FROM actions a WHERE {where} ORDER BY a.id LIMIT ? OFFSET ?"
    rows = connection.execute(sql, [*parameters, one.count, one.start]).fetchall()
    children = _counts(connection, run, [row["name"] for row in rows])
    return {"total": total, "rows": [_row(row, children) for row in rows]}


def _row(row: sqlite3.Row, children: Mapping[str, int]) -> list[Any]:
    """Return a row as the scripts read it: name, label, type, phase, times, how many children, group."""
    name = row["name"]
    times = [None if at is None else round(at, 3) for at in (begun_at(row), row["started_at"], row["ended_at"])]
    group = run_definition_pb2.ActionMetadata.FromString(row["metadata"]).group
    return [name, label_of(row), row["type"], row["phase"], *times, children.get(name, 0), group]


def label_of(row: sqlite3.Row) -> str:
    """Return what an action is called in the tree."""
    return row["task_name"].rpartition(".")[2] or row["name"]


def _counts(connection: sqlite3.Connection, run: int, names: Sequence[str]) -> dict[str, int]:
    if not names:
        return {}
    places = ", ".join("?" * len(names))
    sql = f"SELECT parent, count(*) AS n FROM actions WHERE run_id = ? AND parent IN ({places}) GROUP BY parent"
    return {row["parent"]: row["n"] for row in connection.execute(sql, [run, *names])}


def _way(connection: sqlite3.Connection, run: int, name: str) -> list[list[Any]]:
    """Return the actions from the root to one, each with its place among its siblings and how many children it has."""
    way: list[list[Any]] = []
    while name and len(way) < _MOST_DEPTH:
        row = connection.execute("SELECT id, parent FROM actions WHERE run_id = ? AND name = ?", (run, name)).fetchone()
        if row is None:
            raise not_found(f"there is no action `{name[:100]}`")
        sql = "SELECT count(*) FROM actions WHERE run_id = ? AND parent = ? AND id < ?"
        (place,) = connection.execute(sql, (run, row["parent"], row["id"])).fetchone()
        way.append([name, place])
        name = row["parent"]
    children: dict[str, int] = {}
    for begin in range(0, len(way), _MOST_COUNTED):
        children |= _counts(connection, run, [step[0] for step in way[begin : begin + _MOST_COUNTED]])
    return [[*step, children.get(step[0], 0)] for step in reversed(way)]


def first_waiting(connection: sqlite3.Connection, run: int) -> str:
    """Return the first condition of a run that waits to be signalled; empty if none does."""
    # What is over is left out by the index, which would not be chosen by itself.
    row = connection.execute(
        "SELECT name FROM actions INDEXED BY actions_alive"
        " WHERE phase NOT IN (5, 6, 7, 8, 10) AND run_id = ? AND phase = 9 AND type = ?"
        " ORDER BY id LIMIT 1",
        (run, run_definition_pb2.ACTION_TYPE_CONDITION),
    ).fetchone()
    return "" if row is None else row["name"]


def deepest_failed(connection: sqlite3.Connection, run: int) -> str:
    """Return the action in which a run failed first, as deep as can be; empty if none failed."""
    row = connection.execute(
        "SELECT a.name FROM actions a WHERE a.run_id = ? AND a.phase IN (6, 8)"
        " ORDER BY a.depth DESC, a.ended_at ASC LIMIT 1",
        (run,),
    ).fetchone()
    return "" if row is None else row["name"]
