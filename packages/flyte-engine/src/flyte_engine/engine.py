"""Runs actions: phases, attempts, retries, limits, abort, events, and records that are durable before a result is seen."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from flyte_engine.actions import ActionOutcome, ActionRequest, Attempt, Completed, EngineEvent
from flyte_engine.attempts import AttemptRunner
from flyte_engine.caching import OutputCache
from flyte_engine.clock import Clock, SystemClock
from flyte_engine.executors import Executor, InlineExecutor
from flyte_engine.limits import Seat, Slots
from flyte_engine.live import LiveAction, LiveRun
from flyte_engine.lookups import CacheLookup
from flyte_engine.processes import current_process
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, RunRecord
from flyte_engine.resuming import FINISHED, attempts_made, claim_run, load_actions, replace_phase
from flyte_engine.retries import error_from_exception, failure_event, retry_delay
from flyte_engine.store import ActionChange, ActionStore, RunChange, StoreError
from flyte_engine.timeouts import LimitPassed
from flyte_engine.waiting import settle, wait_until_done
from flyte_models import lifecycle
from flyte_models.errors import ActionAbortedError
from flyte_models.lifecycle import (
    Abort,
    ActionState,
    Create,
    Event,
    Fail,
    Pause,
    Recover,
    Start,
    Succeed,
    TimeOut,
    Wait,
)
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
def _initial_state(retries: int, attempts_before: int = 0) -> ActionState:
    return advance(None, Create(max_attempts=retries + 1, attempts_before=attempts_before))


_steps: dict[tuple[int, int], tuple[ActionState, Event, ActionState]] = {}


def _step(state: ActionState, event: Event) -> ActionState:
    """Do what `advance` does, found by identity where both were met before: hashing them costs as much as a whole record."""
    key = (id(state), id(event))
    found = _steps.get(key)
    if found is not None:
        return found[2]
    after = advance(state, event)
    if len(_steps) < 1024:
        # With the two that it is of, so that their identities are not given to others.
        _steps[key] = (state, event, after)
    return after


_WAIT = Wait()
_START = Start()
_PAUSE = Pause()
_SUCCEED = Succeed()
_RECOVER = Recover()
_ABORT = Abort()
_GIVE_UP = Fail(recoverable=False)
_TIME_OUT = TimeOut()

_CODE_ABORTED = "Aborted"
_CODE_CANCELLED = "Cancelled"

GRACE_SECONDS = 5.0
"""How long clean-up code of a cancelled body may take before it is left alone."""
RESERVATION_SECONDS = 15.0
"""How long a reservation in the cache is valid without a heartbeat, for a process of which nothing else is known."""


class Engine:
    """Runs actions of any number of runs in one event loop.

    The caller starts a run, awaits its root action, whose body awaits `run_action` for its children, and finishes the
    run. The store stays the caller's: close it after the engine.

    Args:
        store: where records go.
        executor: where attempts run; in the caller's task if not given.
        clock: tells the time and waits between attempts.
        jitter: spread the waits between attempts, see `retry_delay`; without it they are exactly what the policy says.
        cache: where outputs of actions with a `CacheUse` are kept; the caller's too, to be closed after the engine.
        pools: how many actions of each `ActionRequest.pools` run at once, over all runs.
        grace_seconds: how long the clean-up code of cancelled bodies may take before they are left alone.
    """

    def __init__(
        self,
        store: ActionStore,
        *,
        executor: Executor | None = None,
        clock: Clock | None = None,
        jitter: bool = False,
        cache: OutputCache | None = None,
        pools: Mapping[str, int] | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._store = store
        self._executor: Executor = executor if executor is not None else InlineExecutor()
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._cache = cache
        self._grace = grace_seconds
        self._runner = AttemptRunner(self._executor, self._clock, grace_seconds)
        self._slots = Slots()
        self._order = itertools.count()
        for pool, limit in (pools or {}).items():
            self.set_pool(pool, limit)
        self._has_jitter = jitter
        self._rng: random.Random | None = None
        self._runs: dict[str, LiveRun] = {}
        self._subscribers: tuple[Callable[[EngineEvent], None], ...] = ()
        self._is_closed = False

    @property
    def store(self) -> ActionStore:
        """Where records go."""
        return self._store

    @property
    def clock(self) -> Clock:
        """What tells the time and waits."""
        return self._clock

    def set_pool(self, name: str, limit: int | None) -> None:
        """Let at most `limit` actions of a pool run at once from now on, or any number; what runs is left alone.

        An action that waits for its children does not count, here as under a run's limit.

        Raises:
            ValueError: the limit is below 1.
        """
        self._slots.set_limit(_pool_key(name), limit)

    def start_run(
        self,
        run: RunRecord,
        *,
        max_action_concurrency: int | None = None,
        recover_from: str | None = None,
        force_rerun: Collection[str] = (),
    ) -> None:
        """Record a run, durably, and take actions for it from now on.

        Args:
            run: its record.
            max_action_concurrency: how many of its actions run at once; `None` or 0 for any number. One that waits for its
                children does not count; of those that wait for a slot the deepest is first.
            recover_from: another run of this store: an action that finished there is not run, but RECOVERED with its outputs.
            force_rerun: names of actions that are run all the same.

        Raises:
            ValueError: a run of this name exists, or none that is to be recovered from.
            RuntimeError: the engine is closed.
        """
        self._check_open()
        source = {} if recover_from is None else self._load_source(recover_from, force_rerun)
        # Durable before anything runs: from now on the run can be resumed.
        if run.run_name in self._runs or not self._store.add_run(run, current_process()):
            raise ValueError(
                f"a run named `{run.run_name}` exists already\nhint: leave the name out, and one is made up; "
                "`resume_run` continues one that was interrupted"
            )
        live = self._open_run(run, max_action_concurrency)
        live.source_name, live.source = recover_from, source

    def resume_run(self, run_name: str, *, max_action_concurrency: int | None = None, force: bool = False) -> RunRecord:
        """Continue a recorded run whose process has ended, or which failed: take actions for it from now on.

        Ask for its root action as the first time, with the recorded inputs. An action that had finished gives its recorded
        outputs (see `ActionRequest.restore`) and is not run; any other runs again, as a further attempt with its full retries.

        Args:
            run_name: the run.
            max_action_concurrency: as for `start_run`.
            force: resume although its process may still live.

        Raises:
            ValueError: there is no such run, or this engine carries it out.
            RunOwnedError: its process lives.
            StoreError: the records cannot be read or kept.
            RuntimeError: the engine is closed.
        """
        self._check_open()
        if run_name in self._runs:
            raise ValueError(f"run `{run_name}` is being carried out by this engine\nhint: await its root action")
        record = claim_run(self._store, run_name, force=force)
        run = self._open_run(record, max_action_concurrency)
        run.earlier = load_actions(self._store, run_name)
        self._record_run(run, ActionPhase.QUEUED, None)
        return run.record

    async def run_action(self, request: ActionRequest) -> ActionOutcome:
        """Run an action to its end, with as many attempts as its policy grants.

        When this returns, the outcome, outputs included, is durable. A failure of the task is never raised, it is in
        the outcome. The body runs in the caller's task and context (with the inline executor, without a time limit).
        When an attempt fails, is cancelled or times out, its children that still run are aborted before that is recorded.

        A later attempt of the same parent may ask for a name again: a finished action gives its recorded outputs, any
        other runs again.

        Raises:
            asyncio.CancelledError: the caller was cancelled; the action is recorded as ABORTED. `KeyboardInterrupt` and
                `GeneratorExit` likewise.
            StoreError: the records cannot be kept.
            ValueError: the run was not started, or an action of this name was run before.
            RuntimeError: the engine is closed.
        """
        self._check_open()
        name = request.action_id.name
        run = self._get_run(request.action_id.run_name or name)
        parent = run.alive.get(request.parent_name) if request.parent_name is not None else None
        number = parent.state.attempt if parent is not None else 0
        earlier: ActionRecord | None = None
        if run.earlier or name in run.asked:
            earlier = await self._find_earlier(run, request, number)
            if earlier is not None and earlier.phase in FINISHED:
                return await self._replay(run, request, earlier)
        run.asked[name] = number
        action = self._create(request, run, parent, earlier)
        waiting = parent.seat if parent is not None else None
        if waiting is not None:
            waiting.children += 1
            self._slots.leave(waiting)
        try:
            outcome = await self._carry_out(action)
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit) as exception:
            tasks = self._abort_children(action)
            self._abort(action, ErrorRecord(_CODE_CANCELLED, _cancel_message(exception), recoverable=False))
            if tasks and isinstance(exception, asyncio.CancelledError):
                await settle(self._clock, tasks, self._grace)
            raise
        finally:
            run.alive.pop(name, None)
            action.task = action.body = None
            if parent is not None and parent.children is not None:
                parent.children.pop(name, None)
            if waiting is not None:
                waiting.children -= 1
        if waiting is not None and parent is not None:
            await self._come_back(parent, waiting)
        return outcome

    async def finish_run(self, run_name: str) -> RunRecord:
        """Close a run with the phase of its root action; the record is durable when this returns.

        Actions that nobody waited for are aborted, and their clean-up code is given its time of grace. A run that has no
        action is ABORTED.

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
        tasks = {action.task for action in run.alive.values()} - {None, _current_task()}
        await self.abort_run(run_name, "the run ended before this action did")
        if tasks:
            await settle(self._clock, (task for task in tasks if task is not None), self._grace)
        self._abort_forgotten(run)
        if root is None and not run.record.phase.is_terminal:
            state = advance(_initial_state(0), _ABORT)
            self._record_run(run, state.phase, self._now(run.record.created_at))
        del self._runs[run_name]
        if run.limit_key is not None:
            self._slots.set_limit(run.limit_key, None)
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

    async def _carry_out(self, action: LiveAction) -> ActionOutcome:
        request = action.request
        if request.cache is None and action.seat is None and action.limits is None and not action.run.source:
            return await self._make_attempts(action, None)
        if (recovered := action.run.source.get(request.action_id.name)) is not None:
            outputs = self._store.outputs(recovered.run_name, recovered.name)
            return await self._take_outputs(action, _RECOVER, outputs, await _restore(request, outputs))
        lookup: CacheLookup | None = None
        if request.cache is not None and self._cache is not None:
            lookup = CacheLookup(self._cache, request.cache, self._clock, RESERVATION_SECONDS)
        try:
            if lookup is not None and (found := await self._look_up(action, lookup)) is not None:
                return found
            return await self._make_attempts(action, lookup)
        except LimitPassed as limit:
            # Before an attempt or between two; what happens within one is dealt with there.
            if not action.state.is_terminal:
                self._time_out(action, limit)
            await self._store.flush()
            return ActionOutcome(action.record, None, limit.error)
        finally:
            if lookup is not None:
                lookup.release()
            if action.seat is not None:
                self._slots.leave(action.seat)

    async def _make_attempts(self, action: LiveAction, lookup: CacheLookup | None) -> ActionOutcome:
        request = action.request
        retries = 0
        while not action.state.is_terminal:
            if action.seat is not None:
                await self._take_seat(action, action.seat)
            attempt = Attempt(request.action_id, action.state.attempt, action.state.max_attempts, action.error)
            self._move(action, _START)
            if request.is_waiting:
                self._move(action, _PAUSE)
            try:
                if action.limits is None:
                    completed = await self._executor.execute(request, attempt)
                else:
                    completed = await self._runner.run(action, action.limits, attempt, self._on_limit)
            except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
                raise
            except LimitPassed as limit:
                if not action.state.is_terminal:
                    self._time_out(action, limit)
                if action.state.phase is ActionPhase.TIMED_OUT:
                    await self._store.flush()
                    return ActionOutcome(action.record, None, limit.error)
            except BaseException as exception:  # SystemExit in a task is a failure of the task
                if action.state.is_terminal:
                    break
                error = error_from_exception(exception)
                event = failure_event(exception, error, attempt)
                if (action.children or attempt.leftovers) and not await self._end_attempt(action, attempt):
                    event = _GIVE_UP
                if action.state.is_terminal:
                    break
                self._move(action, event, error=error)
                if action.state.is_terminal:
                    await self._store.flush()
                    return ActionOutcome(action.record, None, exception)
            else:
                if action.state.is_terminal:
                    break
                if lookup is not None:
                    lookup.keep(completed.outputs, action.record)
                    action.cache_status = lookup.status
                self._move(action, _SUCCEED, outputs=completed.outputs)
                await self._store.flush()
                return ActionOutcome(action.record, completed.value, None, completed.outputs)
            if action.state.is_terminal:
                break
            if action.seat is not None:
                self._slots.leave(action.seat)
            delay = self._delay(request.retry, retries)
            retries += 1
            if delay > 0:
                await self._pause(action, delay)
            action.queued_at = self._clock.now()
        # Aborted by somebody else while the body ran or between two attempts.
        await self._store.flush()
        reason = action.error.message if action.error is not None else "aborted"
        return ActionOutcome(action.record, None, ActionAbortedError(reason))

    async def _look_up(self, action: LiveAction, lookup: CacheLookup) -> ActionOutcome | None:
        request = action.request
        assert request.cache is not None  # or there were no lookup
        action.cache_key = request.cache.key
        found = await lookup.find(partial(self._wait_for_reservation, action))
        action.cache_status = lookup.status
        if found is None:
            return None
        try:
            value = await _restore(request, found.outputs)
        except Exception:
            action.cache_status = lookup.status = "lookup_failure"
            _logger.warning(
                "cached outputs for `%s` cannot be used, and the task runs", request.task_name, exc_info=True
            )
            return None
        action.cache_status = "hit"
        return await self._take_outputs(action, _SUCCEED, found.outputs, value)

    async def _take_outputs(
        self, action: LiveAction, event: Event, outputs: bytes | None, value: object
    ) -> ActionOutcome:
        """End an action with outputs that it did not compute."""
        if action.state.is_terminal:
            await self._store.flush()
            return ActionOutcome(action.record, None, ActionAbortedError("aborted"))
        self._move(action, event, outputs=outputs)
        await self._store.flush()
        return ActionOutcome(action.record, value, None, outputs, is_replayed=True)

    async def _wait_for_reservation(self, action: LiveAction, seconds: float) -> None:
        if action.state.phase is ActionPhase.QUEUED:
            self._move(action, _WAIT)
        left = self._queue_limit(action)
        if left is not None and left[0] <= seconds:
            await self._clock.sleep(max(left[0], 0.0))
            raise self._queue_error(action, is_deadline=left[1])
        await self._clock.sleep(seconds)

    async def _take_seat(self, action: LiveAction, seat: Seat) -> None:
        seat.is_started = False
        future = self._slots.enter(seat)
        if future is not None:
            if action.state.phase is ActionPhase.QUEUED:
                self._move(action, _WAIT)
            left = self._queue_limit(action)
            if not await wait_until_done(self._clock, future, left[0] if left is not None else None):
                assert left is not None  # without a limit the wait has no end
                raise self._queue_error(action, is_deadline=left[1])
        seat.is_started = True

    async def _come_back(self, parent: LiveAction, seat: Seat) -> None:
        """Let a parent whose last child is over have its slot again before its body goes on."""
        if seat.children or not seat.is_started or parent.attempt_started_at is None:
            return
        try:
            if (future := self._slots.enter(seat)) is not None:
                await future
        except BaseException:
            if not seat.children and not parent.state.is_terminal:
                # Its body goes on with the exception, and it is no use to count it as waiting.
                self._slots.seize(seat)
            raise

    async def _pause(self, action: LiveAction, seconds: float) -> None:
        """Wait between two attempts, but not beyond the deadline."""
        if action.limits is not None and action.limits.total is not None:
            left = action.limits.total - (self._clock.now() - action.opened_at)
            if left <= seconds:
                await self._clock.sleep(max(left, 0.0))
                raise self._queue_error(action, is_deadline=True)
        await self._clock.sleep(seconds)

    def _queue_limit(self, action: LiveAction) -> tuple[float, bool] | None:
        if action.limits is None:
            return None
        now = self._clock.now()
        return action.limits.while_queued(now - action.queued_at, now - action.opened_at)

    def _queue_error(self, action: LiveAction, *, is_deadline: bool) -> LimitPassed:
        assert action.limits is not None  # whoever asks has met one
        return action.limits.queue_error(action.request.action_id.name, action.state.attempt, is_deadline=is_deadline)

    def _on_limit(self, action: LiveAction, limit: LimitPassed) -> "set[asyncio.Task[object]]":
        tasks = self._abort_children(action)
        if not action.state.is_terminal and (limit.is_final or not action.state.retries_left):
            # On time, whatever the clean-up takes; a further attempt has to wait for it.
            self._time_out(action, limit)
        return tasks

    def _time_out(self, action: LiveAction, limit: LimitPassed) -> None:
        error = ErrorRecord(limit.error.code, str(limit.error), limit.error.kind, recoverable=not limit.is_final)
        self._move(action, TimeOut(recoverable=not limit.is_final), error=error)

    async def _end_attempt(self, action: LiveAction, attempt: Attempt) -> bool:
        tasks = self._abort_children(action)
        return await self._runner.end(tasks, attempt, action.request.action_id.name)

    def _abort_children(self, action: LiveAction) -> "set[asyncio.Task[object]]":
        """Abort what still runs below, the deepest first, and give the tasks that were cancelled for it."""
        if not action.children:
            return set()
        message = f"its parent `{action.request.action_id.name}` ended before this action did"
        error = ErrorRecord(_CODE_ABORTED, message, recoverable=False)
        below = list(action.descendants())
        below.reverse()
        return self._cancel((child for child in below if self._abort(child, error)), message, action.body)

    async def _find_earlier(self, run: LiveRun, request: ActionRequest, number: int) -> ActionRecord | None:
        """Return the record of an action that an earlier process, or an earlier attempt of its parent, has asked for."""
        name, run_name = request.action_id.name, run.record.run_name
        earlier = run.earlier.pop(name, None)
        if earlier is not None:
            run.asked[name] = number
            known = self._store.inputs(run_name, name) if request.parent_name is None else None
            if known is not None and request.inputs is not None and known != request.inputs:
                raise ValueError(
                    f"run `{run_name}` was made with other inputs than it is resumed with\n"
                    "hint: resume it with the recorded inputs, or start a new run"
                )
            return earlier
        if name not in run.asked:
            return None
        if run.asked[name] == number or name in run.alive:
            raise _repeated_error(run_name, name)
        run.asked[name] = number
        await self._store.flush()
        earlier = self._store.action(run_name, name)
        if earlier is not None and earlier.phase in FINISHED and request.restore is None:
            raise _repeated_error(run_name, name)
        return earlier

    async def _replay(self, run: LiveRun, request: ActionRequest, earlier: ActionRecord) -> ActionOutcome:
        outputs = self._store.outputs(earlier.run_name, earlier.name)
        value = await _restore(request, outputs)
        if request.parent_name is None:
            self._record_run(run, earlier.phase, earlier.ended_at)
        if self._subscribers:
            queued = _initial_state(0).phase
            self._emit(replace(earlier, phase=queued), None)
            self._emit(earlier, queued)
        return ActionOutcome(earlier, value, None, outputs, is_replayed=True)

    def _load_source(self, run_name: str, force_rerun: Collection[str]) -> dict[str, ActionRecord]:
        if self._store.run(run_name) is None:
            raise ValueError(
                f"there is no run `{run_name}` to recover from\nhint: `flyte get run` lists the recorded ones"
            )
        return {
            name: record
            for name, record in load_actions(self._store, run_name).items()
            if record.phase in FINISHED and name not in force_rerun
        }

    def _open_run(self, record: RunRecord, limit: int | None) -> LiveRun:
        key = None
        if limit:
            key = f"run {record.run_name}"
            self._slots.set_limit(key, limit)
        run = self._runs[record.run_name] = LiveRun(record, key)
        return run

    def _abort_forgotten(self, run: LiveRun) -> None:
        """Record the end of what an earlier process left and the resumed run did not ask for."""
        error = ErrorRecord(_CODE_ABORTED, "the resumed run did not ask for this action again", recoverable=False)
        for record in run.earlier.values():
            if record.phase.is_terminal:
                continue
            _, lost = attempts_made(self._store.attempts(record.run_name, record.name))
            phase = advance(_initial_state(0), _ABORT).phase
            ended = replace(record, phase=phase, ended_at=self._now(record.created_at), error=error)
            self._store.record(ActionChange(ended, lost))
            self._emit(ended, record.phase)

    def _delay(self, strategy: RetryStrategy, retry: int) -> float:
        if self._has_jitter and self._rng is None:
            import random  # noqa: PLC0415 - slow to import, and most runs retry nothing

            self._rng = random.Random()  # noqa: S311 - no secret
        return retry_delay(strategy, retry, self._rng)

    def _create(
        self, request: ActionRequest, run: LiveRun, parent: LiveAction | None, earlier: ActionRecord | None
    ) -> LiveAction:
        name = request.action_id.name
        state, lost, previous = _initial_state(request.retry.count), None, None
        if earlier is not None:
            made, lost = attempts_made(self._store.attempts(earlier.run_name, name))
            state = _initial_state(request.retry.count, made)
            previous = earlier.phase if lost is None else None
        action = LiveAction(request, run, state, self._now(run.record.created_at), parent=parent, earlier=earlier)
        if (run.limit_key is not None or request.pools) and not request.is_waiting:
            self._seat(action)
        self._store.record(ActionChange(action.record, lost, request.inputs))
        run.alive[name] = action
        if parent is not None:
            if parent.children is None:
                parent.children = {}
            parent.children[name] = action
        elif run.root is None and request.parent_name is None:
            run.root = action
        self._emit(action.record, previous)
        return action

    def _seat(self, action: LiveAction) -> None:
        run_key = action.run.limit_key
        wanted = itertools.chain(() if run_key is None else (run_key,), map(_pool_key, action.request.pools))
        if keys := self._slots.limited(wanted):
            action.seat = Seat(keys, action.depth, next(self._order))

    def _move(
        self, action: LiveAction, event: Event, *, error: ErrorRecord | None = None, outputs: bytes | None = None
    ) -> None:
        """Take one step of the lifecycle: the new state, its record, the event."""
        before = action.state
        state = action.state = _step(before, event)
        now = self._now(action.attempt_started_at or action.created_at)
        attempt: AttemptRecord | None = None
        if event is _START:
            action.attempt_started_at = now
            if action.started_at is None:
                action.started_at = now
            attempt = AttemptRecord(state.attempt, state.phase, now)
        elif action.attempt_started_at is not None and event is not _PAUSE:
            # The attempt of a retried action is over although the action is not.
            if state.is_terminal:
                phase = state.phase
            else:
                phase = advance(before, _TIME_OUT if isinstance(event, TimeOut) else _GIVE_UP).phase
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

    def _abort(self, action: LiveAction, error: ErrorRecord) -> bool:
        if action.state.is_terminal:
            return False
        try:
            self._move(action, _ABORT, error=error)
        except StoreError:
            # Whoever waits for the store hears of it; here it would hide the cancellation.
            _logger.debug("the abort of action `%s` is not recorded", action.request.action_id.name, exc_info=True)
        return True

    def _abort_alive(self, run: LiveRun, error: ErrorRecord) -> tuple[ActionRecord, ...]:
        # Of a copy: a subscriber may end actions.
        actions = [action for action in reversed(list(run.alive.values())) if self._abort(action, error)]
        self._cancel(actions, error.message)
        return tuple(action.record for action in actions)

    def _cancel(
        self, actions: Iterable[LiveAction], message: str, spared: "asyncio.Task[object] | None" = None
    ) -> "set[asyncio.Task[object]]":
        """Cancel what carries the actions out, except the calling task and a spared one; give what was cancelled."""
        current = _current_task()
        # Once per task: a child that was awaited in place shares the task of its parent.
        tasks = {action.task for action in actions if action.body is None or action.body is not current}
        cancelled = {task for task in tasks if task is not None and task is not current and task is not spared}
        for task in cancelled:
            task.cancel(message)
        return cancelled

    def _record_run(self, run: LiveRun, phase: ActionPhase, ended_at: float | None) -> None:
        known = run.record
        if known.phase is phase and known.ended_at == ended_at:
            return
        run.record = replace_phase(known, phase, ended_at)
        self._store.record(RunChange(run.record))

    def _emit(self, record: ActionRecord, previous: ActionPhase | None) -> None:
        if self._subscribers:
            event = EngineEvent(record, previous)
            for subscriber in self._subscribers:
                subscriber(event)

    def _now(self, not_before: float) -> float:
        # A clock that is set back must not make anything end before it began.
        return max(self._clock.now(), not_before)

    def _get_run(self, run_name: str) -> LiveRun:
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


def _pool_key(name: str) -> str:
    return f"pool {name}"


async def _restore(request: ActionRequest, outputs: bytes | None) -> object:
    return await request.restore(outputs) if request.restore is not None else None


def _repeated_error(run_name: str, name: str) -> ValueError:
    return ValueError(
        f"action `{name}` of run `{run_name}` was run before\n"
        "hint: names are derived from the call; two equal calls need different call numbers, and a later attempt of the "
        "parent needs `ActionRequest.restore`"
    )
