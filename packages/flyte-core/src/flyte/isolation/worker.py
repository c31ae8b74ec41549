"""The process of bodies: executes one at a time, asks the run for whatever is the run's business, and ends with it."""

import asyncio
import itertools
import os
import signal
import threading
from collections.abc import Awaitable
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, cast

from flyte.controllers.calling import call_blocking, in_loop, no_control_plane, refuse_in_trace
from flyte.controllers.conversion import codec_for
from flyte.controllers.protocol import active_controller, active_traces, sync_bodies
from flyte.controllers.reporting import with_report
from flyte.isolation.messages import Answer, Body, Call, Failed, find_task, packed_error, reference_to, unpacked_error
from flyte.running.threads import run_on_thread
from flyte.tasks.template import TaskTemplate
from flyte_engine.clock import Clock, SystemClock
from flyte_engine.records import TraceRecord
from flyte_engine.store import TraceChange
from flyte_models.context import current_context, task_scope
from flyte_models.ids import ActionID
from flyte_models.task_context import set_checkpoint_factory

if TYPE_CHECKING:
    from flyte.conditions import Condition
    from flyte.tracing.calls import TracedCall
    from flyte_remote.tasks import TaskDetails

__all__ = ["main"]

_ORPHANED = 70


def main(connection: "Connection[Any, Any]") -> None:
    """Execute the bodies that come over the connection, until it says `stop` or ends."""
    # A ctrl-c reaches the whole group; what it means for a body, the run decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(connection))


async def _serve(connection: "Connection[Any, Any]") -> None:
    await _Worker(connection).serve()


class _Worker:
    """The loop of the process."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.loop = asyncio.get_running_loop()

    async def serve(self) -> None:
        """Take messages until the end."""
        messages: asyncio.Queue[Any] = asyncio.Queue()
        threading.Thread(target=self._read, args=(messages,), name="flyte-isolated-reader", daemon=True).start()
        body: asyncio.Task[None] | None = None
        while (message := await messages.get()) != "stop":
            if isinstance(message, Body):
                body = self.loop.create_task(self._carry_out(message))
            elif isinstance(message, Answer):
                self._resolve(message)
            elif body is not None:
                body.cancel()

    def _read(self, messages: "asyncio.Queue[Any]") -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                # The run has ended, maybe killed: there is nobody to work for, and a body may never end by itself.
                os._exit(_ORPHANED)
            self.loop.call_soon_threadsafe(messages.put_nowait, message)
            if message == "stop":
                return

    def send(self, message: Any) -> None:
        """Send a message, from any thread."""
        with self._lock:
            self._connection.send(message)

    async def call(self, method: str, payload: Any = None) -> Any:
        """Ask the run for something, and return what it answers; in this process' loop."""
        number = next(self._numbers)
        future = self._waiting[number] = self.loop.create_future()
        try:
            self.send(Call(number, method, payload))
            return await future
        finally:
            del self._waiting[number]

    def _resolve(self, answer: Answer) -> None:
        future = self._waiting.get(answer.number)
        if future is None or future.done():
            return
        if answer.error is not None:
            future.set_exception(unpacked_error(answer.error))
        else:
            future.set_result(answer.result)

    async def _carry_out(self, body: Body) -> None:
        os.environ.clear()
        os.environ.update(body.environment)
        try:
            with self._captured(body):
                outputs = await self._execute(body)
        except BaseException as error:
            self.send(Failed(packed_error(error)))
            return
        self.send(outputs)

    def _captured(self, body: Body) -> AbstractContextManager[None]:
        if not body.is_captured:
            return nullcontext()
        from flyte.running.capture import captured  # noqa: PLC0415 - of recorded runs

        return captured(cast("Any", self), body.context.action.run_name or "")

    def record(self, change: Any) -> None:
        """Hand a change for the store to the run."""
        self.send(change)

    async def _execute(self, body: Body) -> bytes:
        task = find_task(body.task)
        codec = codec_for(task)
        set_checkpoint_factory(_open_checkpoint)
        # This is a task of its own: nobody else sees what is set here.
        active_controller.set(_Controller(self))
        active_traces.set(_Traces(self, body.traces))
        sync_bodies.set(run_on_thread)
        with task_scope(body.context) as context:
            arguments = await codec.decode_inputs_async(body.inputs)
            call = task.execute(**arguments)
            result = await (with_report(context, call) if task.report else call)
            return await codec.encode_outputs_async(result)


class _Controller:
    """Asks the run for the children of the body."""

    def __init__(self, worker: _Worker) -> None:
        self._worker = worker

    async def submit(
        self,
        task: TaskTemplate[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        group: str | None = None,
        index: int | None = None,
    ) -> Any:
        """Run a child action; see `Controller.submit`."""
        loop = self._worker.loop
        if asyncio.get_running_loop() is not loop:
            return await in_loop(loop, self.submit(task, args, kwargs, group=group, index=index))
        context = current_context()
        refuse_in_trace(context, task.name)
        if group is None and context.group_data is not None:
            group = context.group_data.name
        codec = codec_for(task)
        given = task.interface.convert_to_kwargs(*args, **kwargs)
        inputs = await codec.encode_inputs_async(given, context.custom_context)
        payload = (reference_to(task), inputs, group, index, dict(context.custom_context))
        outputs = await self._worker.call("submit", payload)
        return await codec.decode_outputs_async(outputs)

    def submit_sync(self, task: TaskTemplate[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a child action from the thread of a sync body, blocking it."""
        return call_blocking(self._worker.loop, task, self.submit(task, args, kwargs))

    async def submit_registered(self, task: "TaskDetails", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Refuse: the code of a registered task is at its control plane; see `Controller.submit_registered`."""
        del args, kwargs
        raise no_control_plane(task.name)

    async def save_report(self, action: ActionID, page: bytes) -> None:
        """Record the report with the action."""
        await self._here(self._worker.call("report", (action, page)))

    async def open_condition(self, condition: "Condition") -> Awaitable[Any]:
        """Make a condition of the action; see `flyte.new_condition`."""
        return asyncio.ensure_future(self._here(self._worker.call("condition", condition)))

    async def _here(self, call: Any) -> Any:
        if asyncio.get_running_loop() is self._worker.loop:
            return await call
        return await in_loop(self._worker.loop, call)


class _Traces:
    """Hands the traced calls of the body to the run."""

    needs_await = False

    def __init__(self, worker: _Worker, known: list[TraceRecord]) -> None:
        self._worker = worker
        self._known = {trace.name: trace for trace in known}
        self._clock = SystemClock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of this process."""
        return self._worker.loop

    @property
    def clock(self) -> Clock:
        """The clock of the machine."""
        return self._clock

    def find(self, name: str, inputs_hash: str) -> TraceRecord | None:
        """Return what was recorded of a call before; see `TraceRecorder.find`."""
        found = self._known.get(name)
        return found if found is not None and found.inputs_hash == inputs_hash else None

    async def find_async(self, name: str, inputs_hash: str) -> TraceRecord | None:
        """Do what `find` does."""
        return self.find(name, inputs_hash)

    def record(self, trace: TraceRecord, call: "TracedCall") -> None:
        """Take the result of a call; see `TraceRecorder.record`."""
        del call  # the record says all that the run keeps
        self._worker.send(TraceChange(trace))

    async def flush(self) -> None:
        """Return when everything recorded so far is durable."""
        await self._worker.call("flush")


def _open_checkpoint(paths: Any) -> Any:
    from flyte.checkpoints import open_checkpoint  # noqa: PLC0415 - as in the controllers

    return open_checkpoint(paths)
