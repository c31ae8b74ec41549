"""`flyte get io`: the inputs and outputs of an action."""

import click

from flyte_cli.completers import complete_action, complete_run
from flyte_cli.history import find_action, find_run, open_runs, split_id
from flyte_cli.output import Layout, show
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.typed import text_of, type_of
from flyte_cli.words import argument, output_option
from flyte_types.literal_text import plain_of_literals
from flyte_types.literals import Inputs, Outputs

_ROOT = "a0"


@click.command("io")
@argument("run_name", shell_complete=complete_run)
@argument("action_name", required=False, shell_complete=complete_action)
@click.option("-i", "--inputs-only", is_flag=True, help="Only the inputs")
@click.option("-o", "--outputs-only", is_flag=True, help="Only the outputs")
@project_and_domain
@local_or_devbox
@output_option
def get_io(
    run_name: str,
    action_name: str | None,
    inputs_only: bool,
    outputs_only: bool,
    project: str | None,
    domain: str | None,
) -> None:
    """Show the inputs and outputs of a run, or of one of its actions, with their types.

    Files are shown as where they are, dataclasses as JSON.
    """
    del project, domain  # the name of a run is unique on this machine
    if inputs_only and outputs_only:
        raise click.UsageError("`--inputs-only` and `--outputs-only` exclude each other\nhint: leave both out")
    run_name, action_name = split_id(run_name, action_name)
    with open_runs() as store:
        run = find_run(store, run_name)
        action = find_action(store, run.run_name, action_name or _ROOT)
        found: dict[str, Inputs | Outputs | None] = {}
        if not outputs_only:
            inputs = store.inputs(run.run_name, action.name)
            found["inputs"] = None if inputs is None else Inputs.FromString(inputs)
        if not inputs_only:
            outputs = store.outputs(run.run_name, action.name)
            found["outputs"] = None if outputs is None else Outputs.FromString(outputs)
    show(
        lambda: {name: None if part is None else plain_of_literals(part) for name, part in found.items()},
        lambda layout: "\n\n".join(_part(name, part, layout) for name, part in found.items()),
    )


def _part(name: str, part: Inputs | Outputs | None, layout: Layout) -> str:
    if part is None:
        return f"{name}: none recorded"
    if not part.literals:
        return f"{name}: none"
    rows = [(each.name, type_of(each.value), text_of(each.value)) for each in part.literals]
    width = max(len(kind) for _, kind, _ in rows)
    # Further lines of a value stand below its first one.
    below = "\n" + " " * (width + 2)
    fields = [(f"  {key}", f"{kind.ljust(width)}  {text.replace(chr(10), below)}") for key, kind, text in rows]
    return f"{name}\n{layout.fields(fields)}"
