"""The click application: root group, lazily loaded commands, one place where every error becomes text and an exit code."""

import atexit
import gc
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

import click

from flyte_cli import exit_codes, help_pages
from flyte_cli.commands import COMMANDS
from flyte_cli.help_pages import page_width, print_root_page, wants_colour, wrap
from flyte_cli.interrupts import end_at_the_next, lose_none, note_told
from flyte_cli.messages import closest

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

OutputFormat = Literal["table", "json", "yaml", "table-simple", "json-raw"]
OUTPUT_FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)


LogFormat = Literal["console", "json"]

AUTH_TYPES = (
    "client-secret", "client_secret", "clientsecret", "app-credential", "app_credential", "headless", "device-flow",
    "device_flow", "pkce", "external-command", "external_command", "externalcommand", "command", "custom",
)  # fmt: skip


class RootOptions:
    """What was given before the command."""

    def __init__(
        self,
        config: Path | None = None,
        verbose: int = 0,
        *,
        progress: bool = True,
        output_format: OutputFormat = "table",
        org: str | None = None,
        log_format: LogFormat | None = None,
        user_log_level: str | None = None,
        reset_root_logger: bool = False,
        endpoint: str | None = None,
        insecure: bool = False,
        image_builder: str | None = None,
        auth_type: str | None = None,
    ) -> None:
        self.config = config
        self.verbose = verbose
        self.progress = progress
        self.output_format: OutputFormat = output_format
        self.org = org
        self.log_format: LogFormat | None = log_format
        self.user_log_level = user_log_level
        self.reset_root_logger = reset_root_logger
        self.endpoint = endpoint
        self.insecure = insecure
        self.image_builder = image_builder
        self.auth_type = auth_type


class PageFormatter(click.HelpFormatter):
    """Draws click's help pages in the style of `help_pages`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.width = page_width()
        self.colour = wants_colour(sys.stdout)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that shows how the command is called."""
        self.write(help_pages.usage(f"{prog} {args}", colour=self.colour) + "\n")

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        self.write(f"{help_pages.heading(f'{heading}:', colour=self.colour)}\n")

    def write_text(self, text: str) -> None:
        """Write wrapped paragraphs, without click's indentation."""
        for paragraph in text.split("\n\n"):
            self.write("\n".join(wrap(paragraph, self.width)) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write two columns."""
        lines = help_pages.rows(list(rows), colour=self.colour, width=self.width)
        self.write("\n".join(lines) + "\n")


click.Context.formatter_class = PageFormatter


class NoSuchCommandError(click.UsageError):
    """A word that is no command."""

    def __init__(self, word: str, known: Sequence[str], ctx: click.Context, meant: str | None = None) -> None:
        """Name the word, and say what is meant; if nobody knows, suggest the closest command."""
        close = closest(word, known)
        hint = meant or (f"did you mean `{close}`?" if close else f"`{ctx.command_path} --help` lists the commands")
        super().__init__(f"there is no command `{ctx.command_path} {word}`\nhint: {hint}", ctx)


def write_commands(group: click.Group, ctx: click.Context, formatter: click.HelpFormatter, heading: str) -> None:
    """List the commands of a group, each with the first paragraph of its help."""
    commands = [(name, group.get_command(ctx, name)) for name in group.list_commands(ctx)]
    entries = [(name, (command.help or "").partition("\n\n")[0]) for name, command in commands if command is not None]
    if entries:
        with formatter.section(heading):
            formatter.write_dl(entries)


class LazyGroup(click.Group):
    """A group whose commands are loaded from a table when they are used."""

    def __init__(self, *args: Any, table: dict[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table, then those of plugins."""
        from flyte_cli import plugins  # noqa: PLC0415 - who names a command of the table needs no list

        more = [name for name in plugins.names_in(self._place) if name not in self._table]
        return [*self._table, *more]

    @property
    def _place(self) -> str | None:
        return None if isinstance(self, RootGroup) else self.name

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command, or return None for an unknown word."""
        from flyte_cli import plugins  # noqa: PLC0415 - the root page is drawn without

        command: click.Command | None
        if cmd_name in self._table:
            module, attribute = self._table[cmd_name]
            command = getattr(import_module(module), attribute)
        else:
            command = plugins.plugin_command(self._place, cmd_name)
        if command is not None:
            command = plugins.hooked(self._place, cmd_name, command)
        if not gc.isenabled():
            # `main` has switched the collector off. What is loaded by now stays until the end, and is not worth looking through,
            # neither while the command runs nor at exit; what the user's code makes from here on is.
            gc.freeze()
            gc.enable()
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete an option, or a command by the table, without loading it."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - for completions only

        described = {name: text for _, name, text, _ in COMMANDS} if isinstance(self, RootGroup) else {}
        return [
            CompletionItem(name, help=described.get(name))
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the first paragraph of their help."""
        write_commands(self, ctx, formatter, "Commands")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names.

        Raises:
            NoSuchCommandError: when it names none.
        """
        word = args[0]
        command = self.get_command(ctx, word)
        if command is None:
            if word.startswith("-"):
                return super().resolve_command(ctx, args)
            raise NoSuchCommandError(word, self.list_commands(ctx), ctx, self.meant_by(ctx, word))
        return word, command, args[1:]

    def meant_by(self, ctx: click.Context, word: str) -> str | None:
        """Say what a word most likely means that is no command of this group; None if nobody knows."""
        return None


class RootGroup(LazyGroup):
    """The root: its help page is drawn from the table."""

    def get_help(self, ctx: click.Context) -> str:
        """Draw the root page."""
        print_root_page()
        ctx.exit(exit_codes.OK)

    def meant_by(self, ctx: click.Context, word: str) -> str | None:
        """Say how a Python file is run, or which groups have such a command."""
        if word.endswith(".py"):
            return f"`flyte run {word}` runs a task of it"
        groups = ((name, self.get_command(ctx, name)) for name in self._table)
        found = [
            f"`flyte {name} {word}`"
            for name, group in groups
            if isinstance(group, click.Group) and word in group.list_commands(ctx)
        ]
        return f"did you mean {', '.join(found)}?" if found else None


class _Begun:
    """Remembers the context of a command line beyond its end: what fails in it is told when it is closed."""

    context: click.Context | None = None


def _place(text: str) -> tuple[str, str]:
    module, _, attribute = text.partition(":")
    return module, attribute or "command"


def _complete_profile(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from flyte_cli.completing import profiles  # noqa: PLC0415 - for completions only

    return profiles(ctx, param, incomplete)


@click.group(
    "flyte",
    cls=RootGroup,
    table={name: _place(place) for _, name, _, place in COMMANDS},
    context_settings={"help_option_names": ["--help"]},
)
@click.option("-c", "--config", type=click.Path(path_type=Path), default=None)
@click.option("--profile", default=None, shell_complete=_complete_profile)
@click.option("-v", "--verbose", count=True)
@click.option("-of", "--output-format", type=click.Choice(OUTPUT_FORMATS), default="table")
@click.option("--no-progress", is_flag=True)
@click.option("--endpoint", default=None)
@click.option("--insecure", is_flag=True)
@click.option("--auth-type", type=click.Choice(AUTH_TYPES, case_sensitive=False), default=None)
@click.option("--image-builder", "--builder", type=click.Choice(["local", "local-podman", "remote"]), default=None)
@click.option("--org", default=None)
@click.option("--log-format", type=click.Choice(["console", "json"]), default=None)
@click.option(
    "--user-log-level",
    type=click.Choice(["debug", "info", "warning", "error", "critical"], case_sensitive=False),
    default=None,
)
@click.option("--reset-root-logger", is_flag=True)
@click.version_option(package_name="flyte-cli", prog_name="flyte", message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context, no_progress: bool, profile: str | None, **given: Any) -> None:
    """Write typed tasks in Python and run them."""
    if profile is not None:
        # Not only the command asks for the configuration: the user's program does, and what it starts.
        os.environ["FLYTE_PROFILE"] = profile
    if isinstance(ctx.obj, _Begun):
        ctx.obj.context = ctx
    ctx.obj = RootOptions(progress=not no_progress, **given)


def run_command_line(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code; every error is written to standard error, never raised."""
    verbose = _asks_for_frames(arguments)
    lose_none()
    begun = _Begun()
    try:
        result: Any = root.main(list(arguments), prog_name="flyte", standalone_mode=False, obj=begun)
    except BaseException as error:
        end_at_the_next()
        from flyte_cli.failures import render_failure  # noqa: PLC0415 - only a failure pays for showing one
        from flyte_cli.places import with_placed_hints  # noqa: PLC0415 - as above

        text, exit_code = render_failure(error, verbose=verbose, colour=wants_colour(sys.stderr))
        text = with_placed_hints(text, begun.context)
        if text:
            sys.stderr.write(text)
            note_told()
        try:
            sys.stdout.flush()
        except OSError:
            help_pages.forget(sys.stdout)
        if exit_code == exit_codes.INTERRUPTED and "pyqwest" in sys.modules:
            _leave_at_once(exit_code)
        return exit_code
    end_at_the_next()
    return result if isinstance(result, int) else exit_codes.OK


def _leave_at_once(exit_code: int) -> NoReturn:
    """End the process without taking apart what was interrupted: closing a stream may wait for a server that says nothing.

    What is registered for the end of the process is done, each with a limit of its own.
    """
    atexit._run_exitfuncs()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # there is no other way but to tear down
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def _asks_for_frames(arguments: Sequence[str]) -> bool:
    """Tell whether `-v` stands before the command, also when click could not parse the line."""
    for argument in arguments:
        if argument in {"-v", "-vv", "--verbose"}:
            return True
        if not argument.startswith("-"):
            return False
    return False
