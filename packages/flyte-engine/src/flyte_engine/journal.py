"""Takes actions from phase to phase: each step is a new state, its record in the store, and an event for who listens."""

import logging
from collections.abc import Callable

from flyte_engine.actions import EngineEvent
from flyte_engine.clock import Clock
from flyte_engine.live import LiveAction, LiveRun
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord
from flyte_engine.resuming import replace_phase
from flyte_engine.steps import ABORT, PAUSE, START, ended_attempt, next_state
from flyte_engine.store import ActionChange, ActionStore, RunChange, StoreError
from flyte_engine.timeouts import LimitPassed
from flyte_models.lifecycle import Event, TimeOut
from flyte_models.phases import ActionPhase

__all__ = ["Journal"]

_logger = logging.getLogger(__name__)


class Journal:
    """The only place that changes the state of an action.

    Args:
        store: where the records go.
        clock: tells when.
    """

    def __init__(self, store: ActionStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.subscribers: tuple[Callable[[EngineEvent], None], ...] = ()

    def subscribe(self, callback: Callable[[EngineEvent], None]) -> Callable[[], None]:
        """Call back at every change; see `Engine.subscribe`."""
        # Wrapped, so that one function may subscribe twice and end each subscription by itself.
        subscriber = _Subscriber(callback)
        self.subscribers = (*self.subscribers, subscriber)

        def unsubscribe() -> None:
            self.subscribers = tuple(known for known in self.subscribers if known is not subscriber)

        return unsubscribe

    def emit(self, record: ActionRecord, previous: ActionPhase | None) -> None:
        """Tell who listens of a change."""
        if self.subscribers:
            event = EngineEvent(record, previous)
            for subscriber in self.subscribers:
                subscriber(event)

    def now(self, not_before: float) -> float:
        """Give the time: a clock that is set back must not make anything end before it began."""
        return max(self.clock.now(), not_before)

    def create(self, action: LiveAction, lost: AttemptRecord | None) -> None:
        """Record a new action, or one taken up again, with the end of an attempt whose process did not live to record it."""
        record = action.record = action.snapshot()
        self.store.record(ActionChange(record, lost, action.request.inputs))

    def begin(self, action: LiveAction) -> None:
        """Record a new action whose first attempt starts in the same moment: in one change, for nobody can see it QUEUED."""
        state = action.state = next_state(action.state, START)
        now = action.attempt_started_at = action.started_at = action.created_at
        record = action.record = action.snapshot()
        self.store.record(ActionChange(record, AttemptRecord(state.attempt, state.phase, now), action.request.inputs))

    def move(
        self, action: LiveAction, event: Event, *, error: ErrorRecord | None = None, outputs: bytes | None = None
    ) -> None:
        """Take one step of the lifecycle.

        Raises:
            LifecycleError: the state does not allow it.
            StoreError: the record cannot be kept.
        """
        before = action.state
        state = action.state = next_state(before, event)
        started_at = action.attempt_started_at
        now = self.now(started_at or action.created_at)
        attempt: AttemptRecord | None = None
        if event is START:
            action.attempt_started_at = now
            if action.started_at is None:
                action.started_at = now
            attempt = AttemptRecord(state.attempt, state.phase, now)
        elif started_at is not None and event is not PAUSE:
            attempt = ended_attempt(before, event, state, started_at=started_at, ended_at=now, error=error)
            action.attempt_started_at = None
        action.error = error
        if state.phase.is_terminal:
            action.ended_at = now
        previous, record = action.record.phase, action.snapshot()
        action.record = record
        self.store.record(ActionChange(record, attempt, None, outputs))
        run = action.run
        if run.root is action:
            self.record_run(run, state.phase, action.ended_at)
        if self.subscribers:
            self.emit(record, previous)

    def time_out(self, action: LiveAction, limit: LimitPassed) -> None:
        """End an attempt, or the action, because a limit has passed."""
        error = ErrorRecord(limit.error.code, str(limit.error), limit.error.kind, recoverable=not limit.is_final)
        self.move(action, TimeOut(recoverable=not limit.is_final), error=error)

    def abort(self, action: LiveAction, error: ErrorRecord) -> bool:
        """End an action as ABORTED if it is not over; tell whether it was not."""
        if action.state.is_terminal:
            return False
        try:
            self.move(action, ABORT, error=error)
        except StoreError:
            # Whoever waits for the store hears of it; here it would hide the cancellation.
            _logger.debug("the abort of action `%s` is not recorded", action.request.action_id.name, exc_info=True)
        return True

    def record_run(self, run: LiveRun, phase: ActionPhase, ended_at: float | None) -> None:
        """Record a run as its root action is now, if that is news."""
        known = run.record
        if known.phase is phase and known.ended_at == ended_at:
            return
        run.record = replace_phase(known, phase, ended_at)
        self.store.record(RunChange(run.record))


class _Subscriber:
    """A callback that cannot break a run."""

    __slots__ = ("_callback", "_is_broken")

    def __init__(self, callback: Callable[[EngineEvent], None]) -> None:
        self._callback = callback
        self._is_broken = False

    def __call__(self, event: EngineEvent) -> None:
        try:
            self._callback(event)
        except Exception:
            if not self._is_broken:
                self._is_broken = True
                _logger.exception("a subscriber of the engine's events raised; further errors of it are not shown")
