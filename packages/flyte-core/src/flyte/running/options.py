"""What a run is started with."""

from collections.abc import Callable
from dataclasses import field
from typing import Literal

from flyte_engine.engine import EngineEvent
from flyte_engine.store import ActionStore
from flyte_models.values import value

Mode = Literal["local", "remote", "hybrid"]
Observer = Callable[[EngineEvent], None]


@value
class RunOptions:
    """Settings of one run; what is None comes from `flyte.init` or a default."""

    mode: Mode | None = None
    name: str | None = None
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
