"""What is known of the children of one action: one watch stream, opened again whenever it ends, and who waits for which child."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from flyteidl2.common import identifier_pb2

from flyte.controllers.backends import Backend
from flyte_models.errors import RuntimeSystemError
from flyte_models.lifecycle import Observed, PhaseReport, observe
from flyte_models.phases import ActionPhase
from flyte_models.values import value
from flyte_protocol.codes import Code
from flyte_protocol.failures import FailureInfo, failure_from_wire
from flyte_protocol.phases import phase_from_wire
from flyte_protocol.rpc_errors import RpcError

__all__ = ["ChildState", "ChildWatch", "WatchLimits"]


@value
class WatchLimits:
    """Bounds of the watch. Times are in seconds."""

    longest: float = 600.0
    """How long a stream is kept: some control planes drop updates under load, and only a new stream tells all again."""
    failures: int = 40
    """How often in a row a stream may fail before the action is given up."""
    first_wait: float = 1.0
    longest_wait: float = 30.0


@value
class ChildState:
    """The last that was told of a child."""

    phase: ActionPhase
    failure: FailureInfo | None = None
    output_uri: str = ""
    value: bytes | None = None
    """The literal that a condition was signalled with."""
    outputs: bytes | None = None
    """Content of `outputs.pb`, when it came along; None when it is to be read."""

    def without_outputs(self) -> "ChildState":
        """Give the same without the content of the outputs."""
        if self.outputs is None:
            return self
        return ChildState(self.phase, self.failure, self.output_uri, self.value)


def state_of(update: Any) -> ChildState | None:
    """Return what an `ActionUpdate` tells by itself; None if its phase is not known."""
    phase = phase_from_wire(update.phase)
    return None if phase is None else _told(update, phase)


def _told(update: Any, phase: ActionPhase, outputs: bytes | None = None) -> ChildState:
    return ChildState(
        phase=phase,
        failure=failure_from_wire(update.error) if update.HasField("error") else None,
        output_uri=update.output_uri,
        value=update.value.SerializeToString() if update.HasField("value") else None,
        outputs=outputs,
    )


_FATAL = frozenset({Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.UNIMPLEMENTED, Code.INVALID_ARGUMENT})


class ChildWatch:
    """Follows the children of one action. Belongs to one event loop, and runs from the first wait until it is closed."""

    def __init__(
        self,
        backend: Backend,
        parent: identifier_pb2.ActionIdentifier,
        *,
        limits: WatchLimits | None = None,
        sleep: Callable[[float], Any] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._backend = backend
        self._parent = parent
        self._limits = limits or WatchLimits()
        self._sleep = sleep
        self._chance = chance
        self._seen: dict[str, Observed] = {}
        self._states: dict[str, ChildState] = {}
        self._given: set[str] = set()
        """Children whose end was given to who waited for it: nobody asks again, so their outputs are not kept."""
        self._waiting: dict[str, asyncio.Future[ChildState]] = {}
        self._synced = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    def known(self, name: str) -> ChildState | None:
        """Return the state of a child that is over, if that was told already. Its outputs come along once."""
        state = self._states.get(name)
        if state is None or not state.phase.is_terminal:
            return None
        self._given.add(name)
        self._states[name] = state.without_outputs()
        return state

    def start(self) -> None:
        """Begin to watch, if that was not done yet."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="flyte-watch-children")

    async def synced(self, seconds: float) -> None:
        """Wait until all that exists was told once, at most for so long."""
        self.start()
        try:
            async with asyncio.timeout(seconds):
                await self._synced.wait()
        except TimeoutError:
            pass

    async def over(self, name: str) -> ChildState:
        """Wait until a child is over and return its last state.

        Raises:
            RuntimeSystemError: the watch has failed for good.
        """
        self.start()
        known = self.known(name)
        if known is not None:
            return known
        if self._failure is not None:
            raise self._given_up()
        future = self._waiting.get(name)
        if future is None:
            future = self._waiting[name] = asyncio.get_running_loop().create_future()
        # Several may wait for one child, and one of them giving up is nothing to the others.
        return await asyncio.shield(future)

    async def aclose(self) -> None:
        """Stop watching; who still waits gets an error."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fail(RuntimeError("the controller was closed"))

    async def _follow(self) -> None:
        failures = 0
        while True:
            told = False
            error: RpcError | None = None
            try:
                longest = self._limits.longest * (0.9 + 0.2 * self._chance())
                async with self._backend.watch(self._parent, longest=longest) as messages:
                    async for message in messages:
                        told = True
                        self._apply(message)
            except RpcError as failed:
                error = failed
            except asyncio.CancelledError:
                raise
            except Exception as broken:
                self._fail(broken)
                return
            # A stream that has told something was a good one, whatever it ended with.
            failures = 0 if told else failures + 1
            if error is not None and not told and (error.status in _FATAL or failures >= self._limits.failures):
                self._fail(error)
                return
            is_renewal = told and (error is None or error.status is Code.DEADLINE_EXCEEDED)
            step = min(self._limits.longest_wait, self._limits.first_wait * 2 ** max(0, failures - 1))
            await self._sleep(0.05 if is_renewal else step * (0.5 + self._chance()))

    def _apply(self, message: Any) -> None:
        if message.WhichOneof("message") == "control_message":
            if message.control_message.sentinel:
                self._synced.set()
            return
        update = message.action_update
        name = update.action_id.name
        if not name:
            return
        phase = phase_from_wire(update.phase)
        seen = observe(self._seen.get(name, Observed()), PhaseReport(phase))
        # The history is for who looks at a run; a parent of 50,000 children keeps none.
        seen = Observed(phase=seen.phase, attempt=seen.attempt)
        self._seen[name] = seen
        if seen.phase is None or (phase is not seen.phase and name in self._states):
            # A message that is late: what it says of outputs and errors is no more of today than its phase.
            return
        state = _told(update, seen.phase, getattr(message, "outputs", None))
        future = self._waiting.pop(name, None) if state.phase.is_terminal else None
        if future is not None:
            self._given.add(name)
            if not future.done():
                future.set_result(state)
        # A stream that is opened again tells all again.
        self._states[name] = state.without_outputs() if name in self._given else state

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(self._given_up())
                future.exception()  # nobody may be waiting any more

    def _given_up(self) -> RuntimeSystemError:
        error = RuntimeSystemError(
            "ControlPlaneLost", f"the children of this action can no longer be followed: {self._failure}"
        )
        error.__cause__ = self._failure
        return error
