"""`flyte run deployed-task NAME --input ...`: the commands are the tasks that are registered at the control plane."""

import inspect
import typing
from typing import Any

import click

from flyte_cli.control_plane import connect
from flyte_cli.run_options import RUN_OPTIONS, RunChoices
from flyte_cli.words import refuse_empty
from flyte_models.errors import InitializationError, UnionRpcError
from flyte_models.interface import NativeInterface

if typing.TYPE_CHECKING:
    from click.shell_completion import CompletionItem
    from flyteidl2.core import literals_pb2

    from flyte_remote.tasks import Task, TaskDetails

_LISTED = 100
_LONGEST = 60


class RegisteredTasks(click.Group):
    """`flyte run deployed-task`, and below it an environment: asks the control plane for its commands."""

    def __init__(self, *args: Any, environment: str | None = None, **settings: Any) -> None:
        """Make the group of all tasks, or of those of one environment."""
        super().__init__(*args, **settings)
        self._environment = environment

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the tasks of project and domain."""
        return [task.name for task in self._tasks(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command of a task, `NAME` in its latest version or `NAME:VERSION`, or the group of an environment."""
        if cmd_name.startswith("-"):
            return None
        if not ctx.resilient_parsing:
            return self._command_of(ctx, cmd_name)
        from flyte_cli.completing import answered_soon  # noqa: PLC0415 - for completions only

        return answered_soon(ctx, lambda: self._command_of(ctx, cmd_name))

    def _command_of(self, ctx: click.Context, cmd_name: str) -> click.Command:
        from flyte.remote import TaskDetails  # noqa: PLC0415 - help pages of others need no client

        if not cmd_name:
            refuse_empty("NAME", ctx)
        _connect(ctx)
        name, _, version = cmd_name.partition(":")
        if self._environment is not None:
            name = f"{self._environment}.{name.removeprefix(f'{self._environment}.')}"
        elif "." not in cmd_name and _tasks_of(name):
            return _group(name, f"Run a task of the environment `{name}`.", environment=name)
        try:
            found = TaskDetails.fetch(name, version=version or None, auto_version=None if version else "latest")
        except LookupError as error:
            raise click.UsageError(str(error), ctx) from None
        return _command(cmd_name, found)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete an option, or the name of a task."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from flyte_cli.completing import tasks_of_environment  # noqa: PLC0415 - for completions only

        return tasks_of_environment(ctx, self._environment, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the tasks; where no control plane says which, the page is shown with the reason."""
        try:
            rows = [(task.name, task.pb2.metadata.short_description) for task in self._tasks(ctx)]
        except (InitializationError, UnionRpcError) as error:
            formatter.write_paragraph()
            formatter.write_text(f"Its tasks cannot be listed: {str(error).replace(chr(10), '; ')}")
            return
        if rows:
            with formatter.section("Tasks"):
                formatter.write_dl(rows)

    def _tasks(self, ctx: click.Context) -> "list[Task]":
        if RUN_OPTIONS not in ctx.meta:
            # Somebody looks at the tree of commands, with no control plane in mind.
            return []
        _connect(ctx)
        return _tasks_of(self._environment)


def make_command() -> click.Command:
    """Make the command."""
    return _group(
        "deployed-task",
        "Run a task that is registered at a control plane: NAME, or NAME:VERSION.\n\n"
        "`deployed-task ENVIRONMENT` lists those of an environment; one of them may follow.",
    )


def _group(word: str, text: str, environment: str | None = None) -> RegisteredTasks:
    return RegisteredTasks(
        word,
        environment=environment,
        help=text,
        subcommand_metavar="NAME [--INPUT VALUE]...",
        no_args_is_help=True,
        params=[
            click.Option(["-p", "--project"], help="Project of the task [default: of the configuration]"),
            click.Option(["-d", "--domain"], help="Domain of the task [default: of the configuration]"),
        ],
    )


def _tasks_of(environment: str | None) -> "list[Task]":
    from flyte.remote import Task  # noqa: PLC0415 - as above

    found = list(Task.listall(by_task_env=environment, limit=_LISTED))
    # The filter of the protocol is a part of the name anywhere.
    return [task for task in found if environment is None or task.name.startswith(f"{environment}.")]


def _connect(ctx: click.Context) -> None:
    chosen = RunChoices.of_context()
    if chosen.is_local:
        raise click.UsageError("a registered task runs at its control plane\nhint: leave out `--local`")
    # Those of an environment's group stand above those of the group of all.
    parent = ctx.parent.params if ctx.parent is not None and isinstance(ctx.parent.command, RegisteredTasks) else {}
    named = {each: ctx.params.get(each) or parent.get(each) for each in ("project", "domain")}
    project, domain = named["project"] or chosen.project, named["domain"] or chosen.domain
    connect(is_devbox=chosen.is_devbox, project=project, domain=domain)


def _command(word: str, task: "TaskDetails") -> click.Command:
    # What knows how inputs are written is of no use before there is a task.
    from flyte_cli.task_commands import InputOption, convert, refuse_missing, with_underscores  # noqa: PLC0415

    options: list[InputOption] = []
    stored = {each.name: each.parameter.default for each in task.stored_defaults}
    for name, (kind, default) in task.interface.inputs.items():
        has_default = default is NativeInterface.has_default
        described = f"[default: {_default(stored[name])}]" if has_default else ""
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
        needed = [option for option in options if option.input_name in task.required_args]
        refuse_missing(task.name, [option for option in needed if option.input_name not in values])
        carry_out_remotely(task, values)

    text = task.pb2.spec.documentation.short_description or f"Run version `{task.version}` of the task `{task.name}`."
    return click.Command(
        word,
        params=list(options),
        callback=callback,
        help=text,
        context_settings={"token_normalize_func": with_underscores},
    )


def _default(literal: "literals_pb2.Literal") -> str:
    from flyte_types.literal_text import literal_string_repr  # noqa: PLC0415 - as above

    try:
        text = str(literal_string_repr(literal))
    except ValueError:
        return "the stored one"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
