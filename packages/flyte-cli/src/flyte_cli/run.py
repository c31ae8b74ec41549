"""`flyte run FILE TASK --input ...`: the commands and options are made from the user's file."""

import enum
import inspect
import shlex
import sys
import types
import typing
from pathlib import Path
from typing import Any

import click

from flyte.initialization import init_from_config, settings
from flyte.running.local import new_run_name
from flyte.running.options import RunOptions
from flyte.running.outputs import LocalRun
from flyte.running.start import Runner
from flyte.tasks.template import TaskTemplate
from flyte_cli.app import RootOptions, write_commands
from flyte_cli.errors import CodeNotLoadedError, InterruptedRunError, RunFailedError
from flyte_cli.loading import check_file, load_module, tasks_of
from flyte_cli.messages import closest
from flyte_cli.progress.display import progress
from flyte_config import auto
from flyte_engine.sqlite import SQLiteStore
from flyte_syncify import syncify
from flyte_types.names import describe_type

_EMPTY = inspect.Parameter.empty
_RESULT_LIMIT = 4000


class FileGroup(click.Group):
    """`flyte run`: its commands are Python files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return nothing: any file may follow."""
        return []

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import the file that the word names."""
        path = check_file(Path(cmd_name))
        root_dir: Path = ctx.params.get("root_dir") or Path.cwd()
        options = ctx.ensure_object(RootOptions)
        init_from_config(auto(options.config), root_dir=root_dir)
        module = load_module(path, root_dir.absolute())
        return TaskGroup(path, cmd_name, tasks_of(module))

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show what follows as FILE and TASK."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] FILE TASK [--INPUT VALUE]...")


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
            return (
                f"`{self._shown}` has no tasks\n"
                "hint: decorate a function with `@env.task`, where `env` is a `flyte.TaskEnvironment`"
            )
        close = closest(word, self._tasks)
        known = ", ".join(f"`{name}`" for name in self._tasks)
        hint = f"did you mean `{close}`?" if close else "check the name"
        return f"`{self._shown}` has no task `{word}`; it has {known}\nhint: {hint}"


class InputOption(click.Option):
    """The option of one input: keeps the text, which is converted once all inputs are there."""

    def __init__(self, name: str, kind: Any, default: Any, described: str) -> None:
        self.kind = kind
        self.input_name = name
        self.fallback = default
        """The value of an input that is not given; `inspect.Parameter.empty` when it must be."""
        note = "" if self._needed(kind, default) else f"[default: {_default_text(kind, default)}]"
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
        carry_out(task, collect_inputs(task, options, texts), path)

    return click.Command(
        name,
        params=list(options),
        callback=callback,
        help=(docstring.short_description if docstring is not None else None) or f"Run the task `{task.name}`.",
        # Both spellings of a name are accepted: `--chunk_size` and `--chunk-size`.
        context_settings={"token_normalize_func": _with_underscores},
    )


def _with_underscores(word: str) -> str:
    return word.replace("-", "_")


def collect_inputs(task: TaskTemplate[..., Any], options: list[InputOption], texts: dict[str, Any]) -> dict[str, Any]:
    """Convert the texts of the command line to the values of the inputs.

    Raises:
        click.UsageError: naming every input that is missing, or the one whose text does not fit its type.
    """
    missing = [option for option in options if option.is_needed and texts.get(option.input_name) is None]
    if missing:
        listed = ", ".join(f"`--{option.input_name}` ({describe_type(option.kind)})" for option in missing)
        noun = "an input that is" if len(missing) == 1 else f"{len(missing)} inputs that are"
        example = " ".join(f"--{option.input_name} {describe_type(option.kind).upper()}" for option in missing)
        raise click.UsageError(f"task `{task.name}` needs {noun} missing: {listed}\nhint: add {example}")
    values: dict[str, Any] = {}
    for option in options:
        text = texts.get(option.input_name)
        if text is None:
            if option.fallback is not _EMPTY:
                values[option.input_name] = option.fallback
            else:
                values[option.input_name] = False if option.kind is bool else None
        elif option.kind is bool:
            values[option.input_name] = text
        else:
            values[option.input_name] = _convert(task, option, text)
    return values


def carry_out(task: TaskTemplate[..., Any], values: dict[str, Any], path: Path) -> None:
    """Run the task, recorded and with progress, and print the result, the record and what to try next.

    Raises:
        RunFailedError: when the run did not succeed.
        InterruptedRunError: when it was interrupted.
    """
    root_context = click.get_current_context().find_root()
    options = root_context.ensure_object(RootOptions)
    run_options = _run_parameters()
    history = settings().history_file
    name = run_options.get("name") or new_run_name()
    store = SQLiteStore(history)
    try:
        with progress(enabled=options.progress) as display:
            runner = Runner(
                RunOptions(
                    mode="local",
                    name=name,
                    project=run_options.get("project"),
                    domain=run_options.get("domain"),
                    store=store,
                    observers=(display.on_event,),
                    source_path=str(path),
                    command=shlex.join(["flyte", *sys.argv[1:]]),
                )
            )
            run = syncify.loop.run(runner.attempt(task, (), values))
    except KeyboardInterrupt:
        raise InterruptedRunError(name) from None
    finally:
        store.close()
    if run.error is not None:
        raise RunFailedError(run)
    click.echo(_summary(run, history))


def _run_parameters() -> dict[str, Any]:
    """Return the options that stood between `run` and the file."""
    context: click.Context | None = click.get_current_context()
    while context is not None:
        if isinstance(context.command, FileGroup):
            return context.params
        context = context.parent
    return {}


def _summary(run: LocalRun, history: Path) -> str:
    outputs = run.outputs()
    named = outputs.named_outputs
    if not named:
        result = "None"
    elif list(named) == ["o0"]:
        result = repr(outputs[0])
    else:
        result = ", ".join(f"{name}={value!r}" for name, value in named.items())
    if len(result) > _RESULT_LIMIT:
        result = f"{result[:_RESULT_LIMIT]}…"
    return f"result    {result}\nrecorded  {_short(history)} as run {run.name}\nnext      flyte get run {run.name}"


def _short(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)


def _convert(task: TaskTemplate[..., Any], option: InputOption, text: str) -> Any:
    from flyte_types.text import parse_text  # noqa: PLC0415 - a run that is given no input needs no parser

    # Converting texts knows every type there is; a run without inputs does not need it.

    try:
        return parse_text(text, option.kind)
    except (ValueError, TypeError, OSError) as error:
        message, _, hint = str(error).partition("\nhint: ")
        raise click.UsageError(
            f"input `--{option.input_name}` of task `{task.name}`: {message}\n"
            f"hint: {hint or f'`flyte run FILE {task.short_name} --help` lists the inputs and their types'}"
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


command = FileGroup(
    "run",
    help="Run a task of a Python file in this process and record the run.\n\n"
    "`flyte run FILE` lists the tasks of a file, `flyte run FILE TASK --help` the inputs of a task.",
    no_args_is_help=True,
    params=[
        click.Option(["--local"], is_flag=True, help="Run in this process (the default, and all there is so far)"),
        click.Option(["--name"], help="Name of the run [default: a random one]"),
        click.Option(["-p", "--project"], help="Project of the run"),
        click.Option(["-d", "--domain"], help="Domain of the run"),
        click.Option(
            ["--root-dir"],
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Folder that modules are imported from [default: the working directory]",
        ),
    ],
)
"""The command `flyte run`."""
