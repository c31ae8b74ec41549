"""`flyte get project|secret|trigger`: what else a control plane has."""

from typing import TYPE_CHECKING

import click

from flyte_cli.completers import complete_project, complete_secret, complete_task, complete_trigger
from flyte_cli.control_plane import connected, connected_exactly, here
from flyte_cli.output import Layout, show, show_list
from flyte_cli.words import argument, output_option

if TYPE_CHECKING:
    from flyte.remote import Trigger, TriggerDetails


@click.command("project")
@argument("name", required=False, shell_complete=complete_project)
@click.option("--archived", is_flag=True, help="Those that are archived")
@connected
@output_option
def get_project(name: str | None, archived: bool) -> None:
    """Show the projects of the control plane, or the one with the identifier NAME."""
    from flyte.remote import Project  # noqa: PLC0415 - help pages need no client

    found = [Project.get(name)] if name is not None else list(Project.listall(archived=archived))
    show_list(
        found,
        lambda each: each.to_dict(),
        ("ID", "NAME", "DESCRIPTION"),
        lambda each, _: (each.id, each.name, each.pb2.description),
        none="no project is archived; `flyte get project` lists the others"
        if archived
        else "there are no projects; `flyte create project --id ID --name NAME` makes one",
    )


@click.command("secret")
@argument("name", required=False, shell_complete=complete_secret)
@click.option("--cluster-pool", help="Of this pool of clusters, in place of project and domain")
@connected_exactly
@output_option
def get_secret(name: str | None, cluster_pool: str | None) -> None:
    """Show the secrets, those that a project and domain see, or the one of a NAME: never their values."""
    from flyte.remote import Secret  # noqa: PLC0415 - as above

    found = (
        [Secret.get(name, cluster_pool=cluster_pool)]
        if name is not None
        else list(Secret.listall(limit=100, cluster_pool=cluster_pool))
    )
    show_list(
        found,
        lambda each: each.to_dict(),
        ("SECRET", "TYPE", "PROJECT", "DOMAIN"),
        lambda each, _: (each.name, each.type, each.pb2.id.project, each.pb2.id.domain),
        none="there are no secrets here; `flyte create secret NAME` keeps one",
    )


@click.command("trigger")
@argument("task_name", required=False, shell_complete=complete_task)
@argument("name", required=False, shell_complete=complete_trigger)
@click.option("--limit", type=click.IntRange(1), default=100, help="How many to list [default: 100]")
@connected
@output_option
def get_trigger(task_name: str | None, name: str | None, limit: int) -> None:
    """Show the triggers of the project and domain, those of one task, or its trigger NAME."""
    from flyte.remote import Trigger  # noqa: PLC0415 - as above

    if name is not None and task_name is not None:
        one = Trigger.get(name=name, task_name=task_name)
        show(one.to_dict, lambda layout: layout.fields(_fields(one, layout)))
        return
    found = list(Trigger.listall(task_name=task_name, limit=limit))
    of_task = f" of task `{task_name}`" if task_name is not None else ""
    show_list(
        found,
        lambda each: each.to_dict(),
        ("TRIGGER", "TASK", "ACTIVE", "STARTS", "LAST"),
        lambda each, layout: (each.name, each.task_name, *_state(each, layout)),
        none=f"there are no triggers{of_task}{here()}; `flyte create trigger {task_name or 'TASK'} NAME` makes one",
    )


def _fields(trigger: "TriggerDetails", layout: Layout) -> list[tuple[str, str]]:
    active, starts, last = _state(trigger, layout)
    spec = trigger.pb2.spec
    fields = [("trigger", trigger.name), ("task", trigger.task_name), ("version", spec.task_version)]
    fields += [("active", active), ("starts", starts), ("last", last)]
    return [*fields, ("description", spec.description)]


def _state(trigger: "Trigger | TriggerDetails", layout: Layout) -> tuple[str, str, str]:
    """Say whether a trigger is active, what starts its task, and when it last did."""
    from flyte.registration.words import automation_words  # noqa: PLC0415 - help pages need no client

    status = trigger.pb2.status
    last = status.triggered_at.ToNanoseconds() / 1e9 if status.HasField("triggered_at") else None
    active = "yes" if trigger.is_active else "no"
    return active, automation_words(trigger.automation_spec), layout.time(last)
