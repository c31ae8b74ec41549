"""Reading the configuration: one file, over it the environment, checked before anything uses it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from flyte_config.discovery import find_config_file
from flyte_config.errors import ConfigError
from flyte_config.keys import KEYS, secret_from
from flyte_config.model import Config, ImageConfig, LocalConfig, PlatformConfig, TaskConfig
from flyte_config.profiles import PROFILE_VARIABLE, with_profile

_SECTIONS: dict[str, type[Any]] = {
    "platform": PlatformConfig,
    "task": TaskConfig,
    "image": ImageConfig,
    "local": LocalConfig,
}


class ConfigFile:
    """A configuration file that was read."""

    def __init__(self, location: str | Path) -> None:
        """Read the file at `location`.

        Raises:
            ConfigError: It cannot be read or parsed.
        """
        self.path = Path(location).expanduser()
        self._tree = read_file(self.path)

    @property
    def tree(self) -> Mapping[str, Any]:
        """What the file holds, section by section."""
        return self._tree


def get_config_file(c: "str | Path | ConfigFile | None" = None) -> ConfigFile | None:
    """Read the configuration file that is named, or the one that applies here; `None` if none does.

    Raises:
        ConfigError: It cannot be read or parsed.
    """
    if isinstance(c, ConfigFile):
        return c
    path = Path(c) if c is not None else find_config_file()
    return None if path is None else ConfigFile(path)


def set_if_exists(d: dict[str, Any], k: str, val: Any) -> dict[str, Any]:
    """Put a value into a dict unless it is nothing (`None` or empty; `False` and 0 are something), and give the dict."""
    if val or (val is not None and isinstance(val, bool | int | float)):
        d[k] = val
    return d


def auto(
    config_file: "str | Path | ConfigFile | None" = None, *, environment: Mapping[str, str] | None = None
) -> Config:
    """Return the effective configuration: the file that applies, its profile that is chosen, and over it the environment.

    Args:
        config_file: Use this file instead of looking for one.
        environment: Variables to read instead of those of the process.

    Raises:
        ConfigError: when the file cannot be read or parsed, or a value has the wrong form.
    """
    environment = os.environ if environment is None else environment
    if isinstance(config_file, ConfigFile):
        return build(config_file.tree, environment, config_file.path)
    path = Path(config_file).expanduser() if config_file is not None else find_config_file(environment=environment)
    tree: Mapping[str, Any] = read_file(path) if path is not None else {}
    return build(tree, environment, path)


def read_file(path: Path) -> Mapping[str, Any]:
    """Return the mapping that the YAML file at `path` holds; an empty file is an empty mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no configuration file `{path}`",
            source=path,
            hint="check the path given with `--config`, or leave it out to use the file that applies here",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"cannot read the configuration file `{path}`: {reason}",
            source=path,
            hint="make it a UTF-8 YAML file that you may read",
        ) from error
    # Only a run with a configuration file pays for the YAML parser's import.
    import yaml  # noqa: PLC0415

    try:
        tree: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it is not valid YAML"
        raise ConfigError(
            f"cannot parse the configuration file `{path}`{place}: {problem}",
            source=path,
            hint="correct that line; a minimal file is `admin:` with `endpoint: <host>` below it",
        ) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(
            f"the configuration file `{path}` holds {type(tree).__name__}, expected sections such as `admin:` and `task:`",
            source=path,
            hint="a minimal file is `admin:` with `endpoint: <host>` below it",
        )
    return cast("Mapping[str, Any]", tree)


def build(tree: Mapping[str, Any], environment: Mapping[str, str], path: Path | None) -> Config:
    """Make the model from a parsed file, the profile that the environment chooses, and the environment, which wins."""
    tree = with_profile(tree, environment.get(PROFILE_VARIABLE), path)
    values: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    for key in KEYS:
        variable = next((name for name in key.variables if environment.get(name) is not None), None)
        if variable is not None:
            values[key.section][key.field] = key.parse(environment[variable], variable)
            continue
        found = _lookup(tree, key.switch, path)
        # An empty value in the file means "not set", as in the reference; `false` is a value.
        if found is not None and (found or found is False):
            values[key.section][key.field] = key.parse(found, key.switch)
    secret = secret_from(tree, environment, path or "environment")
    if secret is not None:
        values["platform"].update(client_credentials_secret=secret, auth_mode="ClientSecret")
    return Config(**{name: kind(**values[name]) for name, kind in _SECTIONS.items()}, source=path)


def _lookup(tree: Mapping[str, Any], switch: str, path: Path | None) -> object:
    section, _, name = switch.partition(".")
    part: object = tree.get(section)
    if part is None:
        return None
    if not isinstance(part, dict):
        raise ConfigError(
            f"section `{section}` of `{path}` is {part!r}, expected a mapping",
            source=path or section,
            hint=f"write `{section}:` and indent its keys below it",
        )
    return cast("Mapping[str, object]", part).get(name)
