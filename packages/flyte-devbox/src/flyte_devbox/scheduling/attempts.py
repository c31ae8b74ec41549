"""One attempt of an action from its place on the machine to its end, and what follows: success, failure, another attempt."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from flyteidl2.core import catalog_pb2

from flyte_devbox.caching import CacheTable
from flyte_devbox.executors import Exit, Handle, LaunchError
from flyte_devbox.live import LiveAction
from flyte_devbox.outcomes import INTERRUPTED, Outcome, limit_error, lost
from flyte_devbox.scheduling.decisions import TimeLimit, retry_pause, run_limit
from flyte_devbox.scheduling.ends import Ends
from flyte_devbox.scheduling.recording import Recorder
from flyte_devbox.starting import AttemptStarter
from flyte_models.lifecycle import Event, Fail, Initialize, Interrupt, Start, Succeed, TimeOut
from flyte_models.phases import ActionPhase

__all__ = ["Attempts"]

_logger = logging.getLogger(__name__)

_RECORD_SECONDS = 2.0
_SLOW_START_SECONDS = 1.0
"""An attempt that is started for longer is shown as INITIALIZING."""
_QUEUED = ActionPhase.QUEUED.to_protobuf_value()
_INITIALIZING = ActionPhase.INITIALIZING.to_protobuf_value()
_RUNNING = ActionPhase.RUNNING.to_protobuf_value()


class Attempts:
    """Carries attempts out.

    Args:
        starter: starts them, and reads what they leave.
        recorder: records them.
        ends: of actions.
        cache: takes the outputs of cached tasks.
        publish: publishes the artifacts that outputs declare.
        leave: frees the place of an attempt that another follows.
        queue: lets an action wait for a place.
    """

    def __init__(
        self,
        starter: AttemptStarter,
        *,
        recorder: Recorder,
        ends: Ends,
        cache: CacheTable,
        publish: Callable[[LiveAction, bytes | None], Awaitable[None]],
        leave: Callable[[LiveAction], None],
        queue: Callable[[LiveAction], None],
    ) -> None:
        self._starter = starter
        self._recorder = recorder
        self._ends = ends
        self._cache = cache
        self._publish = publish
        self._leave = leave
        self._queue = queue
        self._attended: dict[asyncio.Task[object], LiveAction] = {}

    async def interrupted(self, grace_seconds: float) -> None:
        """Ask all attempts to end and wait until that is recorded, no longer than some seconds after the grace period."""
        attended = dict(self._attended)
        for action in attended.values():
            if action.handle is not None:
                action.handle.terminate(grace_seconds)
        if attended:
            await asyncio.wait(attended, timeout=grace_seconds + _RECORD_SECONDS)

    async def run(self, action: LiveAction) -> None:
        """Carry out the current attempt of an action that has a place."""
        now = time.time()
        action.attempt_started_at, action.attempt_began = now, time.monotonic()
        action.started_at = now if action.started_at is None else action.started_at
        slow = asyncio.get_running_loop().call_later(_SLOW_START_SECONDS, self._tell_of_start, action)
        try:
            handle = await self._starter.start(action)
        except LaunchError as error:
            if action.state.is_terminal:
                self._ends.leave(action)
                return
            self._recorder.advance(action, Start())
            self._recorder.record(action, action.attempt_update(action.number, _RUNNING))
            await self._end(action, lost(str(error)), Exit(None))
            return
        finally:
            slow.cancel()
        action.handle = handle
        action.worker = handle.worker
        if action.state.is_terminal:
            # Aborted while it was being started.
            handle.kill()
            await self._attend(action, handle)
            return
        self._recorder.advance(action, Start())
        if action.parent:
            self._recorder.record_running(action)
        else:
            # Somebody waits to see that the run goes on. Not awaited: a server that finds it QUEUED reckons with a process.
            self._recorder.record(action, action.attempt_update(action.number, _RUNNING))
        await self._attend(action, handle)

    def _tell_of_start(self, action: LiveAction) -> None:
        """Show that an attempt has its place, and is still being started."""
        if action.state.is_terminal:
            return
        self._recorder.advance(action, Initialize())
        action.note("Starting", self._starter.describe_start(action))
        self._recorder.record(action, action.attempt_update(action.number, _INITIALIZING))

    async def go_on(self, action: LiveAction, handle: Handle | None) -> None:
        """Attend to an attempt that an earlier server has started, or see what it left when it does not run any more."""
        if handle is None:
            await self._end(action, self._starter.judge(action, Exit(None)), Exit(None))
            return
        action.handle = handle
        await self._attend(action, handle)

    async def _attend(self, action: LiveAction, handle: Handle) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._attended[task] = action
        try:
            await self._until_over(action, handle)
        finally:
            del self._attended[task]

    async def _until_over(self, action: LiveAction, handle: Handle) -> None:
        policy = action.policy
        assert policy is not None
        limit = run_limit(policy, age=action.age, ran=action.attempt_age)
        outcome: Outcome | None = None
        if limit is not None:
            ended = asyncio.ensure_future(handle.wait())
            done, _ = await asyncio.wait({ended}, timeout=max(0.0, limit.left))
            if not done and not action.state.is_terminal:
                outcome = await self._pass_limit(action, limit)
                handle.terminate(policy.grace_seconds)
        result = await handle.wait()
        action.handle = None
        if action.state.is_terminal:
            self._ends.leave(action)
            return
        if outcome is not None:
            await self._end(action, outcome, result, is_limit=True)
            return
        outcome = self._starter.judge(action, result)
        if self._recorder.is_stopping and not isinstance(outcome.event, Succeed):
            # We have asked it to end, whatever it made of that.
            await self._interrupt(action, result)
            return
        await self._end(action, outcome, result)
        if result.outputs is not None:
            handle.confirm()

    async def _pass_limit(self, action: LiveAction, limit: TimeLimit) -> Outcome:
        error = limit_error(limit.kind, limit.seconds, self._starter.label(action))
        if limit.is_final or not action.state.retries_left:
            # On time, whatever the clean-up takes.
            action.error = error
            await self._ends.end_below(action, f"its parent `{action.name}` timed out")
            self._ends.finish_later(action, TimeOut(recoverable=False), error)
        return Outcome(Fail(recoverable=True), error)

    async def _interrupt(self, action: LiveAction, ended: Exit) -> None:
        """Leave the action to the next server, which begins another attempt."""
        number, now = action.number, time.time()
        self._recorder.advance(action, Interrupt())
        phase = ActionPhase.ABORTED.to_protobuf_value()
        action.transitions.append((phase, now))
        update = action.attempt_update(number, phase, ended_at=now, error=INTERRUPTED, usage=_usage(action, ended, now))
        self._begin_anew(action, now)
        self._leave(action)
        await self._recorder.record_surely(action, update)

    def _begin_anew(self, action: LiveAction, now: float) -> None:
        action.transitions = [(1, now)]
        action.notes, action.obstacles = [], ()
        action.attempt_started_at = None
        action.worker = ""

    async def _end(self, action: LiveAction, outcome: Outcome, ended: Exit, *, is_limit: bool = False) -> None:
        number = action.number
        now = time.time()
        usage = _usage(action, ended, now)
        if isinstance(outcome.event, Succeed):
            await self._succeed(action, outcome.event, ended, usage)
            return
        failed = ActionPhase.TIMED_OUT if is_limit else ActionPhase.FAILED
        event: Event = TimeOut(recoverable=True) if is_limit else outcome.event
        action.error = outcome.error
        self._recorder.advance(action, event)
        if action.state.is_terminal:
            await self._ends.end_below(action, f"its parent `{action.name}` failed")
            await self._ends.finish(action, usage=usage)
            return
        # Another attempt: the one that failed keeps its error.
        phase = failed.to_protobuf_value()
        action.transitions[-1] = (phase, now)
        update = action.attempt_update(number, phase, ended_at=now, error=outcome.error, usage=usage)
        self._begin_anew(action, now)
        self._leave(action)
        await self._recorder.record_surely(action, update)
        self._starter.clean(action, number)
        policy = action.policy
        assert policy is not None
        rng = random.Random()  # noqa: S311 - spreads load, keeps no secret
        delay = retry_pause(policy, action.state, is_system=outcome.event.system, rng=rng)
        if delay > 0:
            pause = f"attempt {action.number} begins {delay:.1f} s after attempt {number} ended"
            action.note("BackOff", pause)
            self._recorder.record(action, action.attempt_update(action.number, _QUEUED))
            action.timer = asyncio.get_running_loop().call_later(delay, self._queue, action)
        else:
            self._queue(action)

    async def _succeed(
        self, action: LiveAction, event: Succeed, ended: Exit, usage: tuple[float | None, int | None, float | None]
    ) -> None:
        action.output_uri = f"{action.output_prefix()}/outputs.pb"
        action.error = None
        outputs = ended.outputs if ended.outputs is not None else await self._starter.outputs(action)
        if action.state.is_terminal:
            # Aborted meanwhile.
            self._ends.leave(action)
            return
        self._recorder.advance(action, event)
        if action.cache_key and action.policy is not None and action.policy.is_cached:
            action.cache_status = await self._keep(action, action.output_uri)
        await self._publish(action, outputs)
        await self._ends.finish(action, usage=usage, outputs=outputs)

    async def _keep(self, action: LiveAction, output_uri: str) -> int:
        """Keep the outputs for the cache; return what became of it. Nothing may go wrong here before the end is recorded."""
        try:
            return await self._cache.keep(
                action.run.project, action.run.domain, action.cache_key, output_uri, str(action.id)
            )
        except Exception:
            _logger.exception("the outputs of action `%s` of run `%s` are not cached", action.name, action.run.name)
            return int(catalog_pb2.CACHE_PUT_FAILURE)


def _usage(action: LiveAction, ended: Exit, now: float) -> tuple[float | None, int | None, float | None]:
    started = action.attempt_started_at
    return ended.cpu_seconds, ended.max_rss_bytes, None if started is None else max(0.0, now - started)
