"""Runs actions: phases, attempts, retries, abort, events, and records that are durable before a result is seen."""

import asyncio
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from flyte_engine.actions import ActionOutcome, ActionRequest, Attempt, Completed, EngineEvent
from flyte_engine.clock import Clock, SystemClock
from flyte_engine.executors import Executor, InlineExecutor
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, RunRecord
from flyte_engine.retries import error_from_exception, failure_event, retry_delay
from flyte_engine.store import ActionChange, ActionStore, RunChange, StoreError
from flyte_models import lifecycle
from flyte_models.errors import ActionAbortedError
from flyte_models.lifecycle import Abort, ActionState, Create, Event, Fail, Start, Succeed
from flyte_models.phases import ActionPhase
from flyte_models.policies import RetryStrategy

if TYPE_CHECKING:
    import random

__all__ = [
    "ActionOutcome",
    "ActionRequest",
    "Attempt",
    "Completed",
    "Engine",
    "EngineEvent",
]

_logger = logging.getLogger(__name__)

# Pure, and every action asks the same few questions.
advance = lru_cache(maxsize=1024)(lifecycle.advance)


@lru_cache(maxsize=64)
def _initial_state(retries: int) -> ActionState:
    return advance(None, Create(max_attempts=retries + 1))


_START = Start()
_SUCCEED = Succeed()
_ABORT = Abort()
_GIVE_UP = Fail(recoverable=False)

_CODE_ABORTED = "Aborted"
_CODE_CANCELLED = "Cancelled"


class _Action:
    """An action that is not over yet, or was just ended."""

    __slots__ = (
        "attempt_started_at",
        "created_at",
        "ended_at",
        "error",
        "record",
        "request",
        "run",
        "started_at",
        "state",
        "task",
    )

    def __init__(self, request: ActionRequest, run: "_Run", state: ActionState, now: float) -> None:
        self.request = request
        self.run = run
        self.state = state
        self.created_at = now
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.attempt_started_at: float | None = None
        self.error: ErrorRecord | None = None
        self.task = asyncio.current_task()
        self.record = self.snapshot()

    def snapshot(self) -> ActionRecord:
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
        )


class _Run:
    """A run between `start_run` and `finish_run`."""

    __slots__ = ("alive", "names", "record", "root")

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.root: _Action | None = None
        self.alive: dict[str, _Action] = {}
        self.names: set[str] = set()


class Engine:
    """Runs actions of any number of runs in one event loop.

    The caller starts a run, awaits its root action, whose body awaits `run_action` for its children, and finishes the
    run. The store stays the caller's: close it after the engine.

    Args:
        store: where records go.
        executor: where attempts run; in the caller's task if not given.
        clock: tells the time and waits between attempts.
        jitter: spread the waits between attempts, see `retry_delay`; without it they are exactly what the policy says.
    """

    def __init__(
        self,
        store: ActionStore,
        *,
        executor: Executor | None = None,
        clock: Clock | None = None,
        jitter: bool = False,
    ) -> None:
        self._store = store
        self._executor: Executor = executor if executor is not None else InlineExecutor()
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._has_jitter = jitter
        self._rng: random.Random | None = None
        self._runs: dict[str, _Run] = {}
        self._subscribers: tuple[Callable[[EngineEvent], None], ...] = ()
        self._is_closed = False

    @property
    def store(self) -> ActionStore:
        """Where records go."""
        return self._store

    def start_run(self, run: RunRecord) -> None:
        """Record a run and take actions for it from now on.

        Raises:
            ValueError: a run of this name exists.
            RuntimeError: the engine is closed.
        """
        self._check_open()
        if run.run_name in self._runs or self._store.run(run.run_name) is not None:
            raise ValueError(
                f"a run named `{run.run_name}` exists already\nhint: leave the name out, and one is made up"
            )
        self._store.record(RunChange(run))
        self._runs[run.run_name] = _Run(run)

    async def run_action(self, request: ActionRequest) -> ActionOutcome:
        """Run an action to its end, with as many attempts as its policy grants.

        When this returns, the outcome, outputs included, is durable. A failure of the task is never raised, it is in
        the outcome. The body runs in the caller's task and context (with the inline executor).

        Raises:
            asyncio.CancelledError: the caller was cancelled; the action is recorded as ABORTED. `KeyboardInterrupt` and
                `GeneratorExit` likewise.
            StoreError: the records cannot be kept.
            ValueError: the run was not started, or an action of this name was run before.
            RuntimeError: the engine is closed.
        """
        action = self._create(request)
        try:
            return await self._carry_out(action)
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit) as exception:
            self._abort(action, ErrorRecord(_CODE_CANCELLED, _cancel_message(exception), recoverable=False))
            raise
        finally:
            action.run.alive.pop(request.action_id.name, None)
            action.task = None

    async def finish_run(self, run_name: str) -> RunRecord:
        """Close a run with the phase of its root action; the record is durable when this returns.

        Actions that nobody waited for are aborted. A run that has no action is ABORTED.

        Raises:
            ValueError: the run is not known, or its root action is not over.
            StoreError: the record cannot be kept.
        """
        run = self._get_run(run_name)
        root = run.root
        if root is not None and not root.state.is_terminal:
            raise ValueError(
                f"run `{run_name}` cannot be finished: its action `{root.record.name}` is {root.record.phase.name}\n"
                "hint: await `run_action`, or call `abort_run`"
            )
        await self.abort_run(run_name, "the run ended before this action did")
        if root is None:
            state = advance(_initial_state(0), _ABORT)
            self._record_run(run, state.phase, self._now(run.record.created_at))
        del self._runs[run_name]
        await self._store.flush()
        return run.record

    async def abort_run(self, run_name: str, reason: str) -> tuple[ActionRecord, ...]:
        """Mark every action of a run that is not over as ABORTED and cancel what carries it out.

        Bodies see `asyncio.CancelledError`, except one that calls this itself. Finished actions stay as they are.

        Returns:
            The actions that were aborted, children before their parents; durable when this returns.

        Raises:
            ValueError: the run is not known.
            StoreError: the records cannot be kept.
        """
        run = self._get_run(run_name)
        aborted = self._abort_alive(run, ErrorRecord(_CODE_ABORTED, reason, recoverable=False))
        await self._store.flush()
        return aborted

    def subscribe(self, callback: Callable[[EngineEvent], None]) -> Callable[[], None]:
        """Call `callback` in the engine's loop at every change of an action, until the returned function is called.

        What it raises is logged once and otherwise ignored.
        """
        # Wrapped, so that one function may subscribe twice and end each subscription by itself.
        subscriber = _Subscriber(callback)
        self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            self._subscribers = tuple(known for known in self._subscribers if known is not subscriber)

        return unsubscribe

    def close(self) -> None:
        """Abort what still runs and take no more. Does not close the store; repeating it does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        error = ErrorRecord(_CODE_ABORTED, "the engine was closed", recoverable=False)
        for run in self._runs.values():
            self._abort_alive(run, error)
        self._runs.clear()
        self._subscribers = ()

    async def _carry_out(self, action: _Action) -> ActionOutcome:
        request = action.request
        retries = 0
        while not action.state.is_terminal:
            attempt = Attempt(request.action_id, action.state.attempt, action.state.max_attempts, action.error)
            self._move(action, _START)
            try:
                completed = await self._executor.execute(request, attempt)
            except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
                raise
            except BaseException as exception:  # SystemExit in a task is a failure of the task
                if action.state.is_terminal:
                    break
                error = error_from_exception(exception)
                self._move(action, failure_event(exception, error, attempt), error=error)
                if action.state.is_terminal:
                    await self._store.flush()
                    return ActionOutcome(action.record, None, exception)
            else:
                if action.state.is_terminal:
                    break
                self._move(action, _SUCCEED, outputs=completed.outputs)
                await self._store.flush()
                return ActionOutcome(action.record, completed.value)
            delay = self._delay(request.retry, retries)
            retries += 1
            if delay > 0:
                await self._clock.sleep(delay)
        # Aborted by somebody else while the body ran or between two attempts.
        await self._store.flush()
        reason = action.error.message if action.error is not None else "aborted"
        return ActionOutcome(action.record, None, ActionAbortedError(reason))

    def _delay(self, strategy: RetryStrategy, retry: int) -> float:
        if self._has_jitter and self._rng is None:
            import random  # noqa: PLC0415 - slow to import, and most runs retry nothing

            self._rng = random.Random()  # noqa: S311 - no secret
        return retry_delay(strategy, retry, self._rng)

    def _create(self, request: ActionRequest) -> _Action:
        self._check_open()
        name = request.action_id.name
        run = self._get_run(request.action_id.run_name or name)
        if name in run.names:
            raise ValueError(
                f"action `{name}` of run `{run.record.run_name}` was run before\n"
                "hint: names are derived from the call; two equal calls need different call numbers"
            )
        action = _Action(request, run, _initial_state(request.retry.count), self._now(run.record.created_at))
        self._store.record(ActionChange(action.record, inputs=request.inputs))
        run.names.add(name)
        run.alive[name] = action
        if run.root is None and request.parent_name is None:
            run.root = action
        self._emit(action.record, None)
        return action

    def _move(
        self, action: _Action, event: Event, *, error: ErrorRecord | None = None, outputs: bytes | None = None
    ) -> None:
        """Take one step of the lifecycle: the new state, its record, the event."""
        before = action.state
        state = action.state = advance(before, event)
        now = self._now(action.attempt_started_at or action.created_at)
        attempt: AttemptRecord | None = None
        if event is _START:
            action.attempt_started_at = now
            if action.started_at is None:
                action.started_at = now
            attempt = AttemptRecord(state.attempt, state.phase, now)
        elif action.attempt_started_at is not None:
            # The attempt of a retried action is over although the action is not.
            phase = state.phase if state.is_terminal else advance(before, _GIVE_UP).phase
            attempt = AttemptRecord(before.attempt, phase, action.attempt_started_at, now, error)
            action.attempt_started_at = None
        action.error = error
        if state.is_terminal:
            action.ended_at = now
        previous, action.record = action.record.phase, action.snapshot()
        self._store.record(ActionChange(action.record, attempt, None, outputs))
        run = action.run
        if run.root is action:
            self._record_run(run, state.phase, action.ended_at)
        self._emit(action.record, previous)

    def _abort(self, action: _Action, error: ErrorRecord) -> bool:
        if action.state.is_terminal:
            return False
        try:
            self._move(action, _ABORT, error=error)
        except StoreError:
            # Whoever waits for the store hears of it; here it would hide the cancellation.
            _logger.debug("the abort of action `%s` is not recorded", action.request.action_id.name, exc_info=True)
        return True

    def _abort_alive(self, run: _Run, error: ErrorRecord) -> tuple[ActionRecord, ...]:
        # Of a copy: a subscriber may end actions.
        actions = [action for action in reversed(list(run.alive.values())) if self._abort(action, error)]
        current = _current_task()
        for task in {action.task for action in actions}:
            if task is not None and task is not current:
                # Once per task: a child that was awaited in place shares the task of its parent.
                task.cancel(error.message)
        return tuple(action.record for action in actions)

    def _record_run(self, run: _Run, phase: ActionPhase, ended_at: float | None) -> None:
        known = run.record
        if known.phase is phase and known.ended_at == ended_at:
            return
        run.record = RunRecord(
            run_name=known.run_name,
            task_name=known.task_name,
            project=known.project,
            domain=known.domain,
            org=known.org,
            created_at=known.created_at,
            ended_at=ended_at,
            phase=phase,
            source_path=known.source_path,
            command=known.command,
            labels=known.labels,
        )
        self._store.record(RunChange(run.record))

    def _emit(self, record: ActionRecord, previous: ActionPhase | None) -> None:
        if self._subscribers:
            event = EngineEvent(record, previous)
            for subscriber in self._subscribers:
                subscriber(event)

    def _now(self, not_before: float) -> float:
        # A clock that is set back must not make anything end before it began.
        return max(self._clock.now(), not_before)

    def _get_run(self, run_name: str) -> _Run:
        run = self._runs.get(run_name)
        if run is None:
            raise ValueError(
                f"run `{run_name}` is not running in this engine\nhint: call `start_run` first; `finish_run` ends it"
            )
        return run

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("the engine is closed\nhint: make a new one; it can use the same store")


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


def _current_task() -> "asyncio.Task[object] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:
        # Called outside the loop, as `close` may be.
        return None


def _cancel_message(exception: BaseException) -> str:
    return str(exception) or ("interrupted" if isinstance(exception, KeyboardInterrupt) else "cancelled")
