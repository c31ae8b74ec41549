"""Where traced calls of one action are recorded and found again: the protocol, and the one of local runs."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from flyte_engine.clock import Clock
from flyte_engine.records import TraceRecord
from flyte_engine.store import ActionStore
from flyte_models.values import value

if TYPE_CHECKING:
    from flyte.tracing.calls import TracedCall

__all__ = ["LocalTraces", "OnTrace", "TraceRecorder", "TracedRun"]

OnTrace: TypeAlias = Callable[[TraceRecord, "TracedCall"], None]


class TraceRecorder(Protocol):
    """Records the traced calls of one action. Its methods but `flush` are safe from any thread."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that `flush` is awaited in."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock of the run."""
        ...

    @property
    def needs_await(self) -> bool:
        """Whether `find` may wait for others, so that async code awaits `find_async` instead."""
        ...

    def find(self, name: str, inputs_hash: str) -> TraceRecord | None:
        """Return what an earlier attempt, or an earlier process, has recorded of a call."""
        ...

    async def find_async(self, name: str, inputs_hash: str) -> TraceRecord | None:
        """Do what `find` does, in any loop."""
        ...

    def record(self, trace: TraceRecord, call: "TracedCall") -> None:
        """Take the result of a call; durable after `flush`."""
        ...

    async def flush(self) -> None:
        """Return when everything recorded so far is durable."""
        ...


@value
class TracedRun:
    """What the traced calls of a local run have in common."""

    store: ActionStore
    clock: Clock
    loop: asyncio.AbstractEventLoop
    run_name: str
    on_trace: "OnTrace | None" = None
    """Who else hears of each call that has ended; from any thread."""


class LocalTraces:
    """Records in the store of a local run.

    Args:
        run: the run.
        action_name: the action whose calls these are.
        is_first: whether no attempt was made before, so that there is nothing to find.
    """

    needs_await = False

    __slots__ = ("_action_name", "_is_first", "_known", "_run")

    def __init__(self, run: TracedRun, action_name: str, is_first: bool) -> None:
        self._run = run
        self._action_name = action_name
        self._is_first = is_first
        self._known: dict[str, TraceRecord] | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the run."""
        return self._run.loop

    @property
    def clock(self) -> Clock:
        """The clock of the run."""
        return self._run.clock

    def find(self, name: str, inputs_hash: str) -> TraceRecord | None:
        """Return what was recorded of a call before this attempt; see `TraceRecorder.find`."""
        if self._is_first:
            return None
        if self._known is None:
            run = self._run
            self._known = {trace.name: trace for trace in run.store.traces(run.run_name, self._action_name)}
        found = self._known.get(name)
        return found if found is not None and found.inputs_hash == inputs_hash else None

    async def find_async(self, name: str, inputs_hash: str) -> TraceRecord | None:
        """Do what `find` does."""
        return self.find(name, inputs_hash)

    def record(self, trace: TraceRecord, call: "TracedCall") -> None:
        """Take the result of a call; see `TraceRecorder.record`."""
        run = self._run
        run.store.record_trace(trace)
        if run.on_trace is not None:
            run.on_trace(trace, call)

    async def flush(self) -> None:
        """Return when everything recorded so far is durable."""
        await self._run.store.flush()
