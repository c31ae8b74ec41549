"""Runs and actions that are not over: what the scheduler keeps in memory of them, and no decisions."""

import asyncio
import time
from dataclasses import dataclass, field

from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.admission import Ticket
from flyte_devbox.executors import Handle
from flyte_devbox.policies import TaskPolicy
from flyte_devbox.records import ActionUpdate, AttemptUpdate
from flyte_devbox.rows import notes_event
from flyte_models.lifecycle import ActionState

__all__ = ["LiveAction", "LiveRun"]

_MOST_NOTES = 20
"""On one attempt; the last of them stays the latest."""


@dataclass(slots=True, eq=False)
class LiveRun:
    """A run whose root action is not over."""

    id: int
    org: str
    project: str
    domain: str
    name: str
    spec: run_pb2.RunSpec
    started_at: float
    max_concurrency: int
    recover_from: int | None = None
    actions: "dict[str, LiveAction]" = field(default_factory=dict[str, "LiveAction"])
    """By name: those that are not over."""

    @property
    def key(self) -> str:
        """The run's folder among objects and logs."""
        return f"{self.project}/{self.domain}/{self.name}"

    @property
    def limit_name(self) -> str:
        """What its limit of concurrent actions is called."""
        return f"run {self.id}"


@dataclass(slots=True, eq=False)
class LiveAction:
    """An action that is not over."""

    id: int
    run: LiveRun
    name: str
    parent: str
    """Empty for the root action."""
    depth: int
    type: int
    state: ActionState
    policy: TaskPolicy | None
    """`None` for a condition."""
    digest: bytes | None
    input_uri: str
    run_base: str
    cache_key: str
    cache_status: int
    created_at: float
    queued_at: float
    started_at: float | None = None
    attempt_started_at: float | None = None
    output_uri: str | None = None
    error: run_definition_pb2.ErrorInfo | None = None
    abort_reason: str | None = None
    transitions: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    children: int = 0
    """How many of its children are not over."""
    ticket: "Ticket[LiveAction] | None" = None
    handle: Handle | None = None
    worker: str = ""
    task: "asyncio.Task[None] | None" = None
    timer: asyncio.TimerHandle | None = None
    """What ends its wait: a limit while it is queued, the pause before a retry, or a condition's time-out."""
    born: float = field(default_factory=time.monotonic)
    """When it was created, on a clock that nobody sets: limits are measured by it."""
    attempt_began: float | None = None
    """When the current attempt began, on the same clock."""
    inputs: bytes | None = None
    """Content of `input_uri`, when that is tiny and at hand."""
    has_editor: bool = False
    """Whether watchers were told of an editor."""
    asked_in: int = 0
    """In which attempt of its parent it was last asked for."""

    notes: list[tuple[float, str, str]] = field(default_factory=list[tuple[float, str, str]])
    """When, a word, and a sentence: what is to be told about the current attempt."""

    obstacles: tuple[str, ...] = ()
    """Names of what was in its way when that was last told."""

    def note(self, reason: str, message: str) -> None:
        """Tell something about the current attempt; the same twice in a row only once, and not without end."""
        if self.notes and self.notes[-1][1:] == (reason, message):
            return
        if len(self.notes) >= _MOST_NOTES:
            self.notes.pop()
        self.notes.append((time.time(), reason, message))

    @property
    def number(self) -> int:
        """The current attempt."""
        return self.state.attempt

    @property
    def age(self) -> float:
        """Seconds since it was created."""
        return time.monotonic() - self.born

    @property
    def attempt_age(self) -> float:
        """Seconds since the current attempt began; 0 before that."""
        return 0.0 if self.attempt_began is None else time.monotonic() - self.attempt_began

    def cancel_timer(self) -> None:
        """Let nothing end its wait but what it waits for."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def output_prefix(self, number: int | None = None) -> str:
        """Where an attempt leaves what it computed; the current one's if no number is given."""
        return f"{self.run_base}/{self.name}/{self.number if number is None else number}"

    def update(self, now: float, ended_at: float | None, value: bytes | None = None) -> ActionUpdate:
        """Return what is to be recorded of it."""
        return ActionUpdate(
            self.id,
            self.run.id,
            not self.parent,
            self.state,
            now,
            self.started_at,
            ended_at,
            self.cache_status,
            self.output_uri,
            None if self.error is None else self.error.SerializeToString(),
            self.abort_reason,
            value,
            self.asked_in,
        )

    def attempt_update(
        self,
        number: int,
        phase: int,
        *,
        ended_at: float | None = None,
        error: run_definition_pb2.ErrorInfo | None = None,
        usage: tuple[float | None, int | None, float | None] = (None, None, None),
    ) -> AttemptUpdate:
        """Return what is to be recorded of its current or last attempt.

        Args:
            number: the attempt.
            phase: where it stands.
            ended_at: when it ended.
            error: why it failed.
            usage: seconds of CPU, most bytes resident, seconds from start to end.
        """
        return AttemptUpdate(
            number,
            phase,
            self.output_prefix(number),
            tuple(self.transitions),
            self.cache_status,
            self.worker,
            self.attempt_started_at,
            ended_at,
            None if error is None else error.SerializeToString(),
            *usage,
            notes=notes_event(self.notes) if self.notes else None,
        )
