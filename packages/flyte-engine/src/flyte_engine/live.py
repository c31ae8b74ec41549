"""Actions and runs that are not over: what the engine keeps in memory of them, and no decisions."""

import asyncio
from collections.abc import Iterator
from typing import Any

from flyte_engine.actions import ActionRequest
from flyte_engine.limits import Seat
from flyte_engine.records import ActionRecord, CacheStatus, ErrorRecord, RunRecord
from flyte_engine.timeouts import TimeLimits, limits_from_timeout
from flyte_models.lifecycle import ActionState
from flyte_models.phases import ActionPhase

__all__ = ["LiveAction", "LiveRun"]


_UNRECORDED = ActionRecord("", "", None, "", "", None, ActionPhase.QUEUED, 1, 1, 0.0)
"""Stands in an action for the moment until it is recorded."""


class LiveAction:
    """An action that is not over yet, or was just ended."""

    __slots__ = (
        "attempt_started_at",
        "body",
        "cache_key",
        "cache_status",
        "children",
        "created_at",
        "depth",
        "ended_at",
        "error",
        "is_plain",
        "limits",
        "opened_at",
        "parent",
        "queued_at",
        "record",
        "request",
        "run",
        "seat",
        "started_at",
        "state",
        "task",
    )

    def __init__(
        self,
        request: ActionRequest,
        run: "LiveRun",
        state: ActionState,
        now: float,
        *,
        parent: "LiveAction | None",
        earlier: ActionRecord | None = None,
    ) -> None:
        self.request = request
        self.run = run
        self.state = state
        self.created_at = now if earlier is None else earlier.created_at
        self.opened_at = now
        """From when on the deadline counts: its creation, or when this process took it up again."""
        self.queued_at = now
        """Since when the current attempt waits; the pause before a retry does not count."""
        self.started_at: float | None = None if earlier is None else earlier.started_at
        self.ended_at: float | None = None
        self.attempt_started_at: float | None = None
        self.error: ErrorRecord | None = None
        self.cache_status: CacheStatus = "disabled"
        self.cache_key: str | None = None
        self.task = asyncio.current_task()
        self.body: asyncio.Task[Any] | None = None
        """The task of the body, where it has one of its own."""
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent is not None else 0
        self.children: dict[str, LiveAction] | None = None
        self.seat: Seat | None = None
        self.limits: TimeLimits | None = limits_from_timeout(request.timeout) if request.timeout is not None else None
        self.is_plain = (
            parent is not None
            and request.cache is None
            and self.limits is None
            and not request.pools
            and not request.is_waiting
            and run.limit_key is None
            and not run.source
        )
        """Whether it is a child that begins at once, with nothing to ask and nothing to wait for: as most are."""
        self.record: ActionRecord = _UNRECORDED

    def snapshot(self) -> ActionRecord:
        """Build the record of the action as it is now."""
        request, state = self.request, self.state
        return ActionRecord(
            self.run.record.run_name,
            request.action_id.name,
            request.parent_name,
            request.task_name,
            request.short_name,
            request.group,
            state.phase,
            state.attempt,
            state.max_attempts,
            self.created_at,
            self.started_at,
            self.ended_at,
            self.error,
            self.cache_status,
            self.cache_key,
        )

    def descendants(self) -> "Iterator[LiveAction]":
        """Yield what still runs below, parents before their children."""
        pending = list(self.children.values()) if self.children else []
        while pending:
            action = pending.pop()
            yield action
            if action.children:
                pending.extend(action.children.values())


class LiveRun:
    """A run between `start_run` or `resume_run` and `finish_run`."""

    __slots__ = ("alive", "asked", "earlier", "limit_key", "record", "root", "source", "source_name")

    def __init__(self, record: RunRecord, limit_key: str | None = None) -> None:
        self.record = record
        self.limit_key = limit_key
        self.root: LiveAction | None = None
        self.alive: dict[str, LiveAction] = {}
        self.asked: dict[str, int] = {}
        """In which attempt of its parent an action was last asked for, by its name."""
        self.earlier: dict[str, ActionRecord] = {}
        """What an earlier process left of this run and nobody has asked for since."""
        self.source_name: str | None = None
        """The run whose outputs are taken over."""
        self.source: dict[str, ActionRecord] = {}
