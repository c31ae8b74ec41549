"""Profiles: several control planes in one configuration file, of which one is chosen."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from flyte_config.errors import ConfigError

PROFILE_VARIABLE = "FLYTE_PROFILE"
"""The environment variable that chooses a profile."""


def chosen_profile() -> str | None:
    """Return the profile that is chosen for this process."""
    return os.environ.get(PROFILE_VARIABLE) or None


def profile_names(tree: Mapping[str, Any], path: Path | None) -> tuple[str, ...]:
    """Return the names of the profiles of a file, in its order.

    Raises:
        ConfigError: `profiles` is no mapping of names to sections.
    """
    return tuple(_profiles(tree, path))


def with_profile(tree: Mapping[str, Any], name: str | None, path: Path | None) -> Mapping[str, Any]:
    """Return the sections that apply when a profile is chosen: its keys above those of the file.

    A profile that names an endpoint takes nothing of the section `admin` of the file: how to talk to one control plane says
    nothing about another, and its secrets are not for it.

    Args:
        tree: What the file holds; it is not changed.
        name: The profile; None or empty for none.
        path: The file; None if no configuration file applies.

    Raises:
        ConfigError: There is no such profile, or it is no mapping of sections.
    """
    if not name:
        return tree
    if path is None:
        raise ConfigError(
            f"profile `{name}` is chosen, and there is no configuration file",
            source=PROFILE_VARIABLE,
            hint=f"`flyte create config --profile {name} --endpoint ...` makes one; {PROFILE_VARIABLE} or `--profile` chose it",
        )
    profiles = _profiles(tree, path)
    if name not in profiles:
        there = f"it has {', '.join(f'`{each}`' for each in profiles)}" if profiles else "it has none"
        raise ConfigError(
            f"there is no profile `{name}` in `{path}`: {there}",
            source=path,
            hint=f"`flyte create config --profile {name} --endpoint ...` adds it",
        )
    made = dict(tree)
    for section, keys in profiles[name].items():
        below = _mapping(tree.get(section), section, path)
        above = _mapping(keys, f"profiles.{name}.{section}", path)
        if not (section == "admin" and above.get("endpoint")):
            above = {**below, **above}
        made[section] = above
    return made


def _profiles(tree: Mapping[str, Any], path: Path | None) -> dict[str, Mapping[str, Any]]:
    found = _mapping(tree.get("profiles"), "profiles", path)
    return {str(name): _mapping(sections, f"profiles.{name}", path) for name, sections in found.items()}


def _mapping(part: object, where: str, path: Path | None) -> Mapping[str, Any]:
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise ConfigError(
            f"section `{where}` of `{path}` is {part!r}, expected a mapping",
            source=path or where,
            hint=f"write `{where.rpartition('.')[2]}:` and indent its keys below it",
        )
    return cast("Mapping[str, Any]", part)
