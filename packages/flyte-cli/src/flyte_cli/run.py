"""`flyte run FILE TASK --input ...`: the commands are the user's files and tasks, and a few words that are no files."""

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flyte.initialization import init_from_config
from flyte_cli.app import RootOptions, write_commands
from flyte_cli.configuring import configured
from flyte_cli.loading import check_file, load_module, tasks_of
from flyte_cli.run_options import RUN_OPTIONS, RunChoices, run_parameters
from flyte_cli.task_commands import TaskGroup
from flyte_cli.words import refuse_empty

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_WORDS = {
    "hello": ("flyte_cli.hello", "make_command"),
    "python-script": ("flyte_cli.python_script", "make_command"),
    "deployed-task": ("flyte_cli.deployed_task", "make_command"),
}
"""Words that stand where a file would: module, and the function there that makes the command."""


class FileGroup(click.Group):
    """`flyte run`: its commands are Python files, and the few words of a table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the words of the table: any file may follow as well."""
        return list(_WORDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import the file that the word names."""
        if cmd_name in _WORDS:
            module, name = _WORDS[cmd_name]
            return getattr(import_module(module), name)()
        if ctx.resilient_parsing:
            # A completion: names come from the text of the file, whose code is not run.
            from flyte_cli.outline import outline_group  # noqa: PLC0415 - as said

            return outline_group(Path(cmd_name), cmd_name)
        if not cmd_name:
            refuse_empty("FILE", ctx)
        path = check_file(Path(cmd_name))
        root_dir: Path = ctx.params.get("root_dir") or Path.cwd()
        return TaskGroup(path, cmd_name, tasks_of(load_module(path, root_dir.absolute())))

    def invoke(self, ctx: click.Context) -> object:
        """Check the options, keep them for the command, and make the settings, all before the user's code is imported."""
        chosen = ctx.meta[RUN_OPTIONS] = RunChoices(ctx.params)
        os.environ.update(chosen.env_vars)
        options = ctx.find_root().ensure_object(RootOptions)
        settings: dict[str, Any] = {"org": options.org} if options.org else {}
        if options.log_format is not None:
            settings["log_format"] = options.log_format
        if options.user_log_level is not None:
            import logging  # noqa: PLC0415 - only who sets a level pays for it

            settings["user_log_level"] = logging.getLevelNamesMapping()[options.user_log_level.upper()]
        if options.reset_root_logger:
            os.environ["FLYTE_RESET_ROOT_LOGGER"] = "1"
        init_from_config(
            configured(),
            root_dir=chosen.root_dir or Path.cwd(),
            images=chosen.images or None,
            sync_local_sys_paths=chosen.syncs_search_path,
            **settings,
        )
        if chosen.is_devbox:
            from flyte_cli.remote_runs import use_devbox  # noqa: PLC0415 - a run in this process needs no client

            use_devbox()
        if chosen.resume is not None and not [*ctx._protected_args, *ctx.args]:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # click has no public name for the word after the options
            from flyte_cli.resume import resume_command  # noqa: PLC0415 - most runs are new

            with ctx:
                return resume_command(chosen.resume, chosen.root_dir or Path.cwd(), ctx)
        return super().invoke(ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete an option, a word of the table, or the path of a Python file; where none fits, any path."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - for completions only

        from flyte_cli.completing import python_files  # noqa: PLC0415 - as above

        words = [CompletionItem(word) for word in _WORDS if word.startswith(incomplete)]
        return [*words, *python_files(incomplete)] or [CompletionItem(incomplete, type="file")]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show what follows as FILE and TASK."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] FILE TASK [--INPUT VALUE]...")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the words that may stand instead of a file."""
        write_commands(self, ctx, formatter, "Instead of FILE")


command = FileGroup(
    "run",
    help="Run a task of a Python file: in this process, recorded, or on a control plane.\n\n"
    "`flyte run FILE` lists the tasks of a file, `flyte run FILE TASK --help` the inputs of a task.",
    no_args_is_help=True,
    params=run_parameters(),
)
"""The command `flyte run`."""
