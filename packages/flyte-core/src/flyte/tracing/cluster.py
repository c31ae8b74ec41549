"""Traced calls of an action in a container: recorded by the control plane, as actions below the one that made them.

What is loaded for it (protobuf, the transport) is loaded at the first traced call.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from flyte.controllers.deferred import DeferredController
    from flyte.tracing.calls import TracedCall
    from flyte_engine.clock import Clock
    from flyte_engine.records import TraceRecord

__all__ = ["ClusterTraces"]

R = TypeVar("R")

_HISTORY_SECONDS = 60.0
_SETTLE_SECONDS = 10.0


class ClusterTraces:
    """Records the traced calls of one action; see `TraceRecorder`. Made in the loop of the action.

    A call is an action whose inputs and outputs are beside those of the run's other actions. Its name has everything that tells
    it from others, so an earlier attempt's call is found by name alone.

    Args:
        controller: of the action.
        is_restart: whether an earlier attempt may have recorded calls.
    """

    needs_await = True

    def __init__(self, controller: "DeferredController", *, is_restart: bool) -> None:
        self._controller = controller
        self._is_restart = is_restart
        self._loop = asyncio.get_running_loop()
        self._clock: Clock | None = None
        self._history: dict[str, Any] | None = None
        self._pending: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the action."""
        return self._loop

    @property
    def clock(self) -> "Clock":
        """The clock of the machine."""
        from flyte_engine.clock import SystemClock  # noqa: PLC0415 - as the module says

        if self._clock is None:
            self._clock = SystemClock()
        return self._clock

    def find(self, name: str, inputs_hash: str) -> "TraceRecord | None":
        """Return what an earlier attempt has recorded of a call; the calling thread waits for it."""
        if not self._is_restart:
            return None
        # In a loop of its own: the thread may be that of the action's loop, in a sync function that async code calls.
        return _in_own_loop(self.find_async(name, inputs_hash))

    async def find_async(self, name: str, inputs_hash: str) -> "TraceRecord | None":
        """Return what an earlier attempt has recorded of a call. May be awaited in any loop."""
        if not self._is_restart:
            return None
        from flyte.tracing.history import read_history, recorded_call  # noqa: PLC0415 - only later attempts have one

        if self._history is None:
            async with asyncio.timeout(_HISTORY_SECONDS):
                self._history = await read_history(self._controller.invocation)
        return await recorded_call(self._controller.invocation, self._history, name, inputs_hash)

    def record(self, trace: "TraceRecord", call: "TracedCall") -> None:
        """Take the result of a call; the control plane has it after `flush`."""
        if threading.get_ident() == getattr(self._loop, "_thread_id", None):
            self._begin(trace, call)
        else:
            self._loop.call_soon_threadsafe(self._begin, trace, call)

    async def flush(self) -> None:
        """Return when the control plane has everything that was recorded so far.

        Raises:
            RuntimeSystemError: it did not take it, so that a later attempt would make the call again.
        """
        while self._pending:
            await asyncio.wait(set(self._pending))
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    async def settle(self) -> None:
        """Return when nothing is under way any more, whatever came of it, or after some seconds."""
        if self._pending:
            await asyncio.wait(set(self._pending), timeout=_SETTLE_SECONDS)
        for task in list(self._pending):
            task.cancel()

    def _begin(self, trace: "TraceRecord", call: "TracedCall") -> None:
        task = asyncio.create_task(self._controller.record_trace(trace, call))
        self._pending.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._pending.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()


def _in_own_loop(work: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine in a loop of a thread of its own, and wait for it."""
    result: list[R] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(asyncio.run(work))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="flyte-trace-history", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]
