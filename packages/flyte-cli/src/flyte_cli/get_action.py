"""`flyte get action`: the actions of a run, or one with its attempts and their errors."""

from typing import Any

import click

from flyte_cli.completers import complete_action, complete_run
from flyte_cli.history import all_explained, find_action, find_run, open_runs, remote_of, split_id
from flyte_cli.output import Layout, show
from flyte_cli.scope import in_phase, local_or_devbox, project_and_domain
from flyte_cli.views import action_data, action_table, attempt_data, first_line
from flyte_cli.words import argument, output_option
from flyte_engine.records import ActionRecord, AttemptRecord
from flyte_engine.store import ActionStore


@click.command("action")
@argument("run_name", shell_complete=complete_run)
@argument("action_name", required=False, shell_complete=complete_action)
@in_phase
@project_and_domain
@local_or_devbox
@output_option
def get_action(
    run_name: str, action_name: str | None, in_phase: str | None, project: str | None, domain: str | None
) -> None:
    """Show the actions of a run, or one action with its attempts.

    ACTION_NAME may be the name of a task that ran once; `RUN/ACTION` names both.
    """
    del project, domain  # the name of a run is unique on this machine
    run_name, action_name = split_id(run_name, action_name)
    with open_runs() as store:
        run = find_run(store, run_name)
        if action_name is not None:
            _show_action(store, find_action(store, run.run_name, action_name))
            return
        remote = remote_of(store)
        if remote is not None:
            actions = remote.find_actions(run.run_name, in_phase)
        else:
            actions = [action for action in store.actions(run.run_name) if in_phase in (None, action.phase.value)]
        actions = all_explained(store, actions)
        show(
            lambda: [action_data(action) for action in actions],
            lambda layout: action_table(actions, layout),
            none=None if actions else f"no action of run `{run.run_name}` is {in_phase}",
        )


def _show_action(store: ActionStore, action: ActionRecord) -> None:
    attempts = store.attempts(action.run_name, action.name)
    # Only a control plane has them: local runs are shown at no page.
    find_links = getattr(store, "links", None)
    links: list[tuple[int, str, str]] = find_links(action.run_name, action.name) if find_links else []

    def text(layout: Layout) -> str:
        fields = [("action", action.name), ("run", action.run_name), ("task", action.task_name)]
        fields += [("phase", action.phase.value), ("parent", action.parent_name or ""), ("group", action.group or "")]
        fields += [("started", layout.time(action.started_at))]
        fields += [("took", layout.took(action.started_at, action.ended_at))]
        fields += [("cache", "" if action.cache_status == "disabled" else action.cache_status)]
        fields += [("waiting for", action.waiting_for)]
        # What an attempt says of itself stands below it; why somebody aborted the action no attempt says.
        fields += [("error", first_line(action.error) if not any(each.error for each in attempts) else "")]
        parts = [layout.fields(fields)]
        for attempt in attempts:
            took = layout.took(attempt.started_at, attempt.ended_at)
            part = f"attempt {attempt.number}: {attempt.phase.value}, {took}"
            if attempt.error is not None:
                part += f"\n{attempt.error.traceback or f'{attempt.error.code}: {attempt.error.message}'}"
            of_attempt = [f"{name}: {uri}" for number, name, uri in links if number == attempt.number]
            parts.append("\n".join([part.rstrip("\n"), *of_attempt]))
        return "\n\n".join(parts)

    def data(attempt: AttemptRecord) -> dict[str, Any]:
        found = [{"name": name, "uri": uri} for number, name, uri in links if number == attempt.number]
        return attempt_data(attempt) | ({"links": found} if found else {})

    show(lambda: action_data(action) | {"tries": [data(attempt) for attempt in attempts]}, text)
