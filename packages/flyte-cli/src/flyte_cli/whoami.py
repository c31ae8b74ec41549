"""`flyte whoami`: the user that the control plane takes this process for."""

import click

from flyte_cli.control_plane import connected
from flyte_cli.output import show
from flyte_cli.words import output_option


@click.command("whoami")
@connected
@output_option
def command() -> None:
    """Show which user the control plane takes you for."""
    from flyte.remote import User  # noqa: PLC0415 - help pages need no client

    user = User.get()
    message = user.pb2
    fields = [("name", message.name), ("subject", message.subject), ("user", message.preferred_username)]
    fields += [("email", message.email)]
    show(user.to_dict, lambda layout: layout.fields(fields))
