"""Which configuration file applies: the reference's order of places, first hit wins."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def git_root(start: Path) -> Path | None:
    """Return the folder that holds `.git`, looking upwards from `start`; no subprocess."""
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            return folder
    return None


def candidates(cwd: Path, home: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the places where a configuration file may stand, in order of precedence."""
    yield cwd / "config.yaml"
    yield cwd / ".flyte" / "config.yaml"
    root = git_root(cwd)
    if root is not None:
        yield root / ".flyte" / "config.yaml"
    for variable in ("UCTL_CONFIG", "FLYTECTL_CONFIG"):
        named = environment.get(variable)
        if named:
            yield Path(named)
    yield home / ".union" / "config.yaml"
    yield home / ".flyte" / "config.yaml"


def find_config_file(cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the configuration file that applies in `cwd`, or None."""
    environment = os.environ if environment is None else environment
    places = candidates(cwd or Path.cwd(), Path.home(), environment)
    return next((path for path in places if path.is_file()), None)


def local_state_folder(source: Path | None) -> Path:
    """Return the folder of this machine's own records: beside a config file that stands in `.flyte/`, else `~/.flyte`."""
    if source is not None and source.parent.name == ".flyte":
        return source.parent.absolute()
    return Path.home() / ".flyte"
