"""Carries actions out: what services and recovery may ask of it. Phases come from `flyte_models.lifecycle` alone.

Everything runs in one event loop. What an action is now is recorded before anybody hears of it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine

from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.admission import Capacity
from flyte_devbox.caching import CacheTable
from flyte_devbox.database import Database
from flyte_devbox.errors import ServiceError
from flyte_devbox.executors import Handle
from flyte_devbox.live import LiveAction, LiveRun
from flyte_devbox.outcomes import limit_error
from flyte_devbox.scheduling.attempts import Attempts
from flyte_devbox.scheduling.background import Background
from flyte_devbox.scheduling.cached import CachedOutputs
from flyte_devbox.scheduling.decisions import TimeLimit, initial_state
from flyte_devbox.scheduling.ends import Ends, LiveRuns
from flyte_devbox.scheduling.places import Places
from flyte_devbox.scheduling.recording import Recorder
from flyte_devbox.starting import AttemptStarter
from flyte_devbox.watching import Hub
from flyte_models.debugging import DEBUG_ACTION
from flyte_models.lifecycle import Fail, Resume, Succeed, TimeOut, Wait
from flyte_models.phases import ActionPhase

__all__ = ["Scheduler", "initial_state"]

_logger = logging.getLogger(__name__)

_WAITING_AFTER_SECONDS = 1.0
"""An action that waits longer is shown as WAITING_FOR_RESOURCES."""
_TICK_SECONDS = 1.0
_WAITING_BATCH = 500
_STOP_GRACE_SECONDS = 3.0

_CONDITION = run_definition_pb2.ACTION_TYPE_CONDITION
_WAITING = ActionPhase.WAITING_FOR_RESOURCES.to_protobuf_value()


class Scheduler:
    """Owns the actions that are not over.

    Args:
        database: where they are recorded.
        starter: starts attempts.
        hub: told of every recorded change.
        capacity: what the machine gives.
        cache: outputs of earlier actions.
    """

    def __init__(
        self,
        *,
        database: Database,
        starter: AttemptStarter,
        hub: Hub,
        capacity: Capacity,
        cache: CacheTable,
        publish: Callable[[LiveAction, bytes | None], Awaitable[None]],
    ) -> None:
        self._starter = starter
        self._hub = hub
        self._runs = LiveRuns()
        self._background = Background()
        self._recorder = Recorder(database, hub)
        self._places = Places(capacity, admit=self._admit, expire=self._expire)
        self._ends = Ends(
            self._runs,
            recorder=self._recorder,
            places=self._places,
            starter=starter,
            cache=cache,
            background=self._background,
        )
        queue = self._places.queue
        self._cached = CachedOutputs(database, cache, recorder=self._recorder, ends=self._ends, queue=queue)
        self._attempts = Attempts(
            starter,
            recorder=self._recorder,
            ends=self._ends,
            cache=cache,
            publish=publish,
            leave=self._places.leave,
            queue=queue,
        )
        self._ticker: asyncio.Task[None] | None = None

    @property
    def runs(self) -> dict[int, LiveRun]:
        """Those whose root action is not over, by row."""
        return self._runs.by_row

    def start(self) -> None:
        """Begin to let actions in."""
        self._ticker = asyncio.create_task(self._tick())
        self._places.kick()

    def add_run(self, run: LiveRun) -> None:
        """Take a recorded run."""
        self._runs.add(run)
        self._places.open(run)

    def find_run(self, project: str, domain: str, name: str) -> LiveRun | None:
        """Return a run whose root action is not over."""
        return self._runs.find(project, domain, name)

    def add(self, action: LiveAction) -> None:
        """Take a recorded action that is QUEUED, or a condition that is PAUSED."""
        self._enrol(action)
        if not action.transitions:
            # Only what waits is added here; an attempt that runs brings its own.
            action.transitions.append((action.state.phase.to_protobuf_value(), action.created_at))
        if action.type == _CONDITION:
            return
        assert action.policy is not None
        source = self._cached.recovered(action)
        if source is not None:
            self._guarded(action, self._cached.take_over(action, source))
        elif action.cache_key and action.policy.is_cached:
            self._guarded(action, self._cached.look_up(action))
        else:
            self._places.queue(action)

    def resume(self, action: LiveAction, handle: Handle | None) -> None:
        """Take an action that an earlier server left RUNNING: attend to its process, or see what it left when there is none."""
        # Those that wait were added before.
        action.children = sum(other.parent == action.name for other in action.run.actions.values())
        self._enrol(action)
        self._places.take(action)
        self._guarded(action, self._attempts.go_on(action, handle))

    def show_running(self, parent: LiveAction) -> None:
        """See to it that nothing an attempt makes is recorded before it is itself."""
        self._recorder.hold_no_longer(parent)

    def limit_condition(self, action: LiveAction, seconds: float) -> None:
        """Let a condition time out."""
        loop = asyncio.get_running_loop()
        action.timer = loop.call_later(seconds, self._time_out_condition, action, seconds)

    async def abort(self, run: LiveRun, name: str, reason: str) -> bool:
        """Abort an action and all below it, durably; tell whether it was not over.

        Raises:
            ServiceError: UNAVAILABLE: the server stops. A parent that ends with it does not want its children to be over.
        """
        if self._recorder.is_stopping:
            raise ServiceError("unavailable", "the devbox is being stopped")
        action = run.actions.get(name)
        if action is None or action.state.is_terminal:
            return False
        await self._ends.abort_all(action, reason)
        return True

    async def signal(self, action: LiveAction, value: bytes) -> None:
        """Give a paused condition its value; durable when this returns."""
        action.cancel_timer()
        self._recorder.advance(action, Resume())
        self._recorder.advance(action, Succeed())
        await self._ends.finish(action, value=value)

    async def stop(self) -> None:
        """End what runs, as interrupted: the next server begins another attempt of it, which costs nobody a retry."""
        self._places.is_stopping = self._recorder.is_stopping = True
        if self._ticker is not None:
            self._ticker.cancel()
        await self._attempts.interrupted(_STOP_GRACE_SECONDS)
        await self._background.cancel(5)

    def usage(self) -> dict[str, int]:
        """Count what there is, for the health page."""
        actions = sum(len(run.actions) for run in self.runs.values())
        return {"runs": len(self.runs), "actions": actions, "waiting": self._places.waiting}

    def _enrol(self, action: LiveAction) -> None:
        run = action.run
        run.actions[action.name] = action
        parent = run.actions.get(action.parent)
        if parent is None:
            return
        parent.children += 1
        if parent.children == 1:
            self._places.lend(parent)

    def _admit(self, action: LiveAction) -> None:
        action.task = self._guarded(action, self._attempts.run(action))

    def _expire(self, action: LiveAction, limit: TimeLimit) -> None:
        error = limit_error(limit.kind, limit.seconds, self._starter.label(action))
        self._ends.finish_later(action, TimeOut(), error)

    def _time_out_condition(self, action: LiveAction, seconds: float) -> None:
        action.timer = None
        if not action.state.is_terminal:
            error = limit_error("timeout", seconds, f"condition `{action.name}`")
            self._ends.finish_later(action, TimeOut(), error)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                self._look_after_all()
            except Exception:
                _logger.exception("what waits and what runs cannot be looked after; it is tried again")

    def _look_after_all(self) -> None:
        for action in self._places.next_waiting(_WAITING_BATCH):
            if self._places.note_obstacles(action):
                self._recorder.record(action, action.attempt_update(action.number, _WAITING))
        for action in self._places.waiting_since(time.time() - _WAITING_AFTER_SECONDS, _WAITING_BATCH):
            self._recorder.advance(action, Wait())
            self._places.note_obstacles(action)
            self._recorder.record(action, action.attempt_update(action.number, _WAITING))
        for run in self.runs.values():
            for action in run.actions.values():
                if action.handle is not None:
                    self._starter.limit_log(action)
                    self._show_editor(action)

    def _show_editor(self, action: LiveAction) -> None:
        """Tell who watches an action in debug mode that its editor has come, or gone."""
        if action.name == DEBUG_ACTION and (has := self._starter.has_editor(action)) is not action.has_editor:
            action.has_editor = has
            self._hub.publish(action.run.id, action.id, action.parent, is_alive=True)

    def _guarded(self, action: LiveAction, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        return self._background.spawn(self._guard(action, work))

    async def _guard(self, action: LiveAction, work: Coroutine[object, object, None]) -> None:
        """Let a fault of the devbox end the action: a run must not wait for ever for it."""
        try:
            await work
        except Exception as error:
            _logger.exception("action `%s` of run `%s` cannot be carried out", action.name, action.run.name)
            if action.handle is not None:
                action.handle.kill()
                action.handle = None
            if action.state.is_terminal:
                self._ends.forget(action)
                self._ends.leave(action)
                return
            said = f"the devbox failed: {type(error).__name__}: {error}\nhint: its log says more"
            action.error = run_definition_pb2.ErrorInfo(
                code="DevboxError", message=said, kind=run_definition_pb2.ErrorInfo.KIND_SYSTEM
            )
            self._recorder.advance(action, Fail(recoverable=False, system=True))
            await self._ends.finish(action)
