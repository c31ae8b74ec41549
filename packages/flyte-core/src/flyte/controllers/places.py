"""What all actions of one local run share, and the context that an action of it gets from there."""

import os
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from flyte.controllers.cached import CacheSettings
from flyte_engine.actions import Attempt
from flyte_models.paths import CheckpointPaths, RawDataPath
from flyte_models.task_context import TaskContext
from flyte_models.values import value

__all__ = ["RunPlace", "context_in"]


@value
class RunPlace:
    """What all actions of one local run share."""

    run_name: str
    project: str
    domain: str
    org: str
    base_dir: str
    """Folder of the run's own files, `<base_dir>/<action>` for each action."""
    version: str = "local"
    raw_data_path: str = ""
    """Where the data of the actions goes, instead of their own folders."""
    run_start_time: datetime | None = None
    """What the run takes as its start."""
    secrets_folder: str = ""
    """Where files with the values of secrets are."""
    env_vars: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables of every action of the run; those of a task itself count more."""
    custom_context: Mapping[str, str] = field(default_factory=dict[str, str])
    """Pairs that the root action has, and all below it inherit."""
    caching: CacheSettings = field(default_factory=CacheSettings)
    isolation: str = "thread"
    """Where bodies are executed: in this process, or each in a `process` of its own."""
    asks_on_terminal: bool = True
    """Whether conditions are put on the terminal."""
    is_recorded: bool = False
    """Whether anybody can look at the run afterwards."""


def context_in(place: RunPlace, attempt: Attempt, custom_context: dict[str, str]) -> TaskContext:
    """Make the context of an attempt."""
    name = attempt.action_id.name
    folder = f"{place.base_dir}/{name}"
    return TaskContext(
        action=attempt.action_id,
        version=place.version,
        raw_data_path=RawDataPath(path=f"{place.raw_data_path}/{name}" if place.raw_data_path else f"{folder}/raw"),
        output_path=f"{folder}/{attempt.number}",
        run_base_dir=place.base_dir,
        report=None,
        mode="local",
        local_attempt=attempt.number - 1,
        checkpoint_paths=_checkpoint_paths(folder, attempt.number),
        custom_context=custom_context,
        disable_run_cache=place.caching.is_disabled,
        run_start_time=place.run_start_time,
    )


def _checkpoint_paths(folder: str, number: int) -> CheckpointPaths:
    """Name where an attempt saves, and the latest earlier one that has saved."""
    previous: str | None = None
    for earlier in range(number - 1, 0, -1):
        path = f"{folder}/checkpoints/{earlier}"
        if os.path.exists(path):  # noqa: PTH110 - as text, as all paths of a context are
            previous = path
            break
    return CheckpointPaths(previous, f"{folder}/checkpoints/{number}")
