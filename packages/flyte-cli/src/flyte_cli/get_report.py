"""`flyte get report`: the page that an action made with `flyte.report`."""

from pathlib import Path

import click

from flyte_cli.completers import complete_action, complete_run
from flyte_cli.history import find_action, find_run, open_runs, split_id
from flyte_cli.output import show
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.words import argument, output_option
from flyte_cli.writing import write_file

_ROOT = "a0"


@click.command("report")
@argument("run_name", shell_complete=complete_run)
@argument("action_name", required=False, shell_complete=complete_action)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write [default: print the page's HTML]",
)
@project_and_domain
@local_or_devbox
@output_option
def get_report(
    run_name: str, action_name: str | None, output: Path | None, project: str | None, domain: str | None
) -> None:
    """Print or save the report of a run, or of one of its actions, as HTML."""
    del project, domain  # which `open_runs` reads
    run_name, action_name = split_id(run_name, action_name)
    with open_runs() as store:
        run = find_run(store, run_name)
        action = find_action(store, run.run_name, action_name or _ROOT)
        page = store.report(run.run_name, action.name)
    if page is None:
        raise click.UsageError(
            f"action `{action.name}` of run `{run.run_name}` made no report\n"
            "hint: a task makes one with `@env.task(report=True)` and `flyte.report`"
        )
    html = page.decode("utf-8")
    if output is not None:
        write_file(output, html)
        show(lambda: {"path": str(output)}, lambda _: f"Wrote `{output}`.")
        return
    show(lambda: {"run": run.run_name, "action": action.name, "html": html}, lambda _: html)
