"""`flyte signal condition`: answers what a run is waiting to be told."""

from typing import Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.completers import complete_condition, complete_run
from flyte_cli.history import find_run, open_runs
from flyte_cli.output import show
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.waiting import answer, waiting
from flyte_cli.words import argument, output_option
from flyte_models.errors import ConditionNotFoundError


@click.command("condition")
@argument("run_name", shell_complete=complete_run)
@argument("action_name", shell_complete=complete_condition)
@click.argument("value", required=False)
@project_and_domain
@local_or_devbox
@output_option
def answer_condition(
    run_name: str, action_name: str, value: str | None, project: str | None, domain: str | None
) -> None:
    """Answer a condition of a run: ACTION_NAME is its name, or that of its action.

    VALUE is read as the type that is asked for; without it a `bool` is answered with yes.
    """
    del project, domain  # the name of a run is unique on this machine
    with open_runs() as store:
        run = find_run(store, run_name)
        found = waiting(store, run.run_name)
        # By the action's name each is one; a condition's name may be asked for by several actions.
        chosen = [each for each in found if each.action_name == action_name]
        named = chosen or [each for each in found if each.name == action_name]
        if len(named) != 1:
            problem = (
                f"{len(named)} conditions named `{action_name}` wait"
                if named
                else f"no condition named `{action_name}` waits"
            )
            known = ", ".join(f"`{each.name}` (action `{each.action_name}`)" for each in found)
            hint = (
                f"those that wait are {known}" if known else f"none waits now; `flyte get run {run.run_name}` shows it"
            )
            raise click.UsageError(f"{problem} in run `{run.run_name}`\nhint: {hint}")
        done = named[0]
        if value is None:
            if done.data_type != "bool":
                raise click.UsageError(
                    f"condition `{done.name}` is answered with a {done.data_type}\n"
                    f"hint: `flyte signal condition {run.run_name} {action_name} VALUE`"
                )
            value = "yes"
        try:
            answer(store, done, value)
        except (ConditionNotFoundError, ValueError) as error:
            raise click.UsageError(str(error)) from None
    show(
        lambda: {"run": done.run_name, "condition": done.name, "action": done.action_name, "answer": value},
        lambda _: f"Answered condition `{done.name}` of run `{done.run_name}` with {value}.",
    )


command: Any = LazyGroup(
    "signal",
    help="Answer what a run is waiting for.",
    table={"condition": ("flyte_cli.signal_condition", "answer_condition")},
)
"""The command `flyte signal`."""
