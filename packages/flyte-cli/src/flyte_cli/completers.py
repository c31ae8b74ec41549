"""Completers for the arguments of commands; what they need is loaded when the shell asks, not with the command."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _by(name: str) -> "Completer":
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from flyte_cli import completing  # noqa: PLC0415 - for completions only

        found: Completer = getattr(completing, name)
        return found(ctx, param, incomplete)

    return complete


complete_run = _by("runs")
complete_action = _by("actions")
complete_condition = _by("conditions")
complete_environment = _by("environments")
complete_project = _by("projects")
complete_task = _by("tasks")
complete_version = _by("versions")
complete_trigger = _by("triggers")
complete_secret = _by("secrets")
complete_artifact = _by("artifacts")
complete_app = _by("apps")
