"""`flyte get logs`: what the bodies of a run printed, also while it is going on."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Any

import click

from flyte_cli import times
from flyte_cli.completers import complete_action, complete_run
from flyte_cli.errors import LeftRunError
from flyte_cli.hints import left_run
from flyte_cli.history import find_action, find_run, open_runs, split_id
from flyte_cli.output import dump, output_format
from flyte_cli.places import placed
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.words import argument, output_option
from flyte_engine.processes import is_alive
from flyte_engine.records import ActionRecord, LogRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore

_POLL_SECONDS = 0.2
_PAGE = 1000


@click.command("logs")
@argument("run_name", shell_complete=complete_run)
@argument("action_name", required=False, shell_complete=complete_action)
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on until the run is over, which it does in any case")
@click.option("-l", "--lines", type=click.IntRange(1), default=30, help="Lines to keep with `--pretty` [default: 30]")
@click.option("--show-ts", is_flag=True, help="Print when each line was written")
@click.option("--pretty", is_flag=True, help="Show the last lines in a box that scrolls, on a terminal")
@click.option("-a", "--attempt", type=click.IntRange(1), help="Only of this attempt [default: all]")
@click.option("--filter-system", is_flag=True, help="Leave out lines of the system; this machine records none")
@project_and_domain
@local_or_devbox
@output_option
def get_logs(
    run_name: str,
    action_name: str | None,
    follows: bool,
    lines: int,
    show_ts: bool,
    pretty: bool,
    attempt: int | None,
    filter_system: bool,
    project: str | None,
    domain: str | None,
) -> None:
    """Print what the tasks of a run printed, and go on while it runs.

    Without ACTION_NAME each line begins with the task that wrote it; of a run of a control plane they are the root's lines. It
    goes on when the control plane restarts, and with the next attempt. Ctrl-c ends the command; the run goes on.
    """
    del follows, filter_system, project, domain  # nothing to leave out, and the name of a run is unique on this machine
    run_name, action_name = split_id(run_name, action_name)
    with open_runs() as store:
        run = find_run(store, run_name)
        action = find_action(store, run.run_name, action_name) if action_name is not None else None
        found = follow(store, run.run_name, action.name if action is not None else None, attempt)
        try:
            first = next(found, None)
            if first is None:
                click.echo(placed(_nothing(store, run.run_name, action)), err=True)
            else:
                found = chain([first], found)
            _print(store, found, with_task=action is None, show_ts=show_ts, kept=lines if pretty else None)
        except KeyboardInterrupt:
            raise LeftRunError(left_run(run.run_name, is_local=isinstance(store, SQLiteStore))) from None


def _nothing(store: ActionStore, run_name: str, action: ActionRecord | None) -> str:
    if action is not None:
        return f"action `{action.name}` of run `{run_name}` has printed nothing"
    if isinstance(store, SQLiteStore):
        return f"run `{run_name}` has printed nothing"
    # A control plane has a log of each action, and none of all.
    return f"the root of run `{run_name}` has printed nothing; `flyte get logs {run_name} ACTION` shows another action's log"


def _print(store: ActionStore, found: Iterator[LogRecord], *, with_task: bool, show_ts: bool, kept: int | None) -> None:
    wanted = output_format()
    if wanted in {"json", "yaml"}:
        click.echo(dump([log_data(line) for line in found], wanted))
    elif wanted == "json-raw":
        for line in found:
            click.echo(dump(log_data(line), "json-raw"))
    else:
        texts = _texts(store, found, with_task=with_task, with_time=show_ts)
        if kept is not None and sys.stdout.isatty():
            _scroll(texts, kept)
        else:
            for text in texts:
                click.echo(text)


def log_data(line: LogRecord) -> dict[str, Any]:
    """Return a line as plain data."""
    return {
        "at": times.iso(line.at),
        "action": line.action_name,
        "attempt": line.attempt,
        "stream": line.stream,
        "text": line.text,
    }


def follow(store: ActionStore, run_name: str, action_name: str | None, attempt: int | None) -> Iterator[LogRecord]:
    """Yield the lines of a run, and further ones until it is over or the process that carries it out has ended."""
    after = 0
    while True:
        # Asked before the lines are read: what is written later comes with the next round, or there was nothing more.
        is_over = _is_over(store, run_name)
        while page := store.logs(run_name, action_name, attempt=attempt, after=after, limit=_PAGE):
            after = page[-1][0]
            yield from (line for _, line in page)
        if is_over:
            return
        time.sleep(_POLL_SECONDS)


def _is_over(store: ActionStore, run_name: str) -> bool:
    run, owner = store.run(run_name), store.owner(run_name)
    return run is None or run.phase.is_terminal or owner is None or is_alive(owner) is False


def _texts(store: ActionStore, found: Iterator[LogRecord], *, with_task: bool, with_time: bool) -> Iterator[str]:
    labels: dict[str, str] = {}
    for line in found:
        text = line.text
        if with_task:
            label = labels.get(line.action_name)
            if label is None:
                action = store.action(line.run_name, line.action_name)
                label = labels[line.action_name] = action.short_name if action is not None else line.action_name
            text = f"{label}{f' (attempt {line.attempt})' if line.attempt > 1 else ''}: {text}"
        yield f"{times.iso(line.at)} {text}" if with_time else text


def _scroll(texts: Iterator[str], lines: int) -> None:
    # rich is slow to import, and plain lines do without it.
    from rich.live import Live  # noqa: PLC0415
    from rich.panel import Panel  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    last: deque[str] = deque(maxlen=lines)
    with Live(Panel(Text("")), refresh_per_second=10) as live:
        for text in texts:
            last.append(text)
            live.update(Panel(Text("\n".join(last))))
