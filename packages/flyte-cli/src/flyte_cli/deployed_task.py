"""`flyte run deployed-task`: refused, until runs on a control plane come."""

import click


def make_command() -> click.Command:
    """Make the command."""

    def refuse(**_: object) -> None:
        raise click.UsageError(
            "`deployed-task` runs what is registered at a control plane, which this version does not do from the command line\n"
            "hint: `flyte run FILE TASK` runs the task of a file, in this process"
        )

    return click.Command(
        "deployed-task",
        params=[click.Argument(["words"], nargs=-1)],
        callback=refuse,
        help="Run a task that is registered at a control plane (not built yet).",
        context_settings={"ignore_unknown_options": True},
    )
