"""One attempt under its time limits: the body in a task of its own, cancelled on time, given time to clean up."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from flyte_engine.actions import ActionRequest, Attempt, Completed
from flyte_engine.clock import Clock
from flyte_engine.executors import Executor
from flyte_engine.live import LiveAction
from flyte_engine.timeouts import LimitPassed, TimeLimits
from flyte_engine.waiting import settle, wait_until_done

__all__ = ["AttemptRunner"]

_logger = logging.getLogger(__name__)

_Tasks = set["asyncio.Task[Any]"]
_Ended = tuple[Completed | None, BaseException | None]


class AttemptRunner:
    """Carries out attempts of actions that have limits.

    Args:
        executor: where attempts run.
        clock: tells when a limit has passed.
        grace: seconds that a cancelled body may take to clean up.
    """

    def __init__(self, executor: Executor, clock: Clock, grace: float) -> None:
        self._executor = executor
        self._clock = clock
        self._grace = grace
        self._left: set[asyncio.Future[Any]] = set()

    async def run(
        self,
        action: LiveAction,
        limits: TimeLimits,
        attempt: Attempt,
        on_limit: Callable[[LiveAction, LimitPassed], _Tasks],
    ) -> Completed:
        """Run one attempt to its end, or to its limit.

        Args:
            action: the action.
            limits: its limits.
            attempt: the attempt, which begins now.
            on_limit: called at the moment a limit passes; gives the tasks that are to end together with the body.

        Raises:
            LimitPassed: it took too long; final if something of the attempt still runs.
            BaseException: what the body raised.
        """
        name = action.request.action_id.name
        next_limit = limits.while_running(self._clock.now() - action.opened_at)
        body = asyncio.create_task(_guarded(self._executor, action.request, attempt), name=f"body of {name}")
        action.body = body
        try:
            is_done = await wait_until_done(self._clock, body, next_limit[0] if next_limit is not None else None)
        except asyncio.CancelledError as cancelled:
            body.cancel(*cancelled.args)
            await self.end([body], attempt, name)
            raise
        if not is_done:
            assert next_limit is not None  # without a limit the wait has no end
            limit = limits.runtime_error(name, attempt.number, is_deadline=next_limit[1])
            others = on_limit(action, limit)
            body.cancel(str(limit.error))
            if not await self.end({body, *others}, attempt, name):
                limit.is_final = True
            raise limit
        completed, exception = body.result()
        if exception is not None:
            raise exception
        assert completed is not None  # one of the two is there
        return completed

    async def end(self, tasks: "Iterable[asyncio.Task[Any]]", attempt: Attempt, name: str) -> bool:
        """Wait for cancelled tasks and what the attempt left behind, at most the time of grace; tell whether all ended."""
        waited: list[asyncio.Future[Any]] = list(tasks)
        started = self._clock.now()
        is_ended = await settle(self._clock, waited, self._grace)
        if attempt.leftovers:
            # Only now: a body may hand them over while it is cancelled.
            waited += attempt.leftovers
            is_ended = await settle(self._clock, waited, max(self._grace - (self._clock.now() - started), 0.0))
        if not is_ended:
            for future in waited:
                if not future.done():
                    # Held, or the loop would drop the task at any time.
                    self._left.add(future)
                    future.add_done_callback(self._left.discard)
            _logger.warning(
                "attempt %d of action `%s` was cancelled and has not ended within %g s; it is left alone, and not repeated",
                attempt.number,
                name,
                self._grace,
            )
        return is_ended


async def _guarded(executor: Executor, request: ActionRequest, attempt: Attempt) -> _Ended:
    try:
        return await executor.execute(request, attempt), None
    except asyncio.CancelledError:
        raise
    except BaseException as exception:  # SystemExit would end the loop if it left a task
        return None, exception
