"""`flyte get run`: the latest runs, or one with its actions."""

import click

from flyte_cli.completers import complete_run
from flyte_cli.history import PointInTime, all_explained, find_run, open_runs, remote_of
from flyte_cli.output import Layout, show, show_list
from flyte_cli.run_query import RunQuery
from flyte_cli.scope import in_phase, local_or_devbox, project_and_domain
from flyte_cli.views import RUN_HEADINGS, action_data, action_table, run_data, run_row
from flyte_cli.words import argument, output_option, pair_of
from flyte_engine.records import RunRecord
from flyte_engine.store import ActionStore
from flyte_models.phases import ActionPhase


@click.command("run")
@argument("name", required=False, shell_complete=complete_run)
@click.option("--limit", type=click.IntRange(1), default=100, help="How many runs to list [default: 100]")
@in_phase
@click.option("--only-mine", is_flag=True, help="Only your own runs; all runs of this machine's history are")
@click.option("--paused-only", is_flag=True, help="Only runs with an action that waits for a condition")
@click.option("--task-name", help="Only runs of this task, such as `env.task`")
@click.option("--task-version", help="Only runs of this version of the task, on a control plane")
@click.option("--created-after", type=PointInTime(), help="Such as `2026-11-26` (UTC), `today` or `2h`")
@click.option("--created-before", type=PointInTime(), help="As `--created-after`")
@click.option("--updated-after", type=PointInTime(), help="Ended after this point in time, or not yet")
@click.option("--updated-before", type=PointInTime(), help="Ended before this point in time")
@click.option("--with-label", multiple=True, metavar="KEY=VALUE", help="Only runs with this label (repeatable)")
@click.option("--with-label-key", multiple=True, metavar="KEY", help="Only runs with such a label (repeatable)")
@project_and_domain
@local_or_devbox
@output_option
def get_run(
    name: str | None,
    limit: int,
    in_phase: str | None,
    only_mine: bool,
    paused_only: bool,
    task_name: str | None,
    task_version: str | None,
    created_after: float | None,
    created_before: float | None,
    updated_after: float | None,
    updated_before: float | None,
    with_label: tuple[str, ...],
    with_label_key: tuple[str, ...],
    project: str | None,
    domain: str | None,
) -> None:
    """Show the latest runs, or one run with its actions.

    NAME may be the beginning of a name, or `latest`.
    """
    query = RunQuery(
        phase=ActionPhase(in_phase) if in_phase is not None else None,
        is_paused=paused_only,
        is_mine=only_mine,
        task_name=task_name,
        task_version=task_version,
        created=(created_after, created_before),
        updated=(updated_after, updated_before),
        labels=tuple(
            pair_of("--with-label", text, f"`--with-label-key {text}` asks for the key") for text in with_label
        ),
        label_keys=with_label_key,
    )
    with open_runs() as store:
        if name is not None:
            _show_run(store, find_run(store, name))
            return
        is_anywhere = project is None and domain is None and not query.is_narrow
        none = "no run matches; with fewer options `flyte get run` shows more"
        if remote_of(store) is not None and task_name is not None and "." not in task_name:
            none += f"\nhint: a control plane knows tasks by their whole names, such as `environment.{task_name}`"
        show_list(
            _listed(store, query, limit, project, domain),
            run_data,
            RUN_HEADINGS,
            run_row,
            none="there are no runs yet; `flyte run FILE TASK` starts one" if is_anywhere else none,
        )


def _listed(
    store: ActionStore, query: RunQuery, limit: int, project: str | None, domain: str | None
) -> list[RunRecord]:
    remote = remote_of(store)
    if remote is not None:
        # A control plane looks for itself, among all that it has.
        return remote.find(query, limit, project=project, domain=domain)
    if query.task_version is not None:
        raise click.UsageError(
            "runs of this machine have no task version\nhint: leave `--task-version` out; `--task-name` picks the task"
        )
    runs = store.runs(1_000_000 if query.is_narrow else limit, project=project, domain=domain)
    return [run for run in runs if query.is_met_by(run, store)][:limit]


def _show_run(store: ActionStore, run: RunRecord) -> None:
    actions = all_explained(store, store.actions(run.run_name))

    def text(layout: Layout) -> str:
        labels = ", ".join(f"{key}={value}" for key, value in run.labels.items())
        fields = [("run", run.run_name), ("task", run.task_name), ("phase", run.phase.value)]
        fields += [("started", layout.time(run.created_at)), ("took", layout.took(run.created_at, run.ended_at))]
        fields += [("waiting for", next((one.waiting_for for one in actions if one.parent_name is None), ""))]
        fields += [("file", run.source_path or ""), ("command", run.command or ""), ("labels", labels)]
        return f"{layout.fields(fields)}\n\n{action_table(actions, layout)}"

    show(lambda: run_data(run) | {"actions": [action_data(action) for action in actions]}, text)
