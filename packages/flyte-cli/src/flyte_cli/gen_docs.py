"""`flyte gen docs`: all commands and their options, as Markdown or JSON."""

import json
from collections.abc import Iterator
from typing import Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.commands import OPTIONS


@click.command("docs")
@click.option("--type", "kind", required=True, type=click.Choice(["markdown", "json"]), help="Form of the page")
@click.option("-p", "--project", hidden=True)
@click.option("-d", "--domain", hidden=True)
def gen_docs(kind: str, project: str | None, domain: str | None) -> None:
    """Print a reference of all commands."""
    del project, domain  # taken, as every command takes them
    root = click.get_current_context().find_root().command
    nodes = list(walk(root))
    if kind == "json":
        click.echo(json.dumps([_data(command, context) for command, context in nodes], indent=2))
    else:
        click.echo("\n\n".join(_page(command, context) for command, context in nodes))


def walk(root: click.Command) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield every command of the tree, each with a context of its own."""
    return _walk(root, click.Context(root, info_name="flyte"))


def _walk(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _walk(child, click.Context(child, info_name=name, parent=context))


def _options(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    if context.parent is None:
        return list(OPTIONS)
    records = (each.get_help_record(context) for each in command.get_params(context))
    return [record for record in records if record is not None]


def _usage(command: click.Command, context: click.Context) -> str:
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _data(command: click.Command, context: click.Context) -> dict[str, Any]:
    return {
        "command": context.command_path,
        "usage": _usage(command, context),
        "help": command.help or "",
        "options": [{"option": left, "help": right} for left, right in _options(command, context)],
    }


def _page(command: click.Command, context: click.Context) -> str:
    depth = len(context.command_path.split())
    lines = [f"{'#' * min(depth + 1, 4)} {context.command_path}", "", f"`{_usage(command, context)}`"]
    lines += ["", command.help or ""]
    if options := _options(command, context):
        lines += ["", "| option | meaning |", "|---|---|"]
        lines += [f"| `{_cell(left)}` | {_cell(right)} |" for left, right in options]
    return "\n".join(lines).rstrip()


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


command: Any = LazyGroup("gen", help="Make documents.", table={"docs": ("flyte_cli.gen_docs", "gen_docs")})
"""The command `flyte gen`."""
