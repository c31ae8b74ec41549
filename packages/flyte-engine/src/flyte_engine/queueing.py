"""The waits of an action that does not run: for a slot, a reservation in the cache, the next attempt; within its limits."""

import itertools

from flyte_engine.clock import Clock
from flyte_engine.journal import Journal
from flyte_engine.limits import Seat, Slots
from flyte_engine.live import LiveAction
from flyte_engine.steps import WAIT
from flyte_engine.timeouts import LimitPassed
from flyte_engine.waiting import wait_until_done
from flyte_models.phases import ActionPhase

__all__ = ["Queue", "pool_key"]


def pool_key(name: str) -> str:
    """Name the limit of a pool."""
    return f"pool {name}"


class Queue:
    """Lets actions wait.

    Args:
        slots: who may run.
        journal: where it is recorded that an action waits.
    """

    def __init__(self, slots: Slots, journal: Journal) -> None:
        self._slots = slots
        self._journal = journal
        self._clock: Clock = journal.clock
        self._order = itertools.count()

    def give_seat(self, action: LiveAction) -> None:
        """Let an action wait for slots if it falls under limits."""
        run_key, request = action.run.limit_key, action.request
        if (run_key is None and not request.pools) or request.is_waiting:
            return
        wanted = itertools.chain(() if run_key is None else (run_key,), map(pool_key, request.pools))
        if keys := self._slots.limited(wanted):
            action.seat = Seat(keys, action.depth, next(self._order))

    async def take_seat(self, action: LiveAction, seat: Seat) -> None:
        """Wait until an action may run.

        Raises:
            LimitPassed: it has waited too long.
        """
        seat.is_started = False
        future = self._slots.enter(seat)
        if future is not None:
            if action.state.phase is ActionPhase.QUEUED:
                self._journal.move(action, WAIT)
            left = self._limit(action)
            if not await wait_until_done(self._clock, future, left[0] if left is not None else None):
                assert left is not None  # without a limit the wait has no end
                raise self._error(action, is_deadline=left[1])
        seat.is_started = True

    async def come_back(self, parent: LiveAction, seat: Seat) -> None:
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

    async def wait_for_reservation(self, action: LiveAction, seconds: float) -> None:
        """Wait before the next look at what somebody else has reserved.

        Raises:
            LimitPassed: it has waited too long.
        """
        if action.state.phase is ActionPhase.QUEUED:
            self._journal.move(action, WAIT)
        left = self._limit(action)
        if left is not None and left[0] <= seconds:
            await self._clock.sleep(max(left[0], 0.0))
            raise self._error(action, is_deadline=left[1])
        await self._clock.sleep(seconds)

    async def pause(self, action: LiveAction, seconds: float) -> None:
        """Wait between two attempts.

        Raises:
            LimitPassed: the deadline is sooner.
        """
        if action.limits is not None and action.limits.total is not None:
            left = action.limits.total - (self._clock.now() - action.opened_at)
            if left <= seconds:
                await self._clock.sleep(max(left, 0.0))
                raise self._error(action, is_deadline=True)
        await self._clock.sleep(seconds)

    def _limit(self, action: LiveAction) -> tuple[float, bool] | None:
        if action.limits is None:
            return None
        now = self._clock.now()
        return action.limits.while_queued(now - action.queued_at, now - action.opened_at)

    def _error(self, action: LiveAction, *, is_deadline: bool) -> LimitPassed:
        assert action.limits is not None  # whoever asks has met one
        return action.limits.queue_error(action.request.action_id.name, action.state.attempt, is_deadline=is_deadline)
