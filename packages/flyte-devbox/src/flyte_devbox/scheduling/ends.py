"""How actions end: recorded first, then told, then what they occupied is free. Aborts take what is below along."""

import asyncio
import time
from collections.abc import Sequence

from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.caching import CacheTable
from flyte_devbox.live import LiveAction, LiveRun
from flyte_devbox.outcomes import abort_error
from flyte_devbox.scheduling.background import Background
from flyte_devbox.scheduling.decisions import below
from flyte_devbox.scheduling.places import Places
from flyte_devbox.scheduling.recording import Recorder
from flyte_devbox.starting import AttemptStarter
from flyte_models.lifecycle import Abort, Event
from flyte_models.phases import ActionPhase

__all__ = ["Ends", "LiveRuns"]

_CONDITION = run_definition_pb2.ACTION_TYPE_CONDITION
_TOGETHER = 100


class LiveRuns:
    """The runs whose root action is not over."""

    def __init__(self) -> None:
        self.by_row: dict[int, LiveRun] = {}
        self._by_name: dict[tuple[str, str, str], LiveRun] = {}

    def add(self, run: LiveRun) -> None:
        """Take a run."""
        self.by_row[run.id] = run
        self._by_name[run.project, run.domain, run.name] = run

    def find(self, project: str, domain: str, name: str) -> LiveRun | None:
        """Return a run by its name."""
        return self._by_name.get((project, domain, name))

    def remove(self, run: LiveRun) -> None:
        """Forget a run that is over."""
        self.by_row.pop(run.id, None)
        self._by_name.pop((run.project, run.domain, run.name), None)


class Ends:
    """Ends actions.

    Args:
        runs: those that are not over.
        recorder: records the ends.
        places: freed by them.
        starter: cleans up after attempts.
        cache: whose reservations end with their actions.
        background: for ends that nobody waits for.
    """

    def __init__(
        self,
        runs: LiveRuns,
        *,
        recorder: Recorder,
        places: Places,
        starter: AttemptStarter,
        cache: CacheTable,
        background: Background,
    ) -> None:
        self._runs = runs
        self._recorder = recorder
        self._places = places
        self._starter = starter
        self._cache = cache
        self._background = background

    async def finish(
        self,
        action: LiveAction,
        *,
        value: bytes | None = None,
        usage: tuple[float | None, int | None, float | None] = (None, None, None),
        outputs: bytes | None = None,
    ) -> None:
        """Record the end of an action whose state is terminal, then tell everybody."""
        now = time.time()
        phase = action.state.phase.to_protobuf_value()
        update = action.attempt_update(
            action.number, phase, ended_at=now, error=action.error if action.abort_reason is None else None, usage=usage
        )
        if action.type == _CONDITION:
            action.started_at = action.started_at or action.created_at
        if not action.parent:
            await self.end_below(action, "the run ended before this action did")
        await self._recorder.record_surely(action, update, ended_at=now, value=value, outputs=outputs)
        self.forget(action)
        if action.handle is None:
            self.leave(action)
        policy = action.policy
        if policy is not None and policy.is_serialized and action.state.phase is not ActionPhase.SUCCEEDED:
            await self._cache.release(action.run.project, action.run.domain, action.cache_key, str(action.id))

    def finish_later(self, action: LiveAction, event: Event, error: run_definition_pb2.ErrorInfo | None) -> None:
        """End an action now, and record it in the background."""
        action.error = error
        self._recorder.advance(action, event)
        self._background.spawn(self.finish(action))

    def abort(self, action: LiveAction, reason: str) -> "asyncio.Task[None] | None":
        """Abort one action; return what records it, or `None` if it is over."""
        return self._background.spawn(self.finish(action)) if self._mark_aborted(action, reason) else None

    def _mark_aborted(self, action: LiveAction, reason: str) -> bool:
        """Let an action be over, and its attempt end; nothing is recorded yet. Tell whether it was not over."""
        if action.state.is_terminal:
            return False
        action.cancel_timer()
        action.abort_reason = reason
        action.error = abort_error(reason)
        self._recorder.advance(action, Abort())
        if action.handle is not None and action.policy is not None:
            action.handle.terminate(action.policy.grace_seconds)
        self._places.withdraw(action)
        return True

    async def abort_all(self, action: LiveAction, reason: str) -> None:
        """Abort an action and all below it; durable when this returns."""
        # Itself last: what is over has nothing below it that is not.
        await self._abort_each([*below(action.run.actions, action), action], reason)

    async def end_below(self, action: LiveAction, reason: str) -> None:
        """Abort all below an action; durable when this returns."""
        await self._abort_each(below(action.run.actions, action), reason)

    async def _abort_each(self, actions: list[LiveAction], reason: str) -> None:
        # All at once: none of them may begin while others end.
        marked = [one for one in actions if self._mark_aborted(one, reason)]
        if marked:
            # What is marked is recorded, whoever waits for it.
            await asyncio.shield(self._background.spawn(self._finish_each(marked)))

    async def _finish_each(self, actions: Sequence[LiveAction]) -> None:
        """Record the ends of actions, some at a time: there may be tens of thousands, and others have their turn."""
        ends: list[asyncio.Task[None]] = []
        for begin in range(0, len(actions), _TOGETHER):
            ends += [self._background.spawn(self.finish(one)) for one in actions[begin : begin + _TOGETHER]]
            await asyncio.sleep(0)
        await asyncio.wait(ends)

    def forget(self, action: LiveAction) -> None:
        """Take an action whose end is recorded from its run."""
        run = action.run
        action.cancel_timer()
        if run.actions.pop(action.name, None) is None:
            return
        parent = run.actions.get(action.parent)
        if parent is not None:
            parent.children -= 1
            if not parent.children:
                self._places.give_back(parent)
        if not action.parent:
            self._runs.remove(run)
            self._places.close(run)

    def leave(self, action: LiveAction) -> None:
        """Free what an action occupied, once nothing of it runs."""
        self._places.leave(action)
        if action.worker:
            self._starter.clean(action, action.number)
