"""`flyte diff RUN RUN`: how two runs differ."""

import click

from flyte_cli.completers import complete_run
from flyte_cli.history import find_run, open_runs
from flyte_cli.output import Layout, show
from flyte_cli.run_differences import ActionFacts, Difference, RunFacts, Values, differences
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.views import as_tree, first_line
from flyte_cli.words import argument, output_option
from flyte_engine.records import ActionRecord, RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore
from flyte_types.literal_text import literal_string_repr
from flyte_types.literals import Inputs, Outputs

_MOST_REMOTE = 100
"""Actions of a control plane whose inputs and outputs are fetched, each with a request of its own."""
_LONGEST = 200


@click.command("diff")
@argument("first", metavar="RUN", shell_complete=complete_run)
@argument("second", metavar="RUN", shell_complete=complete_run)
@project_and_domain
@local_or_devbox
@output_option
def diff(first: str, second: str, project: str | None, domain: str | None) -> None:
    """Tell how two runs differ: inputs, version of the code, actions, outputs, and durations that differ by half or more.

    Actions are matched by their names, which follow from task and inputs, and then by task and order. Exits with 0 either way.
    """
    del project, domain  # `open_runs` reads them
    with open_runs() as store:
        left, right = find_run(store, first), find_run(store, second)
        facts = _facts(store, left), _facts(store, right)
    found = differences(*facts)
    show(
        lambda: {
            "runs": [left.run_name, right.run_name],
            "equal": not found,
            "differences": [each._asdict() for each in found],
        },
        lambda layout: _text(layout, left, right, found),
    )


def _text(layout: Layout, left: RunRecord, right: RunRecord, found: list[Difference]) -> str:
    fields = layout.fields(
        [
            (name, f"{run.run_name}  {run.phase.value}  {layout.took(run.created_at, run.ended_at)}")
            for name, run in (("left", left), ("right", right))
        ]
    )
    if not found:
        return f"{fields}\n\nNo difference: inputs, actions and outputs are the same."
    rows = [(each.what, each.where, _short(each.left) or "-", _short(each.right) or "-") for each in found]
    return f"{fields}\n\n{layout.table(('WHAT', 'WHERE', 'LEFT', 'RIGHT'), rows)}"


def _facts(store: ActionStore, run: RunRecord) -> RunFacts:
    actions = [action for action, _ in as_tree(store.actions(run.run_name))]
    most = len(actions) if isinstance(store, SQLiteStore) else _MOST_REMOTE
    if len(actions) > most:
        click.echo(
            f"note: values of the first {most} of {len(actions)} actions of `{run.run_name}` are compared", err=True
        )
    facts = [_of_action(store, action, with_values=index < most) for index, action in enumerate(actions)]
    root = next((each for each in facts if each.parent is None), None)
    version = "" if isinstance(store, SQLiteStore) else _version(store, run.run_name)
    return RunFacts(
        run.run_name,
        run.task_name,
        run.phase.value,
        version,
        None if run.ended_at is None else run.ended_at - run.created_at,
        root.inputs if root is not None else None,
        root.outputs if root is not None else None,
        facts,
    )


def _version(store: object, run_name: str) -> str:
    from flyte_cli.remote_history import RemoteHistory  # noqa: PLC0415 - a client is loaded only by who talks to a control plane

    return (store.version(run_name) or "") if isinstance(store, RemoteHistory) else ""


def _of_action(store: ActionStore, action: ActionRecord, *, with_values: bool) -> ActionFacts:
    inputs: Values = None
    outputs: Values = None
    if with_values:
        given, made = store.inputs(action.run_name, action.name), store.outputs(action.run_name, action.name)
        inputs = None if given is None else _as_text(literal_string_repr(Inputs.FromString(given)))
        outputs = None if made is None else _as_text(literal_string_repr(Outputs.FromString(made)))
    seconds = None if action.started_at is None or action.ended_at is None else action.ended_at - action.started_at
    return ActionFacts(
        action.name,
        action.parent_name,
        action.short_name or action.task_name,
        action.phase.value,
        action.attempt,
        seconds,
        action.cache_status == "hit",
        first_line(action.error),
        inputs,
        outputs,
    )


def _as_text(values: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


command = diff
"""The command `flyte diff`."""
