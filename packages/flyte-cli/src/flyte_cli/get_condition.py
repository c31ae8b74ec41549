"""`flyte get condition`: what a run is waiting to be told."""

from typing import Any

import click

from flyte.running.conditions import PausedCondition
from flyte_cli import times
from flyte_cli.completers import complete_action, complete_run
from flyte_cli.history import find_run, open_runs, split_id
from flyte_cli.output import Layout, show_list
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.waiting import waiting
from flyte_cli.words import argument, output_option


@click.command("condition")
@argument("run_name", shell_complete=complete_run)
@argument("action_name", required=False, shell_complete=complete_action)
@project_and_domain
@local_or_devbox
@output_option
def get_condition(run_name: str, action_name: str | None, project: str | None, domain: str | None) -> None:
    """Show the conditions of a run that wait for an answer.

    ACTION_NAME picks those of one action, or one by its own name.
    """
    del project, domain  # the name of a run is unique on this machine
    run_name, action_name = split_id(run_name, action_name)
    with open_runs() as store:
        run = find_run(store, run_name)
        found = [
            condition
            for condition in waiting(store, run.run_name)
            if action_name in (None, condition.action_name, condition.parent_name, condition.name)
        ]
    show_list(
        found,
        _data,
        ("CONDITION", "ACTION", "TYPE", "ASKED", "PROMPT"),
        _row,
        none=f"run `{run.run_name}` waits for no answer; `flyte get run {run.run_name}` shows it",
    )


def _data(condition: PausedCondition) -> dict[str, Any]:
    return {
        "run": condition.run_name,
        "name": condition.name,
        "action": condition.action_name,
        "parent": condition.parent_name,
        "type": condition.data_type,
        "prompt": condition.prompt,
        "description": condition.description,
        "created_at": times.iso(condition.created_at),
    }


def _row(each: PausedCondition, layout: Layout) -> tuple[str, ...]:
    return each.name, each.action_name, each.data_type, layout.time(each.created_at), each.prompt or each.description
