"""What the engine remembers: runs, actions, attempts and errors as immutable records. Times are Unix seconds, UTC."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from flyte_models.phases import ActionPhase
from flyte_models.values import value

ErrorKind = Literal["user", "system", "unknown"]


@value
class ErrorRecord:
    """Why an attempt or an action did not succeed."""

    code: str
    """Short name of the error; for an exception of the user its class name."""
    message: str
    kind: ErrorKind = "user"
    recoverable: bool = True
    """Whether another attempt could have helped; whether there was one, the attempts say."""
    traceback: str | None = None
    """The formatted traceback, beginning at the first frame that is not the engine's."""


@value
class RunRecord:
    """One run. Its name is unique within a store."""

    run_name: str
    task_name: str
    project: str
    domain: str
    org: str
    created_at: float
    ended_at: float | None = None
    phase: ActionPhase = ActionPhase.QUEUED
    """The phase of the root action."""
    source_path: str | None = None
    """The file the run was made from."""
    command: str | None = None
    """The command line that made the run, to make it again."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@value
class ActionRecord:
    """One action of a run, as of its latest change."""

    run_name: str
    name: str
    parent_name: str | None
    """`None` for the root action."""
    task_name: str
    short_name: str
    group: str | None
    phase: ActionPhase
    attempt: int
    """The current or last attempt, counted from 1; while the action is QUEUED the next one."""
    max_attempts: int
    """What the user grants, retries + 1; attempts lost to system failures come on top."""
    created_at: float
    started_at: float | None = None
    """When the first attempt started."""
    ended_at: float | None = None
    error: ErrorRecord | None = None
    """The error that ended the action; those of attempts that were retried stand in the attempts."""


@value
class AttemptRecord:
    """One try at an action, counted from 1."""

    number: int
    phase: ActionPhase
    started_at: float
    ended_at: float | None = None
    error: ErrorRecord | None = None
