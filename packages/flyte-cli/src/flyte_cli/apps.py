"""`flyte get|update|delete app`: apps on a control plane."""

from typing import TYPE_CHECKING

import click

from flyte_cli import exit_codes
from flyte_cli.completers import complete_app
from flyte_cli.control_plane import connected, here
from flyte_cli.output import Layout, show, show_list
from flyte_cli.words import argument, output_option

if TYPE_CHECKING:
    from flyte.remote import App

_STATUSES = (
    *("unassigned", "assigned", "pending", "stopped", "started", "failed", "active", "scaling_up", "scaling_down"),
    "deploying",
)


@click.command("app")
@argument("name", required=False, shell_complete=complete_app)
@click.option("--limit", type=click.IntRange(1), default=100, help="How many to list [default: 100]")
@click.option("--only-mine", is_flag=True, help="Only those that you have deployed")
@click.option(
    "--status", type=click.Choice(_STATUSES), metavar="STATUS", help=f"Only those that are {_STATUSES[0]}, ..."
)
@connected
@output_option
def get_app(name: str | None, limit: int, only_mine: bool, status: str | None) -> None:
    """Show the apps of the project and domain, or one of them."""
    from flyte.remote import App, User  # noqa: PLC0415 - help pages need no client

    if name is not None:
        one = App.get(name)
        show(one.to_dict, lambda layout: layout.fields(_fields(one, layout)))
        return
    mine = User.get().subject() if only_mine else None
    found = list(App.listall(created_by_subject=mine, limit=limit, in_status=status))
    show_list(
        found,
        lambda each: each.to_dict(),
        ("APP", "STATUS", "REVISION", "ENDPOINT"),
        lambda each, _: (each.name, _status(each), str(each.revision), each.endpoint),
        none=f"there are no {'such ' if only_mine or status else ''}apps{here()}",
    )


@click.command("app")
@argument("name", shell_complete=complete_app)
@click.option("--activate/--deactivate", default=None, help="Start it, or stop it")
@click.option("--wait", is_flag=True, help="Return when it is up, or down")
@connected
@output_option
def update_app(name: str, activate: bool | None, wait: bool) -> None:
    """Start or stop the app NAME."""
    if activate is None:
        raise click.UsageError("there is nothing to change\nhint: `--activate` or `--deactivate`")
    from flyte.remote import App  # noqa: PLC0415 - as above

    app = App.get(name)
    try:
        changed = app.activate(wait=wait) if activate else app.deactivate(wait=wait)
    except RuntimeError as error:
        click.echo(f"error: {error}", err=True)
        raise click.exceptions.Exit(exit_codes.RUN_FAILED) from None
    show(changed.to_dict, lambda _: f"App `{name}` is {_status(changed)}.")


@click.command("app")
@argument("name", shell_complete=complete_app)
@connected
@output_option
def delete_app(name: str) -> None:
    """Delete the app NAME. That there is none is no error."""
    from flyte.remote import App  # noqa: PLC0415 - as above

    App.delete(name)
    show(lambda: {"deleted": [name]}, lambda _: f"Deleted app `{name}`.")


def _fields(app: "App", layout: Layout) -> list[tuple[str, str]]:
    conditions = app.pb2.status.conditions
    last = conditions[-1] if conditions else None
    return [
        ("app", app.name),
        ("status", _status(app)),
        ("since", layout.time(last.last_transition_time.ToMicroseconds() / 1e6) if last is not None else ""),
        ("because", last.message if last is not None else ""),
        ("revision", str(app.revision)),
        ("replicas", str(app.pb2.status.current_replicas or "")),
        ("endpoint", app.endpoint),
        ("page", app.url),
    ]


def _status(app: "App") -> str:
    return app.status.replace("_", " ")
