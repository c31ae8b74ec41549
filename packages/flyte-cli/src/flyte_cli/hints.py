"""What stands in more than one hint."""

import shlex

import click

from flyte.initialization import settings
from flyte_cli.scope import ON_DEVBOX

__all__ = ["left_run", "local_option", "remote_option", "root_options"]

_OF_PLACES = {
    "config": "-c",
    "profile": "--profile",
    "endpoint": "--endpoint",
    "auth_type": "--auth-type",
    "org": "--org",
}
"""Options of `flyte` itself that say which control plane is asked, by their parameters."""


def local_option() -> str:
    """Return what a command about a run of this machine needs where a control plane is configured: ` --local`, else nothing."""
    return " --local" if settings().endpoint else ""


def remote_option() -> str:
    """Return what a command about a run of the control plane needs: ` --devbox` if that chose it, else nothing."""
    return " --devbox" if click.get_current_context().meta.get(ON_DEVBOX) else ""


def root_options(ctx: click.Context | None = None) -> str:
    """Return the options before the command that say which control plane is asked, as they were given, each behind a space."""
    given = (ctx or click.get_current_context()).find_root().params
    words = [f" {option} {shlex.quote(str(given[name]))}" for name, option in _OF_PLACES.items() if given.get(name)]
    return "".join(words) + (" --insecure" if given.get("insecure") else "")


def left_run(run_name: str, *, is_local: bool = False, place: str = "") -> str:
    """Say what becomes of a run when a command that showed it is interrupted.

    Args:
        run_name: The run.
        is_local: Whether it is of this machine.
        place: Options that say where else it is, with a space before them.
    """
    option = local_option() if is_local else remote_option() + place
    # What another process of this machine carries out is ended with that process.
    ends = "" if is_local else f", `flyte abort run {run_name}{option}` ends it"
    return f"interrupted: run `{run_name}` goes on unless it is over\nhint: `flyte watch {run_name}{option}` shows it{ends}"
