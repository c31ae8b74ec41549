"""What the shell may complete: names of runs and actions from the history, files with tasks. Loaded by completions only."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from flyte_cli.history import history_file_of
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore, StoreError

_MOST = 100

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def runs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a run, the latest first; its task is the description."""
    with _history(ctx) as store:
        if store is None:
            return []
        found = [
            CompletionItem(run.run_name, help=f"{run.task_name}, {run.phase.value}")
            for run in store.runs(1000)
            if run.run_name.startswith(incomplete)
        ]
    return found[:_MOST]


def actions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of an action of the run that stands before it, or the name of a task that ran once in it."""
    run_name: str | None = ctx.params.get("run_name")
    with _history(ctx) as store:
        if store is None or not run_name:
            return []
        records = store.actions(run_name)
    tasks: dict[str, int] = {}
    for record in records:
        tasks[record.short_name] = tasks.get(record.short_name, 0) + 1
    names = [(name, "task") for name, count in tasks.items() if count == 1]
    names += [(record.name, f"{record.short_name}, {record.phase.value}") for record in records]
    return [CompletionItem(name, help=text) for name, text in names if name.startswith(incomplete)][:_MOST]


def python_files(incomplete: str) -> list[CompletionItem]:
    """Complete the path of a Python file."""
    folder, _, begun = incomplete.rpartition("/")
    parent = Path(f"{folder}/" if incomplete.startswith("/") and not folder else folder or ".").expanduser()
    prefix = f"{folder}/" if "/" in incomplete else ""
    try:
        entries = sorted(parent.glob("*.py"))
    except OSError:
        entries = []
    return [CompletionItem(prefix + entry.name) for entry in entries if entry.name.startswith(begun)]


@contextmanager
def _history(ctx: click.Context) -> Generator[ActionStore | None]:
    """Yield the history, or None where there is none, or none that can be read: a completion never complains."""
    try:
        path = history_file_of(ctx.find_root().params.get("config"))
        store = SQLiteStore(path) if path.is_file() else None
    except (StoreError, ValueError, OSError):
        store = None
    try:
        yield store
    finally:
        if store is not None:
            store.close()
