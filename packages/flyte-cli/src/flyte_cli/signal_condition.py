"""`flyte signal condition`: answers what a run is waiting to be told."""

import asyncio
from typing import Any

import click

from flyte.running.conditions import paused_conditions, signal_condition
from flyte_cli.app import LazyGroup
from flyte_cli.completers import complete_action, complete_run
from flyte_cli.history import find_run, open_history
from flyte_cli.output import output_option, show
from flyte_cli.scope import project_and_domain
from flyte_models.errors import ConditionNotFoundError


@click.command("condition")
@click.argument("run_name", shell_complete=complete_run)
@click.argument("action_name", shell_complete=complete_action)
@click.argument("value", required=False)
@project_and_domain
@output_option
def answer_condition(
    run_name: str, action_name: str, value: str | None, project: str | None, domain: str | None
) -> None:
    """Answer a condition of a run: ACTION_NAME is its name, or that of its action.

    VALUE is read as the type that is asked for; without it a `bool` is answered with yes.
    """
    del project, domain  # the name of a run is unique on this machine
    with open_history() as store:
        run = find_run(store, run_name)
        waiting = paused_conditions(store, run.run_name)
        # By the action's name each is one; a condition's name may be asked for by several actions.
        chosen = next((each for each in waiting if each.action_name == action_name), None)
        name = chosen.name if chosen is not None else action_name
        named = [each for each in waiting if each.name == name]
        if value is None:
            kinds = {each.data_type for each in named} or {"bool"}
            if kinds != {"bool"}:
                raise click.UsageError(
                    f"condition `{name}` is answered with a {kinds.pop()}\n"
                    f"hint: `flyte signal condition {run.run_name} {action_name} VALUE`"
                )
            value = "yes"
        try:
            done = asyncio.run(
                signal_condition(
                    store, run.run_name, name, value, action_name=chosen.action_name if chosen is not None else None
                )
            )
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
