"""`flyte abort`: runs and actions on a control plane."""

from typing import Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.completers import complete_action, complete_run
from flyte_cli.control_plane import connected
from flyte_cli.errors import AlreadyOverError
from flyte_cli.output import show
from flyte_cli.words import argument, output_option


@click.command("run")
@argument("run_name", shell_complete=complete_run)
@click.option("--reason", default="aborted by the command line", help="Why, for whoever looks at it later")
@connected
@output_option
def abort_run(run_name: str, reason: str) -> None:
    """Abort the run RUN_NAME with everything that it has started.

    Exits with 1 when the run is over already.
    """
    from flyte.remote import Run  # noqa: PLC0415 - help pages need no client

    run = Run.get(run_name)
    if run.done():
        phase = run.phase.value if run.phase is not None else ""
        raise AlreadyOverError(f"run `{run_name}` is over: {phase}\nhint: `flyte get run {run_name}` shows it")
    run.abort(reason)
    show(lambda: {"aborted": run_name}, lambda _: f"Run `{run_name}` is being aborted.")


@click.command("action")
@argument("run_name", shell_complete=complete_run)
@argument("action_name", shell_complete=complete_action)
@click.option("--reason", default="aborted by the command line", help="Why, for whoever looks at it later")
@connected
@output_option
def abort_action(run_name: str, action_name: str, reason: str) -> None:
    """Abort the action ACTION_NAME of the run RUN_NAME; the run goes on, and its parent sees it fail.

    Exits with 1 when the action is over already.
    """
    from flyte.remote import Action  # noqa: PLC0415 - as above

    action = Action.get(run_name=run_name, name=action_name)
    if action.done():
        phase = action.phase.value if action.phase is not None else ""
        hint = f"hint: `flyte get action {run_name}` shows it"
        raise AlreadyOverError(f"action `{action_name}` of run `{run_name}` is over: {phase}\n{hint}")
    action.abort(reason)
    show(
        lambda: {"aborted": action_name, "run": run_name},
        lambda _: f"Action `{action_name}` of run `{run_name}` is being aborted.",
    )


command: Any = LazyGroup(
    "abort",
    help="Abort a run or an action on a control plane. A run in this process ends with ctrl-c.",
    table={"run": ("flyte_cli.abort", "abort_run"), "action": ("flyte_cli.abort", "abort_action")},
    no_args_is_help=True,
)
"""The command `flyte abort`."""
