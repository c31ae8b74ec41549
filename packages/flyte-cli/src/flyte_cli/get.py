"""`flyte get`: runs and actions from the history of this machine."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from flyte_cli.app import LazyGroup, RootOptions
from flyte_config import auto, local_state_folder
from flyte_engine.records import ActionRecord, RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore


def history_file() -> Path:
    """Return the file in which `flyte run` records, by the configuration that applies."""
    options = click.get_current_context().find_root().ensure_object(RootOptions)
    return local_state_folder(auto(options.config).source) / "history.db"


def open_history() -> ActionStore:
    """Open the history.

    Raises:
        click.UsageError: when nothing was recorded yet.
    """
    path = history_file()
    if not path.is_file():
        raise click.UsageError(
            f"nothing is recorded yet: there is no `{path}`\nhint: `flyte run FILE TASK` records a run"
        )
    return SQLiteStore(path)


@click.command("run")
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, help="How many runs to list [default: 20]")
def get_run(name: str | None, limit: int) -> None:
    """Show the latest runs, or one run with its actions."""
    store = open_history()
    try:
        if name is None:
            runs = store.runs(limit)
            click.echo(_table(("RUN", "TASK", "PHASE", "STARTED", "TOOK"), [_run_row(run) for run in runs]))
            return
        run = _find_run(store, name)
        rows = [
            ("run", run.run_name),
            ("task", run.task_name),
            ("phase", run.phase.value),
            ("started", _time(run.created_at)),
        ]
        rows += [
            ("took", _took(run.created_at, run.ended_at)),
            ("file", run.source_path or ""),
            ("command", run.command or ""),
        ]
        click.echo("\n".join(f"{left:<9} {right}" for left, right in rows if right))
        click.echo("")
        click.echo(_action_table(store.actions(name)))
    finally:
        store.close()


@click.command("action")
@click.argument("run_name")
@click.argument("action_name", required=False)
def get_action(run_name: str, action_name: str | None) -> None:
    """Show the actions of a run, or one action with its attempts."""
    store = open_history()
    try:
        _find_run(store, run_name)
        if action_name is None:
            click.echo(_action_table(store.actions(run_name)))
            return
        action = store.action(run_name, action_name)
        if action is None:
            raise click.UsageError(
                f"run `{run_name}` has no action `{action_name}`\nhint: `flyte get action {run_name}` lists its actions"
            )
        click.echo(f"action    {action.name}\ntask      {action.task_name}\nphase     {action.phase.value}")
        for attempt in store.attempts(run_name, action_name):
            took = _took(attempt.started_at, attempt.ended_at)
            click.echo(f"\nattempt {attempt.number}: {attempt.phase.value}, {took}")
            if attempt.error is not None:
                click.echo(attempt.error.traceback or f"{attempt.error.code}: {attempt.error.message}")
    finally:
        store.close()


def _find_run(store: ActionStore, name: str) -> RunRecord:
    run = store.run(name)
    if run is None:
        raise click.UsageError(
            f"no run `{name}` is recorded on this machine\nhint: `flyte get run` lists the latest runs"
        )
    return run


def _run_row(run: RunRecord) -> tuple[str, ...]:
    return run.run_name, run.task_name, run.phase.value, _time(run.created_at), _took(run.created_at, run.ended_at)


def _action_table(actions: Sequence[ActionRecord]) -> str:
    depths: dict[str, int] = {}
    children: dict[str | None, list[ActionRecord]] = {}
    for action in actions:
        children.setdefault(action.parent_name, []).append(action)
    rows: list[tuple[str, ...]] = []
    pending = list(reversed(children.get(None, [])))
    while pending:
        action = pending.pop()
        depth = depths[action.name] = depths.get(action.parent_name or "", -1) + 1
        error = (
            f"{action.error.code}: {action.error.message.splitlines()[0] if action.error.message else ''}"
            if action.error
            else ""
        )
        took = _took(action.started_at, action.ended_at)
        rows.append(
            ("  " * depth + action.short_name, action.name, action.phase.value, str(action.attempt), took, error[:80])
        )
        pending.extend(reversed(children.get(action.name, [])))
    return _table(("TASK", "ACTION", "PHASE", "ATTEMPTS", "TOOK", "ERROR"), rows)


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in (headings, *rows)) for i in range(len(headings))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (headings, *rows)
    ]
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _took(start: float | None, end: float | None) -> str:
    return "" if start is None or end is None else f"{end - start:.2f}s"


command: Any = LazyGroup(
    "get",
    help="Show runs and their actions, from the history that `flyte run` records.",
    table={"run": ("flyte_cli.get", "get_run"), "action": ("flyte_cli.get", "get_action")},
)
"""The command `flyte get`."""
