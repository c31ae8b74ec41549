"""Carries one action out: outputs of another run, the cache, then attempts until one succeeds or none is left."""

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from flyte_engine.actions import ActionOutcome, ActionRequest, Attempt, Completed
from flyte_engine.attempts import AttemptRunner
from flyte_engine.caching import OutputCache
from flyte_engine.executors import Executor
from flyte_engine.journal import Journal
from flyte_engine.limits import Slots
from flyte_engine.live import LiveAction
from flyte_engine.lookups import CacheLookup
from flyte_engine.queueing import Queue
from flyte_engine.retries import error_from_exception, failure_event, retry_delay
from flyte_engine.steps import GIVE_UP, PAUSE, RECOVER, START, SUCCEED
from flyte_engine.stopping import abort_children
from flyte_engine.timeouts import LimitPassed
from flyte_models.errors import ActionAbortedError
from flyte_models.lifecycle import Event
from flyte_models.phases import ActionPhase
from flyte_models.policies import RetryStrategy

if TYPE_CHECKING:
    import random

__all__ = ["Carrier", "restored"]

_logger = logging.getLogger(__name__)

RESERVATION_SECONDS = 15.0
"""How long a reservation in the cache is valid without a heartbeat, for a process of which nothing else is known."""


async def restored(request: ActionRequest, outputs: bytes | None) -> object:
    """Give the value of recorded outputs."""
    return await request.restore(outputs) if request.restore is not None else None


class Carrier:
    """Carries actions out.

    Args:
        journal: where their steps are recorded.
        queue: where they wait.
        slots: what they give back when they are over.
        executor: where attempts run.
        cache: where outputs are looked up, if anywhere.
        jitter: spread the waits between attempts.
        grace_seconds: how long a cancelled body may take to clean up.
    """

    def __init__(
        self,
        journal: Journal,
        queue: Queue,
        slots: Slots,
        executor: Executor,
        cache: OutputCache | None,
        *,
        jitter: bool,
        grace_seconds: float,
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._slots = slots
        self._executor = executor
        self._cache = cache
        self._runner = AttemptRunner(executor, journal.clock, grace_seconds)
        self._has_jitter = jitter
        self._rng: random.Random | None = None

    async def carry_out(self, action: LiveAction) -> ActionOutcome:
        """Do what an action needs that has more about it than attempts: a cache, slots, limits, a run to recover from."""
        request = action.request
        if (recovered := action.run.source.get(request.action_id.name)) is not None:
            outputs = self._journal.store.outputs(recovered.run_name, recovered.name)
            return await self._take_outputs(action, RECOVER, outputs, await restored(request, outputs))
        lookup: CacheLookup | None = None
        if request.cache is not None and self._cache is not None:
            lookup = CacheLookup(self._cache, request.cache, self._journal.clock, RESERVATION_SECONDS)
        try:
            if lookup is not None and (found := await self._look_up(action, lookup)) is not None:
                return found
            return await self.make_attempts(action, lookup)
        except LimitPassed as limit:
            # Before an attempt or between two; what happens within one is dealt with there.
            if not action.state.is_terminal:
                self._journal.time_out(action, limit)
            await self._journal.store.flush()
            return ActionOutcome(action.record, None, limit.error)
        finally:
            if lookup is not None:
                lookup.release()
            if action.seat is not None:
                self._slots.leave(action.seat)

    async def make_attempts(
        self, action: LiveAction, lookup: CacheLookup | None = None, *, is_begun: bool = False
    ) -> ActionOutcome:
        """Make attempts until one succeeds, none is left, or somebody else ends the action.

        Args:
            action: the action.
            lookup: where the outputs are kept.
            is_begun: whether the start of the first attempt is recorded already.
        """
        request, journal = action.request, self._journal
        retries = 0
        while is_begun or not action.state.is_terminal:
            state = action.state
            if is_begun:
                attempt = Attempt(request.action_id, state.attempt, state.max_attempts)
                is_begun = False
            else:
                if action.seat is not None:
                    await self._queue.take_seat(action, action.seat)
                    state = action.state
                attempt = Attempt(request.action_id, state.attempt, state.max_attempts, action.error)
                journal.move(action, START)
                if request.is_waiting:
                    journal.move(action, PAUSE)
            try:
                if action.limits is None:
                    completed = await self._executor.execute(request, attempt)
                else:
                    completed = await self._runner.run(action, action.limits, attempt, self._on_limit)
            except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
                raise
            except LimitPassed as limit:
                if not action.state.is_terminal:
                    journal.time_out(action, limit)
                if action.state.phase is ActionPhase.TIMED_OUT:
                    await journal.store.flush()
                    return ActionOutcome(action.record, None, limit.error)
            except BaseException as exception:  # SystemExit in a task is a failure of the task
                if action.state.is_terminal:
                    break
                await self._fail(action, attempt, exception)
                if action.state.phase is ActionPhase.FAILED:
                    await journal.store.flush()
                    return ActionOutcome(action.record, None, exception)
            else:
                if action.state.is_terminal:
                    break
                return await self._succeed(action, completed, lookup)
            if action.state.is_terminal:
                break
            if action.seat is not None:
                self._slots.leave(action.seat)
            delay = self._delay(request.retry, retries)
            retries += 1
            if delay > 0:
                await self._queue.pause(action, delay)
            action.queued_at = journal.clock.now()
        # Aborted by somebody else while the body ran or between two attempts.
        await journal.store.flush()
        reason = action.error.message if action.error is not None else "aborted"
        return ActionOutcome(action.record, None, ActionAbortedError(reason))

    async def _fail(self, action: LiveAction, attempt: Attempt, exception: BaseException) -> None:
        error = error_from_exception(exception)
        event = failure_event(exception, error, attempt)
        if action.children or attempt.leftovers:
            tasks = abort_children(self._journal, action)
            if not await self._runner.end(tasks, attempt, action.request.action_id.name):
                event = GIVE_UP
        if not action.state.is_terminal:
            self._journal.move(action, event, error=error)

    async def _succeed(self, action: LiveAction, completed: Completed, lookup: CacheLookup | None) -> ActionOutcome:
        if lookup is not None:
            lookup.keep(completed.outputs, action.record)
            action.cache_status = lookup.status
        self._journal.move(action, SUCCEED, outputs=completed.outputs)
        await self._journal.store.flush()
        return ActionOutcome(action.record, completed.value, None, completed.outputs)

    async def _look_up(self, action: LiveAction, lookup: CacheLookup) -> ActionOutcome | None:
        request = action.request
        assert request.cache is not None  # or there were no lookup
        action.cache_key = request.cache.key
        found = await lookup.find(partial(self._queue.wait_for_reservation, action))
        action.cache_status = lookup.status
        if found is None:
            return None
        try:
            value = await restored(request, found.outputs)
        except Exception:
            action.cache_status = lookup.status = "lookup_failure"
            _logger.warning(
                "cached outputs for `%s` cannot be used, and the task runs", request.task_name, exc_info=True
            )
            return None
        action.cache_status = "hit"
        return await self._take_outputs(action, SUCCEED, found.outputs, value)

    async def _take_outputs(
        self, action: LiveAction, event: Event, outputs: bytes | None, value: object
    ) -> ActionOutcome:
        """End an action with outputs that it did not compute."""
        if action.state.is_terminal:
            await self._journal.store.flush()
            return ActionOutcome(action.record, None, ActionAbortedError("aborted"))
        self._journal.move(action, event, outputs=outputs)
        await self._journal.store.flush()
        return ActionOutcome(action.record, value, None, outputs, is_replayed=True)

    def _on_limit(self, action: LiveAction, limit: LimitPassed) -> "set[asyncio.Task[object]]":
        tasks = abort_children(self._journal, action)
        if not action.state.is_terminal and (limit.is_final or not action.state.retries_left):
            # On time, whatever the clean-up takes; a further attempt has to wait for it.
            self._journal.time_out(action, limit)
        return tasks

    def _delay(self, strategy: RetryStrategy, retry: int) -> float:
        if self._has_jitter and self._rng is None:
            import random  # noqa: PLC0415 - slow to import, and most runs retry nothing

            self._rng = random.Random()  # noqa: S311 - no secret
        return retry_delay(strategy, retry, self._rng)
