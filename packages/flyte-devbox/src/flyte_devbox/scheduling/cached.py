"""Actions that need not run: their outputs are in the cache, or the run that theirs recovers has them."""

import asyncio
from collections.abc import Callable

from flyteidl2.core import catalog_pb2

from flyte_devbox.caching import CacheTable
from flyte_devbox.database import Database
from flyte_devbox.live import LiveAction
from flyte_devbox.scheduling.ends import Ends
from flyte_devbox.scheduling.recording import Recorder
from flyte_models.lifecycle import Recover, Succeed, Wait
from flyte_models.phases import ActionPhase

__all__ = ["CachedOutputs"]

_LOOK_SECONDS = 0.5
_WAITING = ActionPhase.WAITING_FOR_RESOURCES.to_protobuf_value()


class CachedOutputs:
    """Finds what an action would compute, before it does.

    Args:
        database: where the actions of other runs are.
        cache: outputs by key.
        recorder: records what is found.
        ends: of actions that need not run.
        queue: lets an action wait for a place.
    """

    def __init__(
        self,
        database: Database,
        cache: CacheTable,
        *,
        recorder: Recorder,
        ends: Ends,
        queue: Callable[[LiveAction], None],
    ) -> None:
        self._database = database
        self._cache = cache
        self._recorder = recorder
        self._ends = ends
        self._queue = queue

    def recovered(self, action: LiveAction) -> str | None:
        """Return the URI of the outputs that the recovered run has of an action; `None` if it is to run."""
        if action.run.recover_from is None or action.name in action.run.spec.recover.force_rerun_actions:
            return None
        row = self._database.read_one(
            "SELECT output_uri FROM actions WHERE run_id = ? AND name = ? AND phase IN (5, 10)",
            (action.run.recover_from, action.name),
        )
        return None if row is None or not row["output_uri"] else str(row["output_uri"])

    async def take_over(self, action: LiveAction, output_uri: str) -> None:
        """End an action with the outputs of the recovered run."""
        action.output_uri = output_uri
        self._recorder.advance(action, Recover())
        await self._ends.finish(action)

    async def look_up(self, action: LiveAction) -> None:
        """End an action with what the cache has, or queue it; wait before that while another computes the same."""
        policy, run = action.policy, action.run
        assert policy is not None
        if run.spec.overwrite_cache or run.spec.cache_config.overwrite_cache:
            action.cache_status = catalog_pb2.CACHE_SKIPPED
            self._queue(action)
            return
        is_owner = False
        while not action.state.is_terminal:
            found = self._cache.find(run.project, run.domain, action.cache_key, policy.cache_max_age)
            if found is not None:
                if is_owner:
                    await self._cache.release(run.project, run.domain, action.cache_key, str(action.id))
                action.cache_status = catalog_pb2.CACHE_HIT
                action.output_uri = found
                self._recorder.advance(action, Succeed())
                await self._ends.finish(action)
                return
            action.cache_status = catalog_pb2.CACHE_MISS
            if is_owner or not policy.is_serialized:
                self._queue(action)
                return
            is_owner = await self._cache.reserve(run.project, run.domain, action.cache_key, str(action.id))
            if is_owner:
                # Whoever had it may have put its outputs there since we looked.
                continue
            if action.state.phase is ActionPhase.QUEUED:
                self._recorder.advance(action, Wait())
                action.note("CacheReserved", f"{self._holder(action)} computes the same, whose outputs are waited for")
                self._recorder.record(action, action.attempt_update(action.number, _WAITING))
            await asyncio.sleep(_LOOK_SECONDS)

    def _holder(self, action: LiveAction) -> str:
        """Return who computes what an action would."""
        owner = self._cache.holder(action.run.project, action.run.domain, action.cache_key) or ""
        row = None
        if owner.isdecimal():
            row = self._database.read_one(
                "SELECT a.name, r.name AS run FROM actions a JOIN runs r ON r.id = a.run_id WHERE a.id = ?",
                (int(owner),),
            )
        return "somebody else" if row is None else f"action `{row['name']}` of run `{row['run']}`"
