"""Where a command was told to look, carried over to the commands that hints name: control plane, project and domain."""

import re
import shlex

import click

from flyte_cli.app import LazyGroup
from flyte_cli.hints import root_options
from flyte_cli.scope import DEVBOX, DOMAIN, LOCAL, ON_DEVBOX, PROJECT

__all__ = ["placed", "with_placed_hints"]

_COMMAND = re.compile(r"`flyte ([a-z][^`]*)`")


def with_placed_hints(text: str, ctx: click.Context | None) -> str:
    """Return the text of an error whose hints name commands that look where the one that failed has looked."""
    if ctx is None:
        return text
    return "".join(placed(line, ctx) if "hint:" in line else line for line in text.splitlines(keepends=True))


def placed(text: str, ctx: click.Context | None = None) -> str:
    """Return a text whose commands look where this one looks, each with those of its options that it takes."""
    ctx = ctx or click.get_current_context()
    options, before = _options(ctx), root_options(ctx)
    if not options and not before:
        return text
    return _COMMAND.sub(lambda found: _with(found[0], found[1].split(), options, before, ctx), text)


def _options(ctx: click.Context) -> dict[str, str]:
    """Return the options by their names, as they are written; contexts of one command line share what they keep."""
    meta = ctx.meta
    options = {"--devbox": "--devbox"} if meta.get(DEVBOX) or meta.get(ON_DEVBOX) else {}
    options |= {"--local": "--local"} if meta.get(LOCAL) else {}
    options |= {"--project": f"-p {shlex.quote(meta[PROJECT])}"} if meta.get(PROJECT) else {}
    return options | ({"--domain": f"-d {shlex.quote(meta[DOMAIN])}"} if meta.get(DOMAIN) else {})


def _with(whole: str, words: list[str], options: dict[str, str], before: str, ctx: click.Context) -> str:
    command: click.Command | None = ctx.find_root().command
    for word in words:
        if not isinstance(command, LazyGroup):
            break
        command = command.get_command(ctx, word)
    # What follows a group is the user's: the options of `flyte run` stand before the file.
    if command is None or isinstance(command, click.Group) or "--help" in words:
        return whole
    taken = {option for parameter in command.params for option in parameter.opts}
    of_projects = {"--project", "--domain"} if "project" in words else set[str]()
    more = [
        written
        for name, written in options.items()
        if name in taken - of_projects and not {name, written.split()[0]} & set(words)
    ]
    # Those before the command are for what asks a control plane; the others work without.
    asked = whole.replace("`flyte ", f"`flyte{before} ", 1) if "--devbox" in taken and "--local" not in words else whole
    return f"{asked[:-1]}{''.join(f' {each}' for each in more)}`"
