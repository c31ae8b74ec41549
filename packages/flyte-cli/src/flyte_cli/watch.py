"""`flyte watch RUN`: a run while it goes on, as a tree that moves on a terminal, and as plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import cast

import click

from flyte_cli import exit_codes
from flyte_cli.completers import complete_run
from flyte_cli.errors import LeftRunError
from flyte_cli.hints import left_run
from flyte_cli.history import (
    LONGEST_WRITE,
    MOST_ERRORS,
    MOST_WAITING,
    all_explained,
    explained,
    find_run,
    is_over,
    is_unsuccessful,
    open_runs,
    remote_of,
)
from flyte_cli.output import Layout, dump, output_format, show
from flyte_cli.places import placed
from flyte_cli.progress.display import LiveDisplay, PlainDisplay
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.views import action_data, action_table, as_tree, run_data, run_row
from flyte_cli.words import argument, output_option
from flyte_engine.actions import EngineEvent
from flyte_engine.records import ActionRecord, RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore
from flyte_models.errors import UnionRpcError
from flyte_models.phases import ActionPhase
from flyte_protocol.waits import WAITING

_PATIENCE = 60.0
"""Seconds for which a control plane may not answer before the command gives up."""
_MOST_ROWS = 200
"""Actions that the table of a run that is over shows."""
_SHORT_WAIT = 1.0
"""Seconds for which an action is queued before anybody asks why."""
_ASK_SECONDS = 2.0
"""Seconds between two times at which it is asked what actions of one task in one phase wait for."""
_LOOK_SECONDS = 0.5
"""Seconds between two times at which all that waits is gone through."""


class Changes:
    """Tells what has changed between one look at the actions of a run and the next. Pure."""

    def __init__(self) -> None:
        """Know no action yet."""
        self._known: dict[str, tuple[ActionPhase, int, str]] = {}

    def of(self, actions: Sequence[ActionRecord]) -> Iterator[EngineEvent]:
        """Yield an event for each action that is new, in another phase or attempt, or waits for something else; parents first."""
        for action, _ in as_tree(actions):
            now = (action.phase, action.attempt, action.waiting_for)
            before = self._known.get(action.name)
            # Most looks do not say what an action waits for.
            if before is not None and before[:2] == now[:2] and now[2] in {"", before[2]}:
                continue
            if before is None and action.phase is not ActionPhase.QUEUED:
                # Those who follow events count an action when it is new, and where it is when it changes.
                yield EngineEvent(replace(action, phase=ActionPhase.QUEUED, attempt=1, ended_at=None, error=None), None)
                yield EngineEvent(action, ActionPhase.QUEUED)
            else:
                yield EngineEvent(action, before[0] if before is not None else None)
            self._known[action.name] = now


class Waits:
    """Decides of which actions it is asked what they wait for. Pure; times are seconds of a clock that nobody sets.

    Of those of a task below one parent, which share a row, it is the one that has waited the longest; and none of the many
    that are queued for a moment.
    """

    def __init__(self) -> None:
        """Know of no action that waits."""
        self._since: dict[str, tuple[float, ActionRecord]] = {}
        self._asked: dict[tuple[str | None, str, ActionPhase], float] = {}
        self._looked_at: float | None = None

    def take(self, actions: Sequence[ActionRecord], now: float) -> None:
        """Take actions that are new or have changed."""
        for action in actions:
            if action.phase not in WAITING:
                self._since.pop(action.name, None)
                continue
            # Who is said to wait for resources has been queued for a while.
            since = now if action.phase is ActionPhase.QUEUED else now - _SHORT_WAIT
            self._since[action.name] = (min(self._since.get(action.name, (since,))[0], since), action)

    def due(self, now: float) -> list[ActionRecord]:
        """Return those that are to be asked for now, `MOST_WAITING` at most."""
        if self._looked_at is not None and now - self._looked_at < _LOOK_SECONDS:
            return []
        self._looked_at = now
        found: list[ActionRecord] = []
        for since, action in self._since.values():
            row = action.parent_name, action.task_name, action.phase
            if now - since < _SHORT_WAIT or now - self._asked.get(row, now - _ASK_SECONDS) < _ASK_SECONDS:
                continue
            self._asked[row] = now
            found.append(action)
            if len(found) == MOST_WAITING:
                break
        return found


@click.command("watch")
@argument("run_name", metavar="RUN", shell_complete=complete_run)
@click.option(
    "--interval",
    type=click.FloatRange(0.05, 60),
    default=0.5,
    help="Seconds between two looks at a run of this machine [default: 0.5]",
)
@project_and_domain
@local_or_devbox
@output_option
def watch(run_name: str, interval: float, project: str | None, domain: str | None) -> None:
    """Show a run while it goes on, until it is over.

    RUN may be the beginning of a name, or `latest`. Exits with 0 when the run succeeded and with 1 when it did not. Ctrl-c ends
    the command; the run goes on. With `-of json-raw` each change of an action is a line.
    """
    del project, domain  # `open_runs` reads them
    ctx = click.get_current_context()
    with open_runs() as store:
        run = find_run(store, run_name)
        try:
            run = _watch(store, run.run_name, interval)
        except KeyboardInterrupt:
            raise LeftRunError(left_run(run.run_name, is_local=isinstance(store, SQLiteStore))) from None
    if run.phase not in {ActionPhase.SUCCEEDED, ActionPhase.RECOVERED}:
        ctx.exit(exit_codes.RUN_FAILED)


def _watch(store: ActionStore, name: str, interval: float) -> RunRecord:
    wanted = output_format()
    run = _run(store, name)
    if wanted in {"json", "yaml"}:
        if not is_over(store, run):
            _wait(store, name, interval)
            run = _run(store, name)
        actions = all_explained(store, store.actions(name))
        show(lambda: run_data(run) | {"actions": [action_data(action) for action in actions]}, str)
        return run
    if wanted == "json-raw":
        return _follow(store, run, interval, lambda event: click.echo(dump(action_data(event.record), wanted)))
    if is_over(store, run):
        show(
            lambda: run_data(run), lambda layout: f"{'  '.join(run_row(run, layout))}\n\n{_table(store, name, layout)}"
        )
        return run
    if not sys.stdout.isatty():
        display = PlainDisplay(sys.stdout)
        run = _follow(store, run, interval, display.on_event)
    else:
        live = LiveDisplay(sys.stdout)
        live.start()
        try:
            run = _follow(store, run, interval, live.on_event)
        finally:
            live.stop()
    how = run.phase.value if run.phase.is_terminal else "left: the process that carried it out is gone"
    click.echo(f"run `{run.run_name}` {'ended as ' if run.phase.is_terminal else 'was '}{how}")
    return run


def _table(store: ActionStore, name: str, layout: Layout) -> str:
    """Return the first actions of a run that is over, and how to see the others."""
    remote = remote_of(store)
    actions = store.actions(name) if remote is None else remote.first_actions(name, _MOST_ROWS + 1)
    table = action_table(all_explained(store, actions[:_MOST_ROWS]), layout)
    if len(actions) <= _MOST_ROWS:
        return table
    return f"{table}\nthese are the first {_MOST_ROWS} actions\nhint: {placed(f'`flyte get action {name}` shows all of them')}"


def _follow(store: ActionStore, run: RunRecord, interval: float, take: Callable[[EngineEvent], None]) -> RunRecord:
    """Give every change to `take` until the run is over, and return how it ended."""
    changes, waits, asked = Changes(), Waits(), 0
    remote = remote_of(store)
    for actions in _looks(store, run, interval) if remote is None else remote.changes(run.run_name):
        if remote is not None:
            waits.take(actions, time.monotonic())
        told = [*changes.of(actions), *changes.of(_waiting(store, waits.due(time.monotonic())))]
        for event in told:
            record = event.record
            is_failure = is_unsuccessful(record.phase) and event.previous is not None
            if is_failure and record.error is None and asked < MOST_ERRORS:
                asked += 1
                record = explained(store, record)
            take(EngineEvent(record, event.previous))
    return _run(store, run.run_name)


def _waiting(store: ActionStore, actions: Sequence[ActionRecord]) -> list[ActionRecord]:
    """Return those of some actions that still wait, with what they wait for."""
    found: list[ActionRecord] = []
    for action in actions:
        try:
            now = store.action(action.run_name, action.name)
        except UnionRpcError as error:
            if error.code not in _PASSING:
                raise
            break
        if now is not None and (now.phase, now.attempt) == (action.phase, action.attempt):
            found.append(replace(action, waiting_for=now.waiting_for))
    return found


def _looks(store: ActionStore, run: RunRecord, interval: float) -> Iterator[Sequence[ActionRecord]]:
    """Yield the actions of a run of this machine, then those that may have changed, until it is over."""
    yield store.actions(run.run_name)
    while not is_over(store, run):
        began = time.time()
        time.sleep(interval)
        run = _run(store, run.run_name)
        yield cast("SQLiteStore", store).actions_since(run.run_name, began - LONGEST_WRITE)
    yield store.actions(run.run_name)


def _wait(store: ActionStore, name: str, interval: float) -> None:
    """Return when a run is over."""
    remote = remote_of(store)
    if remote is not None:
        remote.wait(name)
        return
    while not is_over(store, _run(store, name)):
        time.sleep(interval)


def _run(store: ActionStore, name: str) -> RunRecord:
    """Return a run; a control plane that restarts is waited for.

    Raises:
        UnionRpcError: It does not answer for `_PATIENCE` seconds.
        click.UsageError: The run is not there any more.
    """
    began = time.monotonic()
    while True:
        try:
            run = store.run(name)
        except UnionRpcError as error:
            if error.code not in _PASSING or time.monotonic() - began > _PATIENCE:
                raise
            time.sleep(1.0)
            continue
        if run is None:
            raise click.UsageError(f"run `{name}` is not there any more\nhint: somebody has deleted it")
        return run


_PASSING = {"unavailable", "deadline_exceeded", "internal", "aborted"}
"""Codes of what passes when a server has restarted."""


command = watch
"""The command `flyte watch`."""
