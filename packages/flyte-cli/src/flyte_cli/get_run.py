"""`flyte get run`: the latest runs, or one with its actions."""

import click

from flyte_cli.completers import complete_run
from flyte_cli.history import PointInTime, all_explained, find_run, open_runs
from flyte_cli.output import Layout, output_option, show, show_list
from flyte_cli.scope import in_phase, local_or_devbox, project_and_domain
from flyte_cli.views import RUN_HEADINGS, action_data, action_table, run_data, run_row
from flyte_engine.records import RunRecord
from flyte_engine.store import ActionStore
from flyte_models.phases import ActionPhase


@click.command("run")
@click.argument("name", required=False, shell_complete=complete_run)
@click.option("--limit", type=click.IntRange(1), default=100, help="How many runs to list [default: 100]")
@in_phase
@click.option("--only-mine", is_flag=True, help="Only your own runs; all runs of this machine's history are")
@click.option("--paused-only", is_flag=True, help="Only runs with an action that waits for a condition")
@click.option("--task-name", help="Only runs of this task")
@click.option("--task-version", help="Only runs of this version of the task, on a control plane")
@click.option("--created-after", type=PointInTime(), help="Such as `2026-11-26`, `today` or `2h`")
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
    del only_mine
    if task_version is not None:
        raise click.UsageError(
            "runs of this machine have no task version\nhint: leave `--task-version` out; `--task-name` picks the task"
        )
    labels = [_label(text) for text in with_label]
    with open_runs() as store:
        if name is not None:
            _show_run(store, find_run(store, name))
            return

        def matches(run: RunRecord) -> bool:
            ended = float("inf") if run.ended_at is None else run.ended_at
            return (
                in_phase in (None, run.phase.value)
                and task_name in (None, run.task_name, run.task_name.rpartition(".")[2])
                and (created_after is None or run.created_at >= created_after)
                and (created_before is None or run.created_at < created_before)
                and (updated_after is None or ended >= updated_after)
                and (updated_before is None or ended < updated_before)
                and all(run.labels.get(key) == value for key, value in labels)
                and all(key in run.labels for key in with_label_key)
                and (not paused_only or _is_paused(store, run))
            )

        is_narrowed = any((in_phase, task_name, labels, with_label_key, paused_only)) or any(
            point is not None for point in (created_after, created_before, updated_after, updated_before)
        )
        runs = store.runs(1_000_000 if is_narrowed else limit, project=project, domain=domain)
        found = [run for run in runs if matches(run)][:limit]
        is_anywhere = project is None and domain is None and not is_narrowed
        show_list(
            found,
            run_data,
            RUN_HEADINGS,
            run_row,
            none="there are no runs yet; `flyte run FILE TASK` starts one"
            if is_anywhere
            else "no run matches; with fewer options `flyte get run` shows more",
        )


def _show_run(store: ActionStore, run: RunRecord) -> None:
    actions = all_explained(store, store.actions(run.run_name))

    def text(layout: Layout) -> str:
        labels = ", ".join(f"{key}={value}" for key, value in run.labels.items())
        fields = [("run", run.run_name), ("task", run.task_name), ("phase", run.phase.value)]
        fields += [("started", layout.time(run.created_at)), ("took", layout.took(run.created_at, run.ended_at))]
        fields += [("file", run.source_path or ""), ("command", run.command or ""), ("labels", labels)]
        return f"{layout.fields(fields)}\n\n{action_table(actions, layout)}"

    show(lambda: run_data(run) | {"actions": [action_data(action) for action in actions]}, text)


def _is_paused(store: ActionStore, run: RunRecord) -> bool:
    if run.phase.is_terminal:
        return False
    return any(action.phase is ActionPhase.PAUSED for action in store.actions(run.run_name))


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(
            f"`--with-label` needs KEY=VALUE, got `{text}`\nhint: `--with-label-key {text}` asks for the key"
        )
    return key, value
