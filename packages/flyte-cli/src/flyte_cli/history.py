"""The history of this machine as commands use it: opened, and runs and actions found by what people call them."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from flyte_cli import times
from flyte_cli.app import RootOptions
from flyte_cli.configuring import configured
from flyte_cli.scope import DEVBOX, LOCAL
from flyte_config import auto, local_state_folder
from flyte_engine.processes import is_alive
from flyte_engine.records import ActionRecord, RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore
from flyte_models.phases import ActionPhase
from flyte_protocol.waits import WAITING

if TYPE_CHECKING:
    from flyte_cli.remote_history import RemoteHistory

_SHORTEST_PREFIX = 3

LONGEST_WRITE = 30.0
"""Seconds that may pass from the end of an action to its record. What takes longer is shown when the run is over."""

MOST_RUNS = 1000
"""Runs of a control plane that are looked through for the beginning of a name, if it cannot look for that itself."""
_MOST_NAMED = 100
"""Runs whose names begin so that are fetched."""
MOST_ERRORS = 10
"""Unsuccessful actions of a control plane whose errors are fetched; more are shown without."""
MOST_WAITING = 10
"""The same of actions that wait, and what they wait for."""


def history_file() -> Path:
    """Return the file in which `flyte run` records, by the configuration that applies."""
    return history_file_of(click.get_current_context().find_root().ensure_object(RootOptions).config)


def history_file_of(config: Path | None) -> Path:
    """Return the file in which `flyte run` records with this configuration file, or with the one that applies here."""
    return local_state_folder(auto(config).source) / "history.db"


@contextmanager
def open_history() -> Generator[ActionStore]:
    """Yield the history, and close it with the block.

    Raises:
        click.UsageError: when nothing was recorded yet.
    """
    path = history_file()
    if not path.is_file():
        raise click.UsageError(
            f"nothing is recorded yet: there is no `{path}`\nhint: `flyte run FILE TASK` records a run"
        )
    store = SQLiteStore(path)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def open_runs() -> Generator[ActionStore]:
    """Yield what is to be looked at: the history of this machine, or a control plane in the form of one, to be read only.

    It is the devbox with `--devbox`, and what the configuration names without `--local`.

    Raises:
        click.UsageError: when nothing was recorded yet.
    """
    ctx = click.get_current_context()
    is_devbox = bool(ctx.meta.get(DEVBOX))
    if not is_devbox and (ctx.meta.get(LOCAL) or not configured().platform.endpoint):
        with open_history() as store:
            yield store
        return
    # A client is loaded only by who talks to a control plane.
    from flyte_cli.control_plane import connect  # noqa: PLC0415
    from flyte_cli.remote_history import RemoteHistory  # noqa: PLC0415

    connect(is_devbox=is_devbox, project=ctx.params.get("project"), domain=ctx.params.get("domain"))
    yield cast("ActionStore", RemoteHistory())


def remote_of(store: ActionStore) -> "RemoteHistory | None":
    """Return the control plane that is looked at, which finds by itself and tells of changes; None for this machine's history."""
    return None if isinstance(store, SQLiteStore) else cast("RemoteHistory", store)


def find_run(store: ActionStore, name: str) -> RunRecord:
    """Return the run of that name, of a name that begins so (3 letters or more), or the latest one for `latest`.

    Raises:
        click.UsageError: when there is none, or more than one.
    """
    run = store.run(name)
    if run is not None:
        return run
    runs = store.runs(1) if name == "latest" else []
    looked_at = 0
    if not runs and len(name) >= _SHORTEST_PREFIX:
        remote = remote_of(store)
        found = remote.beginning(name, _MOST_NAMED) if remote is not None else None
        if found is None:
            latest = store.runs(1_000_000)
            # Where a control plane does not look for the beginning of a name, the latest of a long list are read here.
            looked_at = len(latest) if remote is not None else 0
            found = [run for run in latest if run.run_name.startswith(name)]
        runs = found
    if len(runs) == 1:
        return runs[0]
    if runs:
        listed = ", ".join(f"`{run.run_name}`" for run in runs[:5])
        count = f"{len(runs)}{' or more' if len(runs) == _MOST_NAMED else ''}"
        raise click.UsageError(
            f"{count} runs begin with `{name}`: {listed}{', …' if len(runs) > 5 else ''}\nhint: write more of the name"
        )
    if looked_at >= MOST_RUNS:
        raise click.UsageError(
            f"no run `{name}` is recorded {where_of(store)}, and none of its latest {looked_at:,} runs begins with it\n"
            "hint: write the whole name of an older run; `flyte get run --created-before TIME` lists older ones"
        )
    raise click.UsageError(
        f"no run `{name}` is recorded {where_of(store)}\nhint: `flyte get run` lists the latest runs"
    )


def find_action(store: ActionStore, run_name: str, name: str) -> ActionRecord:
    """Return an action of a run: by its name, the beginning of it, or the name of its task if that has run once.

    Raises:
        click.UsageError: when there is none, or more than one.
    """
    action = store.action(run_name, name)
    if action is not None:
        return action
    actions = store.actions(run_name)
    found = [action for action in actions if name in {action.short_name, action.task_name}]
    if not found and len(name) >= _SHORTEST_PREFIX:
        found = [action for action in actions if action.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        likely = next((action for action in found if is_unsuccessful(action.phase)), found[0])
        raise click.UsageError(
            f"`{name}` stands for {len(found)} actions of run `{run_name}`\n"
            f"hint: `flyte get action {run_name}` lists its actions; name one, such as `{likely.name}`"
        )
    raise click.UsageError(
        f"run `{run_name}` has no action `{name}`\nhint: `flyte get action {run_name}` lists its actions"
    )


def explained(store: ActionStore, action: ActionRecord) -> ActionRecord:
    """Return an action with its error or what it waits for, which lists of a control plane leave out."""
    if action.error is not None or not (is_unsuccessful(action.phase) or is_waiting(store, action)):
        return action
    return store.action(action.run_name, action.name) or action


def all_explained(store: ActionStore, actions: Sequence[ActionRecord]) -> list[ActionRecord]:
    """Return actions with their errors and with what they wait for, of some of them: on a control plane each is a request."""
    failed = [action.name for action in actions if action.error is None and is_unsuccessful(action.phase)]
    waiting = [action.name for action in actions if is_waiting(store, action)]
    chosen = {*failed[:MOST_ERRORS], *waiting[:MOST_WAITING]}
    return [explained(store, action) if action.name in chosen else action for action in actions]


def is_unsuccessful(phase: ActionPhase) -> bool:
    """Tell whether something is over and has not succeeded."""
    return phase.is_terminal and phase not in {ActionPhase.SUCCEEDED, ActionPhase.RECOVERED}


def is_over(store: ActionStore, run: RunRecord) -> bool:
    """Tell whether nothing more happens in a run: it has ended, or the process of this machine that carried it out is gone."""
    if run.phase.is_terminal:
        return True
    if remote_of(store) is not None:
        return False
    owner = store.owner(run.run_name)
    return owner is None or is_alive(owner) is False


def is_waiting(store: ActionStore, action: ActionRecord) -> bool:
    """Tell whether an action waits for something that may be asked for: this machine's history says nothing of it."""
    return action.phase in WAITING and remote_of(store) is not None


def where_of(store: ActionStore) -> str:
    """Say whose runs they are."""
    return "on this machine" if isinstance(store, SQLiteStore) else "on the control plane"


def split_id(run_name: str, action_name: str | None) -> tuple[str, str | None]:
    """Take `RUN ACTION` and `RUN/ACTION` for the same."""
    if action_name is None and "/" in run_name:
        run_name, _, action_name = run_name.partition("/")
    return run_name, action_name or None


class PointInTime(click.ParamType[float]):
    """A point in time on the command line, as Unix seconds."""

    name = "time"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text; see `times.point_in_time`."""
        if isinstance(value, float):
            return value
        try:
            return times.point_in_time(str(value), time.time())
        except ValueError as error:
            self.fail(str(error), param, ctx)
