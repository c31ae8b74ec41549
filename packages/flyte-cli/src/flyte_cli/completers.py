"""Completers for the arguments of commands; what they need is loaded when the shell asks, not with the command."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the name of a run."""
    from flyte_cli.completing import runs  # noqa: PLC0415 - for completions only

    return runs(ctx, param, incomplete)


def complete_project(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the identifier of a project."""
    from flyte_cli.completing import projects  # noqa: PLC0415 - for completions only

    return projects(ctx, param, incomplete)


def complete_task(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the name of a registered task."""
    from flyte_cli.completing import tasks  # noqa: PLC0415 - for completions only

    return tasks(ctx, param, incomplete)


def complete_action(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the name of an action."""
    from flyte_cli.completing import actions  # noqa: PLC0415 - for completions only

    return actions(ctx, param, incomplete)
