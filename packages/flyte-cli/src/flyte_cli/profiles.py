"""Adds a profile to the text of a configuration file, and leaves all else of it as it is, comments too."""

import re
from pathlib import Path
from typing import Any, cast

import click

from flyte_config import ConfigError, ConfigFile, profile_names

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def with_profile(path: Path, name: str, sections: str, *, replace: bool) -> str:
    """Return the text of a configuration file with a profile in it.

    Args:
        path: The file, which need not exist yet.
        name: Of the profile.
        sections: Its sections in YAML, not indented.
        replace: Take the place of a profile of that name.

    Raises:
        click.UsageError: The name cannot be used, or there is such a profile already.
        ConfigError: The file cannot be read, or it is not written as indented lines.
    """
    if _NAME.fullmatch(name) is None:
        raise click.UsageError(
            f"`{name}` cannot be the name of a profile\nhint: take letters, digits, `_`, `.` and `-`, a letter or digit first"
        )
    if not path.exists():
        return "profiles:\n" + _block(name, sections, 2)
    tree = ConfigFile(path).tree
    if name in profile_names(tree, path) and not replace:
        raise click.UsageError(f"`{path}` has a profile `{name}`\nhint: `--force` replaces it")
    made = _inserted(path.read_text(encoding="utf-8"), name, sections)

    import yaml  # noqa: PLC0415 - as `ConfigFile` has it

    wanted: dict[str, Any] = {**tree, "profiles": {**(tree.get("profiles") or {}), name: yaml.safe_load(sections)}}
    try:
        is_right = made is not None and yaml.safe_load(made) == wanted
    except yaml.YAMLError:
        is_right = False
    if made is None or not is_right:
        raise ConfigError(
            f"`{path}` is not written as indented lines, and cannot be added to",
            source=path,
            hint=f"write below `profiles:` by hand:\n{_block(name, sections, 2)}",
        )
    return made


def _block(name: str, sections: str, indent: int) -> str:
    # A name such as `1` or `no` is text only in quotes.
    lines = [f"'{name}':", *(f"  {line}" for line in sections.splitlines())]
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def _inserted(text: str, name: str, sections: str) -> str | None:
    """Put a profile into the text, in the place of the one of its name or before the first; None if nobody can say where."""
    import yaml  # noqa: PLC0415 - as above

    lines = (text if not text or text.endswith("\n") else f"{text}\n").splitlines(keepends=True)
    root: Any = cast("Any", yaml).compose(text)
    pairs: list[tuple[Any, Any]] = root.value if isinstance(root, yaml.MappingNode) else []
    found = next(((key, below) for key, below in pairs if key.value == "profiles"), None)
    if found is None:
        return "".join([*lines, "profiles:\n", _block(name, sections, 2)])
    key, below = found
    if not isinstance(below, yaml.MappingNode):
        after: int = key.start_mark.line + 1
        return "".join([*lines[:after], _block(name, sections, 2), *lines[after:]])
    named: list[tuple[Any, Any]] = cast("Any", below).value
    if below.flow_style or not named:
        return None
    start: Any = below.start_mark
    first: int = start.line
    last = first
    for profile, value in named:
        if profile.value == name:
            places: tuple[int, int] = (profile.start_mark.line, value.end_mark.line)
            first, last = places
            # A block ends where the next thing begins, and comments before that are not of it; all else ends on its line.
            last += 0 if isinstance(value, yaml.MappingNode) and not value.flow_style else 1
            while last > first + 1 and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
                last -= 1
    return "".join([*lines[:first], _block(name, sections, start.column), *lines[last:]])
