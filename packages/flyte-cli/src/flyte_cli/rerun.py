"""`flyte rerun`: what a run of a control plane has run, once more."""

import time
from typing import Any

import click

from flyte_cli.completers import complete_action, complete_run
from flyte_cli.control_plane import connected
from flyte_cli.messages import closest
from flyte_cli.words import argument, output_option, pairs_of


def _inputs(words: tuple[str, ...]) -> dict[str, str]:
    """Read `--name VALUE` and `--name=VALUE`."""
    given: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name or not (equals or left):
            raise click.UsageError(f"`{word}` is no input\nhint: write `--NAME VALUE` behind the name of the run")
        given[name.replace("-", "_")] = text if equals else left.pop(0)
    return given


@click.command("rerun", context_settings={"ignore_unknown_options": True})
@argument("run_name", shell_complete=complete_run)
@click.option("--name", help="Name of the new run [default: a random one]")
@click.option("-e", "--env", multiple=True, metavar="KEY=VALUE", help="Environment variable (repeatable)")
@click.option("--label", multiple=True, metavar="KEY=VALUE", help="Label of the run (repeatable)")
@click.option("-f", "--follow", is_flag=True, help="Print what the task prints and wait for the result")
@click.option("--recover", is_flag=True, help="Take over what has succeeded")
@click.option(
    "--action-name",
    default="a0",
    help="Run this action only, as the root of the new run",
    shell_complete=complete_action,
)
@click.option(
    "--force-rerun-action", multiple=True, metavar="ACTION", help="With --recover: do this one again (repeatable)"
)
@click.option("--allow-missing-outputs", is_flag=True, help="Go on where outputs of the earlier run are gone")
@click.argument("inputs", nargs=-1, type=click.UNPROCESSED, metavar="[--INPUT VALUE]...")
@connected
@output_option
def command(
    run_name: str,
    name: str | None,
    env: tuple[str, ...],
    label: tuple[str, ...],
    follow: bool,
    recover: bool,
    action_name: str,
    force_rerun_action: tuple[str, ...],
    allow_missing_outputs: bool,
    inputs: tuple[str, ...],
) -> None:
    """Run again what the run RUN_NAME has run, with its inputs or others."""
    from flyte.remote import ActionDetails  # noqa: PLC0415 - help pages need no client
    from flyte.running.options import RunOptions  # noqa: PLC0415 - as above
    from flyte.running.start import Runner  # noqa: PLC0415 - as above
    from flyte_cli.remote_runs import report, starting  # noqa: PLC0415 - as above
    from flyte_types.reverse import guess_interface  # noqa: PLC0415 - as above
    from flyte_types.text import parse_text  # noqa: PLC0415 - as above

    texts = _inputs(inputs)
    values: dict[str, Any] = {}
    if texts:
        action = ActionDetails.get(run_name=run_name, name=action_name)
        known = guess_interface(action.pb2.task.task_template.interface).inputs
        for key, text in texts.items():
            if key not in known:
                listed = ", ".join(f"`--{each}`" for each in known) or "none"
                close = closest(key, known)
                hint = f"did you mean `--{close}`?" if close else "leave it out"
                raise click.UsageError(
                    f"the task of run `{run_name}` has no input `--{key}`; its inputs are {listed}\nhint: {hint}"
                )
            try:
                values[key] = parse_text(text, known[key][0])
            except (ValueError, TypeError, OSError) as error:
                message, _, hint = str(error).partition("\nhint: ")
                hint = hint or f"`flyte get io {run_name}` shows the inputs it had, with their types"
                raise click.UsageError(f"input `--{key}`: {message}\nhint: {hint}") from error
    began = time.monotonic()
    runner = Runner(
        RunOptions(mode="remote", name=name, env_vars=pairs_of("--env", env), labels=pairs_of("--label", label))
    )
    try:
        with starting():
            run = runner.rerun(
                run_name,
                action_name,
                recover,
                force_rerun_action,
                allow_missing_outputs,
                **values,
            )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    report(run, began, follows=follow)
