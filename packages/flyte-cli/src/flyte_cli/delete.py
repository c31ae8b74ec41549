"""`flyte delete`: runs of this machine's history, and its caches."""

import shutil
import time
from pathlib import Path
from typing import Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.completers import complete_run
from flyte_cli.history import PointInTime, find_run, history_file, open_history
from flyte_cli.output import show
from flyte_cli.scope import project_and_domain
from flyte_cli.words import argument, output_option
from flyte_engine.processes import is_alive
from flyte_engine.records import RunRecord
from flyte_engine.store import ActionStore


@click.command("run")
@argument("names", nargs=-1, metavar="NAME...", shell_complete=complete_run)
@click.option(
    "--created-before", type=PointInTime(), help="All runs made before this point in time: `30d`, `2026-11-01`"
)
@click.option("--keep-files", is_flag=True, help="Keep the files that the runs wrote; only the record is deleted")
@project_and_domain
@output_option
def delete_run(
    names: tuple[str, ...],
    created_before: float | None,
    keep_files: bool,
    project: str | None,
    domain: str | None,
) -> None:
    """Delete runs from the history of this machine, with their logs and the files they wrote."""
    if bool(names) == (created_before is not None):
        raise click.UsageError("name the runs to delete, or say `--created-before`\nhint: `flyte get run` lists runs")
    with open_history() as store:
        if names:
            runs = list({run.run_name: run for run in (find_run(store, name) for name in names)}.values())
            for run in runs:
                _refuse_if_going_on(store, run)
        else:
            before = time.time() if created_before is None else created_before
            runs = [
                run
                for run in store.runs(1_000_000, project=project, domain=domain)
                if run.created_at < before and not _is_going_on(store, run)
            ]
        for run in runs:
            store.delete_run(run.run_name)
            if not keep_files:
                shutil.rmtree(_files_of(run), ignore_errors=True)
    deleted = [run.run_name for run in runs]
    show(
        lambda: {"deleted": deleted},
        lambda _: "\n".join(f"Deleted run `{name}`." for name in deleted) or "No run matches.",
    )


@click.command("local-cache")
@output_option
def delete_local_cache() -> None:
    """Delete the cached results of tasks that ran on this machine."""
    cache = history_file().with_name("cache.db")
    was_there = cache.is_file()
    # The journal first: without it the file is whole, and one without the file would be taken for another's.
    for path in (cache.with_name("cache.db-wal"), cache.with_name("cache.db-shm"), cache):
        path.unlink(missing_ok=True)
    text = f"Deleted `{cache}`." if was_there else f"There is no cache: `{cache}` does not exist."
    show(lambda: {"deleted": [str(cache)] if was_there else []}, lambda _: text)


def _files_of(run: RunRecord) -> Path:
    return history_file().parent / "runs" / run.run_name


def _is_going_on(store: ActionStore, run: RunRecord) -> bool:
    owner = store.owner(run.run_name)
    return not run.phase.is_terminal and owner is not None and is_alive(owner) is not False


def _refuse_if_going_on(store: ActionStore, run: RunRecord) -> None:
    owner = store.owner(run.run_name)
    if owner is not None and _is_going_on(store, run):
        raise click.UsageError(
            f"run `{run.run_name}` is going on, in process {owner.pid} of {owner.host.split('/')[0]}\n"
            "hint: end that process first, or wait until the run is over"
        )


command: Any = LazyGroup(
    "delete",
    help="Delete runs of this machine's history, the cache of results, or what a control plane keeps.",
    table={
        "run": ("flyte_cli.delete", "delete_run"),
        "local-cache": ("flyte_cli.delete", "delete_local_cache"),
        "devbox": ("flyte_cli.devbox", "delete_devbox"),
        "secret": ("flyte_cli.delete_nouns", "delete_secret"),
        "trigger": ("flyte_cli.delete_nouns", "delete_trigger"),
        "app": ("flyte_cli.apps", "delete_app"),
    },
)
"""The command `flyte delete`."""
