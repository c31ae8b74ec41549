"""`flyte run deployed-task NAME --input ...`: the commands are the tasks that are registered at the control plane."""

import inspect
import typing
from typing import Any

import click

from flyte_cli.app import write_commands
from flyte_cli.control_plane import connect
from flyte_cli.run_options import RUN_OPTIONS, RunChoices
from flyte_models.errors import InitializationError, UnionRpcError
from flyte_models.interface import NativeInterface

if typing.TYPE_CHECKING:
    from flyte_remote.tasks import TaskDetails

_LISTED = 100


class RegisteredTasks(click.Group):
    """`flyte run deployed-task`: asks the control plane for its commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the tasks of project and domain."""
        from flyte.remote import Task  # noqa: PLC0415 - help pages of others need no client

        if RUN_OPTIONS not in ctx.meta:
            # Somebody looks at the tree of commands, with no control plane in mind.
            return []
        _connect(ctx)
        return [task.name for task in Task.listall(limit=_LISTED)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Fetch a task, `NAME` in its latest version or `NAME:VERSION`, and make its command."""
        from flyte.remote import TaskDetails  # noqa: PLC0415 - as above

        if cmd_name.startswith("-"):
            return None
        _connect(ctx)
        name, _, version = cmd_name.partition(":")
        try:
            found = TaskDetails.fetch(name, version=version or None, auto_version=None if version else "latest")
        except LookupError as error:
            raise click.UsageError(str(error), ctx) from None
        return _command(cmd_name, found)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the tasks; where no control plane says which, the page is shown with the reason."""
        try:
            write_commands(self, ctx, formatter, "Tasks")
        except (InitializationError, UnionRpcError) as error:
            formatter.write_paragraph()
            formatter.write_text(f"Its tasks cannot be listed: {str(error).replace(chr(10), '; ')}")


def make_command() -> click.Command:
    """Make the command."""
    return RegisteredTasks(
        "deployed-task",
        help="Run a task that is registered at a control plane: NAME, or NAME:VERSION.",
        subcommand_metavar="NAME [--INPUT VALUE]...",
        no_args_is_help=True,
        params=[
            click.Option(["-p", "--project"], help="Project of the task [default: of the configuration]"),
            click.Option(["-d", "--domain"], help="Domain of the task [default: of the configuration]"),
        ],
    )


def _connect(ctx: click.Context) -> None:
    chosen = RunChoices.of_context()
    if chosen.is_local:
        raise click.UsageError("a registered task runs at its control plane\nhint: leave out `--local`")
    project, domain = ctx.params.get("project") or chosen.project, ctx.params.get("domain") or chosen.domain
    connect(is_devbox=chosen.is_devbox, project=project, domain=domain)


def _command(word: str, task: "TaskDetails") -> click.Command:
    # What knows how inputs are written is of no use before there is a task.
    from flyte_cli.task_commands import InputOption, convert  # noqa: PLC0415

    options: list[InputOption] = []
    for name, (kind, default) in task.interface.inputs.items():
        has_default = default is NativeInterface.has_default
        described = "[default: the stored one]" if has_default else ""
        options.append(
            InputOption(name, kind, None if has_default else inspect.Parameter.empty, described, is_quiet=has_default)
        )

    def callback(**texts: Any) -> None:
        from flyte_cli.remote_runs import carry_out_remotely  # noqa: PLC0415 - as above

        values = {
            option.input_name: convert(
                task.name, option, text, f"`flyte run deployed-task {word} --help` lists the inputs"
            )
            for option in options
            if (text := texts.get(option.input_name)) is not None
        }
        missing = [f"`--{name}`" for name in task.required_args if name not in values]
        if missing:
            raise click.UsageError(f"task `{task.name}` needs {', '.join(missing)}")
        carry_out_remotely(task, values)

    text = task.pb2.spec.documentation.short_description or f"Run version `{task.version}` of the task `{task.name}`."
    return click.Command(word, params=list(options), callback=callback, help=text)
