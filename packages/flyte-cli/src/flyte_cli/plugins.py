"""Commands and hooks of installed distributions: entry points of `flyte.plugins.cli.commands` and `flyte.plugins.cli.hooks`.

Both are named `x` for a command of the root, or `group.x`. A command is a click command; a hook is called with the click command
when it is loaded, and returns the one to use in its place. A plugin that fails is named on standard error; the rest works.
"""

import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from flyte_types.plugins import entry_points

if TYPE_CHECKING:
    import click

COMMANDS, HOOKS = "flyte.plugins.cli.commands", "flyte.plugins.cli.hooks"


@functools.cache
def named(group: str) -> Mapping[str, str]:
    """Return the entry points of a group, by name."""
    return dict(entry_points(group))


def names_in(group_name: str | None) -> list[str]:
    """Return the names of the plugin commands of a group, or with None of the root."""
    found: list[str] = []
    for name in named(COMMANDS):
        parent, _, own = name.rpartition(".")
        if (parent or None) == group_name:
            found.append(own)
    return found


def summary(name: str) -> str:
    """Return the first paragraph of the help of a plugin command of the root."""
    command = plugin_command(None, name)
    return (command.help or "").partition("\n\n")[0] if command is not None else "(cannot be loaded)"


def plugin_command(group_name: str | None, name: str) -> "click.Command | None":
    """Load a plugin command, or return None when there is none of this name or it cannot be loaded."""
    import click  # noqa: PLC0415 - the root page asks for names only

    full = f"{group_name}.{name}" if group_name else name
    target = named(COMMANDS).get(full)
    if target is None:
        return None
    command = _load(full, target, "command")
    if command is not None and not isinstance(command, click.Command):
        _complain("command", full, target, f"it is a {type(command).__name__}, and should be a click command")
        return None
    return command


def hooked(group_name: str | None, name: str, command: "click.Command") -> "click.Command":
    """Return what the hook of a command, if there is one, makes of it."""
    import click  # noqa: PLC0415 - as above

    full = f"{group_name}.{name}" if group_name else name
    target = named(HOOKS).get(full)
    if target is None:
        return command
    hook = _load(full, target, "hook")
    if hook is None:
        return command
    try:
        made = cast("Callable[[click.Command], object]", hook)(command)
    except Exception as error:  # whatever a plugin does wrong is its own fault
        _complain("hook", full, target, f"{type(error).__name__}: {error}")
        return command
    if not isinstance(made, click.Command):
        _complain("hook", full, target, f"it returned {made!r}, and should return a click command")
        return command
    return made


def _load(name: str, target: str, kind: str) -> object | None:
    module, _, attribute = target.partition(":")
    try:
        found: object = importlib.import_module(module.strip())
        for part in attribute.strip().split("."):
            found = getattr(found, part)
    except Exception as error:  # as above
        _complain(kind, name, target, f"{type(error).__name__}: {error}")
        return None
    return found


def _complain(kind: str, name: str, target: str, reason: str) -> None:
    sys.stderr.write(f"note: the plugin {kind} `{name}` (`{target}`) is left out: {reason}\n")
