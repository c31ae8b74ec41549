"""`flyte update`: projects and triggers of a control plane."""

from typing import Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.completers import complete_project, complete_trigger
from flyte_cli.control_plane import connected
from flyte_cli.output import show
from flyte_cli.words import argument, output_option, pairs_of


@click.command("project")
@argument("id", shell_complete=complete_project)
@click.option("--name", help="What it is shown as")
@click.option("--description", help="What it is for")
@click.option("-l", "--label", multiple=True, metavar="KEY=VALUE", help="Labels, in place of those it has (repeatable)")
@click.option("--archive/--unarchive", default=None, help="Take it out of listings, or back into them")
@connected
@output_option
def update_project(
    id: str,  # noqa: A002 - the name of the argument
    name: str | None,
    description: str | None,
    label: tuple[str, ...],
    archive: bool | None,
) -> None:
    """Change the project with the identifier ID; what is not given stays as it is."""
    if name is None and description is None and not label and archive is None:
        raise click.UsageError(
            "there is nothing to change\nhint: `--name`, `--description`, `--label`, `--archive` or `--unarchive`"
        )
    from flyte.remote import Project  # noqa: PLC0415 - help pages need no client

    project = Project.update(
        id,
        name=name,
        description=description,
        labels=pairs_of("--label", label) if label else None,
        state=None if archive is None else "archived" if archive else "active",
    )
    done = "archived" if archive else "taken out of the archive" if archive is not None else "changed"
    show(project.to_dict, lambda _: f"Project `{id}` was {done}.")


@click.command("trigger")
@argument("name", shell_complete=complete_trigger)
@argument("task_name", shell_complete=complete_trigger)
@click.option("--activate/--deactivate", required=True, help="Let it start its task by itself, or not")
@connected
@output_option
def update_trigger(name: str, task_name: str, activate: bool) -> None:
    """Let the trigger NAME of the task TASK_NAME start it by itself, or not."""
    from flyte.remote import Trigger  # noqa: PLC0415 - as above

    Trigger.update(name, task_name, activate)
    state = "active" if activate else "inactive"
    show(
        lambda: {"name": name, "task": task_name, "active": activate},
        lambda _: f"Trigger `{name}` of task `{task_name}` is {state}.",
    )


command: Any = LazyGroup(
    "update",
    help="Change something on a control plane.",
    table={
        "project": ("flyte_cli.update", "update_project"),
        "trigger": ("flyte_cli.update", "update_trigger"),
        "app": ("flyte_cli.apps", "update_app"),
    },
)
"""The command `flyte update`."""
