"""What the engine remembers: runs, actions, attempts and errors as immutable records. Times are Unix seconds, UTC."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from flyte_models.phases import ActionPhase
from flyte_models.values import value

ErrorKind = Literal["user", "system", "unknown"]
LogStream = Literal["stdout", "stderr"]
CacheStatus = Literal["disabled", "miss", "hit", "populated", "skipped", "lookup_failure", "put_failure"]
"""What the cache did for an action: `miss` while it runs, then `populated`; `skipped` when it is only overwritten."""


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
    cache_status: CacheStatus = "disabled"
    cache_key: str | None = None
    waiting_for: str = ""
    """What it waits for while it does not run, in words: control planes tell it, and nothing on this machine records it."""


@value
class AttemptRecord:
    """One try at an action, counted from 1."""

    number: int
    phase: ActionPhase
    started_at: float
    ended_at: float | None = None
    error: ErrorRecord | None = None


@value
class TraceRecord:
    """The result of a traced call within an action: what a later attempt, or the resumed run, need not do again.

    Its name is unique within the action; it is kept for the action, not for one attempt.
    """

    run_name: str
    action_name: str
    name: str
    inputs_hash: str
    """Of the arguments: a record whose hash differs is of another call."""
    started_at: float
    ended_at: float
    outputs: bytes | None = None
    error: ErrorRecord | None = None
    """What the call raised; then there are no outputs."""


@value
class LogRecord:
    """A line that the body of an action wrote, in its own process, to standard output or error."""

    run_name: str
    action_name: str
    attempt: int
    at: float
    stream: LogStream
    text: str
    """Without its line end."""


@value
class ProcessRecord:
    """A process that holds a run or a reservation, told from any other that ever has the same number."""

    pid: int
    started: str
    """When it started, as the system tells; empty where that is not known."""
    host: str
    """The machine since its last boot, and the namespace that the number is of."""
