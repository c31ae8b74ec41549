"""Executes the body of one action of a local run: its surroundings, its context, values from bytes and bytes from values."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, cast

from flyte.controllers.places import RunPlace, context_in
from flyte.controllers.prepared import PreparedTask
from flyte.controllers.protocol import active_traces, sync_bodies
from flyte.controllers.reporting import with_report
from flyte.controllers.surroundings import Surroundings
from flyte.running.threads import BodyThreads
from flyte.tasks.template import AsyncFunctionTaskTemplate, TaskTemplate
from flyte.tracing.recorder import LocalTraces, OnTrace, TracedRun
from flyte_engine.actions import Attempt, Completed
from flyte_engine.engine import Engine
from flyte_models.context import DeferredContext, enter_context, leave_context
from flyte_models.task_context import TaskContext
from flyte_types.errors import OutputError

__all__ = ["Bodies", "Elsewhere"]

Elsewhere = Callable[[PreparedTask, bytes, TaskContext, Attempt], Coroutine[Any, Any, Completed]]
"""Executes the body of a function task outside this process."""


class Bodies:
    """Executes bodies.

    Args:
        engine: what runs the actions.
        place: the run.
        threads: where sync bodies run.
        elsewhere: what executes the bodies of function tasks instead, if anything does.
        on_trace: who else hears of traced calls.
    """

    def __init__(
        self,
        engine: Engine,
        place: RunPlace,
        threads: BodyThreads,
        elsewhere: Elsewhere | None,
        on_trace: OnTrace | None = None,
    ) -> None:
        self._store = engine.store
        self._place = place
        self._threads = threads
        self._elsewhere = elsewhere
        self._surroundings = Surroundings(place.env_vars, place.secrets_folder)
        self._traced = TracedRun(engine.store, engine.clock, asyncio.get_running_loop(), place.run_name, on_trace)

    async def run(
        self, prepared: PreparedTask, inputs: bytes, custom_context: dict[str, str], attempt: Attempt
    ) -> Completed:
        """Execute the body of one attempt.

        Raises:
            BaseException: what the body raised.
            OutputError: what it returned does not fit its annotation.
        """
        task, number = prepared.task, attempt.number
        if number > 1:
            # What the attempt before has recorded is to be found.
            await self._store.flush()
        context = DeferredContext(partial(context_in, self._place, attempt, custom_context))
        traces_before = active_traces.set(LocalTraces(self._traced, attempt.action_id.name, number == 1))
        context_before = enter_context(context)
        try:
            with self._surroundings.of(task):
                if self._elsewhere is not None and isinstance(task, AsyncFunctionTaskTemplate):
                    return await self._elsewhere(prepared, inputs, context.get(), attempt)
                codec = prepared.codec
                arguments = (
                    await codec.decode_inputs_async(inputs) if prepared.needs_await else codec.decode_inputs(inputs)
                )
                if prepared.call is not None:
                    value = await prepared.call(**arguments)
                elif task.report:
                    value = await with_report(context.get(), self._call(task, arguments, attempt))
                else:
                    value = await self._call(task, arguments, attempt)
                # To bytes, and back to what the caller gets: never an object that the body still holds.
                try:
                    if prepared.needs_await:
                        outputs = await codec.encode_outputs_async(value)
                        return Completed(await codec.decode_outputs_async(outputs), outputs)
                    outputs = codec.encode_outputs(value)
                    return Completed(codec.decode_outputs(outputs), outputs)
                except OutputError as error:
                    error.add_note(_place_of(task))
                    raise
        finally:
            leave_context(context_before)
            active_traces.reset(traces_before)

    def _call(self, task: TaskTemplate[..., Any], arguments: dict[str, Any], attempt: Attempt) -> Awaitable[Any]:
        if type(task) is not AsyncFunctionTaskTemplate:
            return self._execute(task, arguments, attempt)
        function = cast("AsyncFunctionTaskTemplate[..., Any]", task)
        if function.is_async:
            return function.func(**arguments)
        return self._threads.run(attempt.leftovers, function.func, **arguments)

    async def _execute(self, task: TaskTemplate[..., Any], arguments: dict[str, Any], attempt: Attempt) -> Any:
        token = sync_bodies.set(partial(self._threads.run, attempt.leftovers))
        try:
            return await task.execute(**arguments)
        finally:
            sync_bodies.reset(token)


def _place_of(task: TaskTemplate[..., Any]) -> str:
    if not isinstance(task, AsyncFunctionTaskTemplate):
        return ""
    code = task.func.__code__
    return (
        f'  File "{code.co_filename}", line {code.co_firstlineno}, in {task.func.__name__}\n'
        f"hint: return what the annotation says, or change the annotation of `{task.func.__name__}`"
    )
