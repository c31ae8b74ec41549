"""`flyte get task`: what is registered at a control plane."""

import click

from flyte_cli.completers import complete_task, complete_version
from flyte_cli.control_plane import connected, here
from flyte_cli.output import Layout, show, show_list
from flyte_cli.words import argument, output_option


@click.command("task")
@argument("name", required=False, shell_complete=complete_task)
@argument("version", required=False, shell_complete=complete_version)
@click.option("--limit", type=click.IntRange(1), default=100, help="How many to list [default: 100]")
@click.option(
    "--entrypoint/--no-entrypoint", default=None, help="Only those that are, or are not, declared as a start of runs"
)
@connected
@output_option
def get_task(name: str | None, version: str | None, limit: int, entrypoint: bool | None) -> None:
    """Show the registered tasks, the versions of the task NAME, or one VERSION of it with its interface."""
    from flyte.remote import Task, TaskDetails  # noqa: PLC0415 - help pages need no client

    if name is None:
        found = list(Task.listall(limit=limit, entrypoint=entrypoint))
        show_list(
            found,
            lambda each: each.to_dict(),
            ("TASK", "VERSION", "ABOUT"),
            lambda each, _: (each.name, each.version, each.pb2.metadata.short_description),
            none=f"there are no {'' if entrypoint is None else 'such '}tasks{here()}; `flyte deploy FILE ENV` registers some",
        )
        return
    if version is None:
        versions = list(Task.versions(name, limit=limit))
        show_list(
            versions,
            lambda each: {"name": name, "version": each},
            ("TASK", "VERSION"),
            lambda each, _: (name, each),
            none=f"there is no task `{name}`{here()}; `flyte get task` lists what is registered",
        )
        return
    details = TaskDetails.fetch(name, version=version)

    def text(layout: Layout) -> str:
        template = details.pb2.spec.task_template
        fields = [("task", details.name), ("version", details.version), ("type", details.task_type)]
        fields += [("interface", str(details.interface)), ("image", template.container.image)]
        fields += [("retries", str(template.metadata.retries.retries))]
        fields += [("about", details.pb2.spec.documentation.short_description)]
        fields += [("source", details.pb2.spec.documentation.source_code.link)]
        return layout.fields([(label, value) for label, value in fields if value])

    show(details.to_dict, text)
