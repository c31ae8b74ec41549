"""`flyte create project|secret|trigger`: what a control plane keeps."""

import json
import sys
from pathlib import Path

import click

from flyte_cli.completers import complete_task
from flyte_cli.control_plane import connected, connected_exactly
from flyte_cli.output import show
from flyte_cli.words import argument, output_option, pairs_of

_TIME_INPUT = "trigger_time"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("project")
@click.option("--id", "identifier", required=True, help="Identifier, which never changes")
@click.option("--name", required=True, help="What it is shown as")
@click.option("--description", default="", help="What it is for")
@click.option("-l", "--label", multiple=True, metavar="KEY=VALUE", help="Label (repeatable)")
@connected
@output_option
def create_project(identifier: str, name: str, description: str, label: tuple[str, ...]) -> None:
    """Make a project."""
    from flyte.remote import Project  # noqa: PLC0415 - help pages need no client

    project = Project.create(identifier, name, description, pairs_of("--label", label))
    show(project.to_dict, lambda _: f"Made project `{identifier}`.")


@click.command("secret")
@argument("name")
@click.option("--value", help="The value; what stands here can be read by other users of this machine")
@click.option("--from-file", type=_FILE, help="Take the value from a file")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["regular", "image_pull"]),
    default="regular",
    help="A value for tasks, or the credentials of a registry of images [default: regular]",
)
@click.option("--from-docker-config", is_flag=True, help="With image_pull: take what docker has signed in to")
@click.option("--docker-config-path", type=_FILE, help="Docker's configuration [default: ~/.docker/config.json]")
@click.option("--registries", help="With --from-docker-config: only these, separated by commas")
@click.option("--registry", help="With image_pull: the registry")
@click.option("--username", help="With --registry: the user")
@click.option("--password", help="With --registry: the password [default: asked for]")
@click.option("--cluster-pool", help="Keep it for this pool of clusters, in place of project and domain")
@connected_exactly
@output_option
def create_secret(
    name: str,
    value: str | None,
    from_file: Path | None,
    kind: str,
    from_docker_config: bool,
    docker_config_path: Path | None,
    registries: str | None,
    registry: str | None,
    username: str | None,
    password: str | None,
    cluster_pool: str | None,
) -> None:
    """Keep a secret for tasks; without a value it is asked for, or read from standard input.

    It is for the tasks of all projects, or with `-p` and `-d` of one project and domain, whose own secrets come first.

    With `--type image_pull` it is what pulls images from a registry, from `--registry`, `--username` and `--password`, or from
    what docker has signed in to (`--from-docker-config`).
    """
    ways = {"--value": value, "--from-file": from_file, "--from-docker-config": from_docker_config}
    ways["--registry"] = registry
    given = [option for option, text in ways.items() if text]
    if len(given) > 1:
        raise click.UsageError(
            f"`{given[0]}` and `{given[1]}` exclude each other\nhint: leave one of them out",
            click.get_current_context(),
        )
    of_docker = {"--docker-config-path": docker_config_path, "--registries": registries}
    if kind == "regular" and (registry or from_docker_config or username or password or any(of_docker.values())):
        raise click.UsageError("credentials of a registry are of another type\nhint: add `--type image_pull`")
    for option, text in of_docker.items():
        if text and not from_docker_config:
            raise click.UsageError(
                f"`{option}` is about what docker has signed in to\nhint: add `--from-docker-config`, or leave it out"
            )
    from flyte.remote import Secret  # noqa: PLC0415 - as above

    content: str | bytes
    if from_file is not None:
        content = from_file.read_bytes()
    elif value is not None:
        content = value
    elif kind == "image_pull":
        content = _credentials(
            registry, username, password, docker=docker_config_path if from_docker_config else None,
            uses_docker=from_docker_config, registries=registries,
        )  # fmt: skip
    else:
        content = _asked(f"Value of secret `{name}`")
    if not content:
        raise click.UsageError(f"the value of secret `{name}` is empty\nhint: a variable that is not set, perhaps")
    # Bytes, whatever it is, as in the reference.
    content = content.encode() if isinstance(content, str) else content
    Secret.create(name, content, type=kind, cluster_pool=cluster_pool)  # pyright: ignore[reportArgumentType]  # one of the choices
    show(lambda: {"name": name, "type": kind}, lambda _: f"Kept secret `{name}`.")


@click.command("trigger")
@argument("task_name", shell_complete=complete_task)
@argument("name")
@click.option("--schedule", help="When it starts the task, as a cron expression [default: never by itself]")
@click.option("--description", default="", help="What it is for")
@click.option("--auto-activate/--no-auto-activate", default=True, help="Active from now on [default: yes]")
@click.option(
    "--trigger-time-var", help="Input that gets the time of the start [default: `trigger_time`, if the task has it]"
)
@connected
@output_option
def create_trigger(
    task_name: str, name: str, schedule: str | None, description: str, auto_activate: bool, trigger_time_var: str | None
) -> None:
    """Make a trigger NAME for the registered task TASK_NAME, in its latest version."""
    import flyte  # noqa: PLC0415 - as above
    from flyte.remote import TaskDetails, Trigger  # noqa: PLC0415

    task = TaskDetails.fetch(task_name, auto_version="latest")
    if schedule and trigger_time_var is None and _TIME_INPUT in task.interface.inputs:
        trigger_time_var = _TIME_INPUT
    trigger = flyte.Trigger(
        name=name,
        automation=flyte.Cron(schedule) if schedule else None,
        description=description,
        auto_activate=auto_activate,
        inputs={trigger_time_var: flyte.TriggerTime} if schedule and trigger_time_var else None,
    )
    try:
        made = Trigger.create(trigger, task_name, task.version)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    when = f"starts it at `{schedule}`" if schedule else "starts it when it is told to"
    show(made.to_dict, lambda _: f"Made trigger `{name}` of task `{task_name}`, version `{task.version}`: it {when}.")


def _credentials(
    registry: str | None,
    username: str | None,
    password: str | None,
    *,
    docker: Path | None,
    uses_docker: bool,
    registries: str | None,
) -> str:
    from flyte_cli.docker_credentials import credentials_of, docker_config, from_docker  # noqa: PLC0415 - for these secrets only

    if uses_docker:
        path = docker or docker_config()
        wanted = [each.strip() for each in registries.split(",") if each.strip()] if registries else None
        try:
            return json.dumps(from_docker(path, wanted))
        except (OSError, ValueError) as error:
            raise click.UsageError(f"{error}\nhint: `docker login` signs in to a registry") from None
    registry = registry or _named("Registry", "--registry")
    username = username or _named("User", "--username")
    password = password or _asked("Password")
    if not password:
        raise click.UsageError(f"the password for `{registry}` is empty\nhint: a variable that is not set, perhaps")
    return json.dumps(credentials_of(registry, username, password))


def _named(what: str, option: str) -> str:
    try:
        return click.prompt(what, err=True)
    except click.Abort as error:
        if not isinstance(error.__context__, EOFError):
            raise
    click.echo(err=True)
    raise click.UsageError(f"standard input ends before the {what.lower()}\nhint: add `{option}`")


def _asked(what: str) -> str:
    if sys.stdin.isatty():
        return click.prompt(what, hide_input=True, err=True)
    return sys.stdin.read().removesuffix("\n")
