"""Commands made from tasks: one option per input, whose text becomes the declared type."""

import enum
import inspect
import types
import typing
from pathlib import Path
from typing import Any

import click

from flyte.initialization import settings
from flyte.tasks.template import TaskTemplate
from flyte_cli.app import write_commands
from flyte_cli.carrying_out import carry_out
from flyte_cli.errors import CodeNotLoadedError
from flyte_cli.messages import closest
from flyte_cli.run_options import RunChoices
from flyte_types.names import describe_type

_EMPTY = inspect.Parameter.empty


class TaskGroup(click.Group):
    """`flyte run FILE`: its commands are the tasks of the file."""

    def __init__(self, path: Path, shown: str, tasks: dict[str, TaskTemplate[..., Any]]) -> None:
        super().__init__(shown, help=f"Run a task of `{shown}`.", subcommand_metavar="TASK [--INPUT VALUE]...")
        self._path = path
        self._shown = shown
        self._tasks = tasks

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the tasks in the order of their definition."""
        return list(self._tasks)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command of a task."""
        task = self._tasks.get(cmd_name)
        return make_task_command(cmd_name, task, self._path) if task is not None else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words behind the file.

        Raises:
            click.UsageError: The file has no tasks, of which a list would show none.
        """
        if not args and not self._tasks:
            raise click.UsageError(self._no_tasks(), ctx)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the task that the first argument names.

        Raises:
            click.UsageError: when the file has no such task.
        """
        word = args[0]
        command = self.get_command(ctx, word)
        if command is None and not word.startswith("-"):
            raise click.UsageError(self._unknown(word), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the tasks with the whole first line of their docstrings."""
        write_commands(self, ctx, formatter, "Tasks")

    def _unknown(self, word: str) -> str:
        if not self._tasks:
            return self._no_tasks()
        close = closest(word, self._tasks)
        known = ", ".join(f"`{name}`" for name in self._tasks)
        hint = f"did you mean `{close}`?" if close else "check the name"
        return f"`{self._shown}` has no task `{word}`; it has {known}\nhint: {hint}"

    def _no_tasks(self) -> str:
        return (
            f"`{self._shown}` has no tasks\n"
            "hint: decorate a function with `@env.task`, where `env` is a `flyte.TaskEnvironment`"
        )


class InputOption(click.Option):
    """The option of one input: keeps the text, which is converted once all inputs are there."""

    def __init__(self, name: str, kind: Any, default: Any, described: str, *, is_quiet: bool = False) -> None:
        # What is not annotated may be anything, of which JSON is how it is written.
        self.kind = kind = object if kind is _EMPTY else kind
        self.input_name = name
        self.fallback = default
        """The value of an input that is not given; `inspect.Parameter.empty` when it must be."""
        note = "" if is_quiet or self._needed(kind, default) else f"[default: {_default_text(kind, default)}]"
        required = "[required]" if self._needed(kind, default) else ""
        text = " ".join(part for part in (described, note, required) if part)
        if kind is bool:
            super().__init__([f"--{name}/--no-{name}", name], default=None, help=text)
        else:
            super().__init__([f"--{name}", name], default=None, type=str, metavar=describe_type(kind), help=text)

    @property
    def is_needed(self) -> bool:
        """Whether the input has no default and cannot be left out."""
        return self._needed(self.kind, self.fallback)

    @staticmethod
    def _needed(kind: Any, default: Any) -> bool:
        return default is _EMPTY and kind is not bool and not _is_optional(kind)


def make_task_command(name: str, task: TaskTemplate[..., Any], path: Path) -> click.Command:
    """Make the command of a task, with one option per input.

    Raises:
        CodeNotLoadedError: when the task's annotations cannot be read.
    """
    try:
        interface = task.interface
    except Exception as error:
        raise CodeNotLoadedError(f"the signature of task `{task.name}` cannot be used: {error}") from error
    docstring = interface.docstring
    described = docstring.input_descriptions if docstring is not None else {}
    options = [
        InputOption(input_name, kind, default, described.get(input_name) or "")
        for input_name, (kind, default) in interface.inputs.items()
    ]

    def callback(**texts: Any) -> None:
        chosen = RunChoices.of_context()
        if settings().endpoint and not chosen.is_local:
            from flyte_cli.remote_runs import carry_out_remotely  # noqa: PLC0415 - a run in this process needs no client

            carry_out_remotely(task, collect_inputs(task, options, texts))
            return
        if (resumed := chosen.resume) is None:
            carry_out(task, collect_inputs(task, options, texts), path)
            return
        if given := [name for name, text in texts.items() if text is not None]:
            raise click.UsageError(
                f"run `{resumed}` is continued with its recorded inputs, and `--{given[0]}` was given\n"
                f"hint: leave `--{given[0]}` out, or start a new run"
            )
        carry_out(task, {}, path)

    return click.Command(
        name,
        params=list(options),
        callback=callback,
        help=(docstring.short_description if docstring is not None else None) or f"Run the task `{task.name}`.",
        # Both spellings of a name are accepted: `--chunk_size` and `--chunk-size`.
        context_settings={"token_normalize_func": with_underscores},
    )


def with_underscores(word: str) -> str:
    """Return the name of an option as that of the input: `chunk-size` is `chunk_size`."""
    return word.replace("-", "_")


def collect_inputs(task: TaskTemplate[..., Any], options: list[InputOption], texts: dict[str, Any]) -> dict[str, Any]:
    """Convert the texts of the command line to the values of the inputs.

    Raises:
        click.UsageError: naming every input that is missing, or the one whose text does not fit its type.
    """
    missing = [option for option in options if option.is_needed and texts.get(option.input_name) is None]
    refuse_missing(task.name, missing)
    values: dict[str, Any] = {}
    for option in options:
        text = texts.get(option.input_name)
        if text is None:
            if option.fallback is not _EMPTY:
                values[option.input_name] = option.fallback
            else:
                values[option.input_name] = False if option.kind is bool else None
        else:
            hint = f"`flyte run FILE {task.short_name} --help` lists the inputs and their types"
            values[option.input_name] = convert(task.name, option, text, hint)
    return values


def refuse_missing(task_name: str, missing: list[InputOption]) -> None:
    """Refuse a command line without inputs that a task needs; nothing if there are none.

    Raises:
        click.UsageError: naming all of them.
    """
    if not missing:
        return
    listed = ", ".join(f"`--{option.input_name}` ({describe_type(option.kind)})" for option in missing)
    noun = "an input that is" if len(missing) == 1 else f"{len(missing)} inputs that are"
    example = " ".join(f"--{option.input_name} {_stand_in(option.kind)}" for option in missing)
    raise click.UsageError(f"task `{task_name}` needs {noun} missing: {listed}\nhint: add {example}")


def _stand_in(kind: Any) -> str:
    """Return a word for a value of a type, which no shell takes apart."""
    word = describe_type(kind).upper()
    return word if word.isidentifier() else "VALUE"


def convert(task_name: str, option: InputOption, text: Any, otherwise: str) -> Any:
    """Convert the text of an option to the value of its input; of a switch the value is there already.

    Args:
        task_name: For messages.
        option: The option.
        text: What was given.
        otherwise: The hint, where what is wrong with the text gives none.

    Raises:
        click.UsageError: it does not fit the type.
    """
    if option.kind is bool:
        return text
    from flyte_types.text import parse_text  # noqa: PLC0415 - a run that is given no input needs no parser

    # Converting texts knows every type there is; a run without inputs does not need it.

    try:
        return parse_text(text, option.kind)
    except (ValueError, TypeError, OSError) as error:
        message, _, hint = str(error).partition("\nhint: ")
        raise click.UsageError(
            f"input `--{option.input_name}` of task `{task_name}`: {message}\nhint: {hint or otherwise}"
        ) from error


def _is_optional(kind: Any) -> bool:
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        return types.NoneType in typing.get_args(kind)
    return kind is None or kind is types.NoneType


def _default_text(kind: Any, default: Any) -> str:
    if default is _EMPTY:
        return "False" if kind is bool else "None"
    if isinstance(default, enum.Enum):
        return default.name  # what the command line takes
    return default if isinstance(default, str) else repr(default)
