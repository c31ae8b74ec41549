"""Records of the engine as plain data for programs, and as rows for people. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from flyte_cli import times
from flyte_cli.output import Layout
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, RunRecord

RUN_HEADINGS = ("RUN", "TASK", "PHASE", "STARTED", "TOOK")
ACTION_HEADINGS = ("TASK", "ACTION", "PHASE", "ATTEMPTS", "TOOK", "ERROR")


def run_data(run: RunRecord) -> dict[str, Any]:
    """Return a run as plain data."""
    return {
        "name": run.run_name,
        "task": run.task_name,
        "phase": run.phase.value,
        "created_at": times.iso(run.created_at),
        "ended_at": _iso(run.ended_at),
        "seconds": _seconds(run.created_at, run.ended_at),
        "project": run.project,
        "domain": run.domain,
        "file": run.source_path,
        "command": run.command,
        "labels": dict(run.labels),
    }


def run_row(run: RunRecord, layout: Layout) -> tuple[str, ...]:
    """Return a run as a row below `RUN_HEADINGS`."""
    started, took = layout.time(run.created_at), layout.took(run.created_at, run.ended_at)
    return run.run_name, run.task_name, run.phase.value, started, took


def action_data(action: ActionRecord) -> dict[str, Any]:
    """Return an action as plain data."""
    return {
        "run": action.run_name,
        "name": action.name,
        "parent": action.parent_name,
        "task": action.task_name,
        "short_name": action.short_name,
        "group": action.group,
        "phase": action.phase.value,
        "attempts": action.attempt,
        "created_at": times.iso(action.created_at),
        "started_at": _iso(action.started_at),
        "ended_at": _iso(action.ended_at),
        "seconds": _seconds(action.started_at, action.ended_at),
        "cache": action.cache_status,
        "error": error_data(action.error),
    } | ({"waiting_for": action.waiting_for} if action.waiting_for else {})


def attempt_data(attempt: AttemptRecord) -> dict[str, Any]:
    """Return an attempt as plain data."""
    return {
        "number": attempt.number,
        "phase": attempt.phase.value,
        "started_at": times.iso(attempt.started_at),
        "ended_at": _iso(attempt.ended_at),
        "seconds": _seconds(attempt.started_at, attempt.ended_at),
        "error": error_data(attempt.error),
    }


def error_data(error: ErrorRecord | None) -> dict[str, Any] | None:
    """Return an error as plain data."""
    if error is None:
        return None
    return {"code": error.code, "kind": error.kind, "message": error.message, "traceback": error.traceback}


def action_table(actions: Sequence[ActionRecord], layout: Layout) -> str:
    """Return a table of actions, each below its parent and indented; if one says what it waits for, with a column for that."""
    waits = any(action.waiting_for for action in actions)
    rows = [
        (*_action_row(action, depth, layout), *((action.waiting_for,) if waits else ()))
        for action, depth in as_tree(actions)
    ]
    return layout.table((*ACTION_HEADINGS, *(("WAITING FOR",) if waits else ())), rows)


def as_tree(actions: Sequence[ActionRecord]) -> Iterator[tuple[ActionRecord, int]]:
    """Yield actions, each behind its parent, with their depth; those whose parent is not among them are roots."""
    names = {action.name for action in actions}
    children: dict[str | None, list[ActionRecord]] = {}
    for action in actions:
        children.setdefault(action.parent_name if action.parent_name in names else None, []).append(action)
    pending = [(action, 0) for action in reversed(children.get(None, []))]
    while pending:
        action, depth = pending.pop()
        yield action, depth
        pending.extend((child, depth + 1) for child in reversed(children.get(action.name, [])))


def _action_row(action: ActionRecord, depth: int, layout: Layout) -> tuple[str, ...]:
    label = action.short_name or action.task_name
    if action.group:
        label = f"{label} ({action.group})"
    phase = f"{action.phase.value}, cached" if action.cache_status == "hit" else action.phase.value
    took = layout.took(action.started_at, action.ended_at)
    return "  " * depth + label, action.name, phase, str(action.attempt), took, first_line(action.error)


def first_line(error: ErrorRecord | None) -> str:
    """Return the code and the first line of an error."""
    if error is None:
        return ""
    lines = error.message.splitlines()
    return f"{error.code}: {lines[0]}"[:120] if lines else error.code


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else times.iso(seconds)


def _seconds(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 6)
