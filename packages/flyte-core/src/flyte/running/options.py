"""What a run is started with."""

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from flyte_engine.engine import EngineEvent
from flyte_engine.store import ActionStore
from flyte_models.values import value

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

Mode = Literal["local", "remote", "hybrid"]
CopyStyle = Literal["loaded_modules", "all", "none", "custom"]
CacheScope = Literal["global", "project-domain"]
Isolation = Literal["thread", "process"]
Observer = Callable[[EngineEvent], None]


@value
class RunOptions:
    """Settings of one run; what is None comes from `flyte.init` or a default."""

    mode: Mode | None = None
    name: str | None = None
    resume: str | None = None
    """The recorded run to continue, with its recorded inputs, in place of a new one."""
    project: str | None = None
    domain: str | None = None
    store: ActionStore | None = None
    """Where the run is recorded; the caller owns and closes it. None: memory, or the history file if persistence is on."""
    observers: tuple[Observer, ...] = ()
    """Called in the engine's loop with each phase change."""
    source_path: str | None = None
    command: str | None = None
    """The command line that made the run, for its record."""
    labels: dict[str, str] = field(default_factory=dict[str, str])
    env_vars: dict[str, str] = field(default_factory=dict[str, str])
    """Environment variables of every action; those of a task itself count more."""
    custom_context: dict[str, str] = field(default_factory=dict[str, str])
    """Pairs that all actions inherit."""
    overwrite_cache: bool = False
    """Run every cached task, and keep the new results."""
    disable_run_cache: bool = False
    """Neither read nor write the cache."""
    cache_lookup_scope: CacheScope = "global"
    """Whether results are shared between projects and domains."""
    queue: str | None = None
    """Has no effect in a local run, which has no queues."""
    service_account: str | None = None
    """This and the next few are of remote runs: a local run has no pods, no queues and no bundle."""
    version: str | None = None
    copy_style: CopyStyle = "loaded_modules"
    copy_paths: tuple[str, ...] = ()
    """With copy style `custom`: files and folders below the root."""
    root_dir: "Path | None" = None
    """The folder that names in the bundle are relative to; None: that of `flyte.init`."""
    dry_run: bool = False
    copy_bundle_to: "Path | None" = None
    interactive_mode: bool | None = None
    annotations: dict[str, str] = field(default_factory=dict[str, str])
    interruptible: bool | None = None
    debug: bool = False
    raw_data_path: str | None = None
    """Where the data of the run goes, a folder for each action."""
    run_base_dir: str | None = None
    """Where the run's own files go."""
    run_start_time: "datetime | None" = None
    """What the run takes as its start; None: now."""
    preserve_original_types: bool = False
    """Whether a remote run's outputs keep the types that a task has here."""
    log_settings: dict[str, Any] = field(default_factory=dict[str, Any])
    """What `flyte.logs.configure` is told for the time of the run; nothing: it stays as it is."""
    is_tracked: bool = False
    """Whether a control plane is told of a local run while it goes on."""
    is_tracked_strictly: bool = False
    """Whether such a run fails where the control plane cannot be told."""
    notifications: tuple[Any, ...] = ()
    """Whom to tell when the run ends."""
    asks_on_terminal: bool = True
    """Whether conditions of a local run are put on the terminal; otherwise only who signals answers them."""
    isolation: Isolation = "thread"
    """Where bodies are executed: sync ones on threads of this process, or all in processes of their own, which can be killed."""
    max_action_concurrency: int | None = None
    """How many actions run at once; one that waits for its children does not count. None or 0: any number."""


def check_scope(scope: Any) -> None:
    """Refuse a scope of the cache that there is not.

    Raises:
        ValueError: It is neither `global` nor `project-domain`.
    """
    if scope not in ("global", "project-domain"):
        raise ValueError(f"`cache_lookup_scope` must be `global` or `project-domain`, got {scope!r}")


def check_copy_style(style: Any) -> None:
    """Refuse a style of copying that a run cannot have.

    Raises:
        ValueError: It is none of the three. `custom` needs a list of files, which only a script has (`RunOptions.copy_paths`).
    """
    if style == "custom":
        raise ValueError(
            "copy style `custom` is not for runs: there is no list of files that it could take\n"
            "hint: choose `all`, and name what must not travel in `.flyteignore`; or `include` files in the environment"
        )
    if style not in ("loaded_modules", "all", "none"):
        raise ValueError(f"`copy_style` must be `loaded_modules`, `all` or `none`, got {style!r}")


def check_concurrency(limit: Any) -> None:
    """Refuse a limit of actions at once that is none.

    Raises:
        ValueError: It is neither `None` nor a whole number from 0 on.
    """
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
        raise ValueError(f"`max_action_concurrency` must be a whole number from 0 on (0: no limit), got {limit!r}")


def check_isolation(isolation: Any) -> None:
    """Refuse an isolation that there is not.

    Raises:
        ValueError: It is neither `thread` nor `process`.
    """
    if isolation not in ("thread", "process"):
        raise ValueError(f"`isolation` must be `thread` or `process`, got {isolation!r}")
