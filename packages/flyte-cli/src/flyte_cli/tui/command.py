"""`flyte start tui`: the text interface, where it is installed and there is a terminal."""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flyte_cli.app import RootOptions
from flyte_cli.history import open_runs
from flyte_cli.scope import local_or_devbox, project_and_domain

if TYPE_CHECKING:
    from flyte_cli.tui.app import RunsApp

__all__ = ["require_terminal", "show", "start_tui"]


@click.command("tui")
@click.option(
    "--poll-interval",
    type=click.FloatRange(0.1, 60),
    default=1.0,
    help="Seconds between two looks at what does not tell of changes by itself [default: 1]",
)
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Configuration file, as `flyte --config`",
)
@project_and_domain
@local_or_devbox
def start_tui(poll_interval: float, config: Path | None, project: str | None, domain: str | None) -> None:
    """Look at runs in a text interface: the latest ones, the tree of actions of one, and what is recorded of an action.

    Arrows move, enter opens, escape goes back, `/` filters, space closes a branch, `a` answers a condition that waits, `r` reads
    again, `q` ends it.
    """
    require_terminal("flyte start tui", "`flyte get run` and `flyte watch RUN` print the same as lines")
    if config is not None:
        click.get_current_context().find_root().ensure_object(RootOptions).config = config
    with open_runs() as store:
        from flyte_cli.tui.app import RunsApp  # noqa: PLC0415 - textual is an extra, and slow to import

        app = RunsApp(store, poll_interval, project=project, domain=domain)
        show(app)
    if app.is_terminated:
        end_by_sigterm()


def require_terminal(command: str, otherwise: str) -> None:
    """Refuse where the interface cannot be shown; `otherwise` says what to do without a terminal.

    Raises:
        click.UsageError: There is no terminal, or textual is not installed.
    """
    if find_spec("textual") is None:
        raise click.UsageError(
            f"`{command}` needs textual, which is not installed\nhint: `pip install 'flyte[tui]'` installs it"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise click.UsageError(
            f"`{command}` needs a terminal, and standard input, output or error is none\nhint: {otherwise}"
        )


def show(app: "RunsApp") -> None:
    """Show an app until it ends; then the terminal is as it was.

    Raises:
        Exception: What went wrong in the app.
    """
    app.run()
    if app.failure is not None:
        raise app.failure


def end_by_sigterm() -> None:
    """End this process by the signal that has ended the interface."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
