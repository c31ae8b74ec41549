"""Bodies of a local run that are executed in processes of their own, and what they ask of the run from there."""

import os
from typing import TYPE_CHECKING, Any, Protocol

from flyte.controllers.places import RunPlace
from flyte.controllers.prepared import PreparedTask
from flyte.isolation.messages import Body, Call, find_task, reference_to
from flyte.isolation.pool import BodyProcesses
from flyte.running.threads import BodyThreads
from flyte_engine.actions import Attempt, Completed
from flyte_engine.store import ActionStore
from flyte_models.task_context import TaskContext

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from flyte.conditions import Condition
    from flyte.tasks.template import TaskTemplate
    from flyte_models.ids import ActionID

__all__ = ["IsolatedBodies"]


class _Run(Protocol):
    """What a body may ask of the run."""

    async def submit_encoded(
        self,
        task: "TaskTemplate[..., Any]",
        inputs: bytes,
        custom_context: dict[str, str],
        group: str | None,
        index: int | None,
    ) -> bytes: ...

    async def open_condition(self, condition: "Condition") -> "Awaitable[Any]": ...

    async def save_report(self, action: "ActionID", page: bytes) -> None: ...


class IsolatedBodies:
    """Executes bodies in processes that this object owns; `close` ends them.

    Args:
        run: who answers what the bodies ask.
        place: the run.
        threads: what talks with the processes.
        store: where the traces of the bodies are recorded.
    """

    def __init__(self, run: _Run, place: RunPlace, threads: BodyThreads, store: ActionStore) -> None:
        self._run = run
        self._place = place
        self._store = store
        self._processes = BodyProcesses(threads, store.record)

    async def execute(self, prepared: PreparedTask, inputs: bytes, context: TaskContext, attempt: Attempt) -> Completed:
        """Execute the body of one attempt.

        Raises:
            AttemptLostError: its process ended before it did.
            BaseException: what it raised.
        """
        place = self._place
        traces = list(self._store.traces(place.run_name, attempt.action_id.name)) if attempt.number > 1 else []
        body = Body(reference_to(prepared.task), inputs, context, dict(os.environ), traces, place.is_recorded)
        outputs = await self._processes.run(attempt, body, self._answer)
        return Completed(await prepared.codec.decode_outputs_async(outputs), outputs)

    def close(self) -> None:
        """End the processes."""
        self._processes.close()

    async def _answer(self, call: Call) -> Any:
        """Do what a body asks for."""
        if call.method == "submit":
            reference, inputs, group, index, custom_context = call.payload
            return await self._run.submit_encoded(find_task(reference), inputs, custom_context, group, index)
        if call.method == "report":
            await self._run.save_report(*call.payload)
        elif call.method == "condition":
            return await (await self._run.open_condition(call.payload))
        else:
            await self._store.flush()
        return None
