"""Process-wide settings that `flyte.init` makes: scope, root folder, where local runs are recorded."""

import sys
from dataclasses import field
from pathlib import Path
from typing import Any

from flyte.tasks.pending import refuse_unbuilt
from flyte_config import Config, auto, local_state_folder
from flyte_models.errors import InitializationError
from flyte_models.values import value
from flyte_syncify import immediate


@value
class Settings:
    """What `flyte.init` was given, or the defaults when it was not called."""

    org: str | None = None
    project: str | None = None
    domain: str | None = None
    root_dir: Path = field(default_factory=Path.cwd)
    local_persistence: bool = False
    """Record every run made from Python; the `flyte run` command records in any case."""
    config: Config = field(default_factory=Config)

    @property
    def state_folder(self) -> Path:
        """The folder of this machine's own records."""
        return local_state_folder(self.config.source)

    @property
    def history_file(self) -> Path:
        """The SQLite file in which local runs are recorded."""
        return self.state_folder / "history.db"


_settings: Settings | None = None


def settings() -> Settings:
    """Return the settings that `init` made, or the defaults."""
    return _settings or Settings()


def is_initialized() -> bool:
    """Tell whether `init` was called in this process."""
    return _settings is not None


@immediate
def init(
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    root_dir: Path | str | None = None,
    *,
    local_persistence: bool = False,
    source_config_path: Path | None = None,
    sync_local_sys_paths: bool = True,
    **unbuilt: Any,
) -> None:
    """Set the scope and the root folder of this process; without it, runs use the working directory and record nothing.

    Args:
        org: Organisation of runs.
        project: Project of runs.
        domain: Domain of runs.
        root_dir: Folder that the user's modules are imported from; it joins `sys.path`. Default: the working directory.
        local_persistence: Record the history of runs made from Python, as the `flyte run` command does.
        source_config_path: The configuration file these settings come from, if they do.
        sync_local_sys_paths: Accepted for remote runs, which this version does not make.
        unbuilt: The reference's further settings, which this version refuses by name.
    """
    refuse_unbuilt("flyte.init", unbuilt)
    del sync_local_sys_paths  # only remote runs mirror `sys.path`
    folder = Path(root_dir).absolute() if root_dir is not None else Path.cwd()
    _apply(
        Settings(
            org=org,
            project=project,
            domain=domain,
            root_dir=folder,
            local_persistence=local_persistence,
            config=Config(source=source_config_path),
        )
    )


@immediate
def init_from_config(
    path_or_config: str | Path | Config | None = None,
    root_dir: Path | str | None = None,
    *,
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    **unbuilt: Any,
) -> None:
    """Do as `init` with the settings of a configuration file: the given one, or the one that applies here.

    Raises:
        InitializationError: when a path is given and there is no such file.
        ConfigError: when the file cannot be used.
    """
    refuse_unbuilt("flyte.init", unbuilt)
    folder = Path(root_dir).absolute() if root_dir is not None else Path.cwd()
    if isinstance(path_or_config, Config):
        config = path_or_config
    elif path_or_config is None:
        config = auto()
    else:
        path = folder / path_or_config
        if not path.is_file():
            raise InitializationError(
                "ConfigFileNotFound",
                "user",
                f"there is no configuration file `{path}`\nhint: check the path; a relative one is looked up in `root_dir`",
            )
        config = auto(path)
    _apply(
        Settings(
            org=org or config.task.org,
            project=project or config.task.project,
            domain=domain or config.task.domain,
            root_dir=folder,
            local_persistence=config.local.persistence,
            config=config,
        )
    )


def _apply(made: Settings) -> None:
    global _settings  # noqa: PLW0603 - one process has one set of settings, as in the reference
    _settings = made
    root = str(made.root_dir)
    if root not in sys.path:
        sys.path.append(root)
