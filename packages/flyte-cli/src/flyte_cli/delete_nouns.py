"""`flyte delete secret|trigger`: what a control plane keeps."""

import click

from flyte_cli.completers import complete_secret, complete_trigger
from flyte_cli.control_plane import connected, connected_exactly
from flyte_cli.output import show
from flyte_cli.words import argument, output_option


@click.command("secret")
@argument("name", shell_complete=complete_secret)
@click.option("--cluster-pool", help="Of this pool of clusters, in place of project and domain")
@connected_exactly
@output_option
def delete_secret(name: str, cluster_pool: str | None) -> None:
    """Forget the secret NAME: the one of all projects, or of a project and domain. Tasks that ask for it fail from now on."""
    from flyte.remote import Secret  # noqa: PLC0415 - help pages need no client

    Secret.delete(name, cluster_pool=cluster_pool)
    show(lambda: {"deleted": [name]}, lambda _: f"Deleted secret `{name}`.")


@click.command("trigger")
@argument("name", shell_complete=complete_trigger)
@argument("task_name", shell_complete=complete_trigger)
@connected
@output_option
def delete_trigger(name: str, task_name: str) -> None:
    """Delete the trigger NAME of the task TASK_NAME. Runs that it started go on."""
    from flyte.remote import Trigger  # noqa: PLC0415 - as above

    Trigger.delete(name, task_name)
    show(lambda: {"deleted": [name], "task": task_name}, lambda _: f"Deleted trigger `{name}` of task `{task_name}`.")
