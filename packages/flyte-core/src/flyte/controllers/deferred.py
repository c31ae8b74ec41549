"""The controller of an action in a container: the one of clusters, loaded and connected at the first child."""

import asyncio
from typing import TYPE_CHECKING, Any

from flyte.controllers.calling import call_blocking, in_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from flyte.conditions import Condition
    from flyte.controllers.cluster import ClusterController
    from flyte.runtime.invocation import Invocation
    from flyte.tasks.template import TaskTemplate
    from flyte.tracing.calls import TracedCall
    from flyte_engine.records import TraceRecord
    from flyte_models.ids import ActionID
    from flyte_remote.tasks import TaskDetails


class DeferredController:
    """Most actions have no children: they need neither protobuf nor a connection. Belongs to the loop that it is made in."""

    def __init__(self, invocation: "Invocation") -> None:
        """Keep what the controller will need; nothing is loaded."""
        self.invocation = invocation
        """What it controls."""
        self._loop = asyncio.get_running_loop()
        self._made: ClusterController | None = None

    async def submit(
        self,
        task: "TaskTemplate[..., Any]",
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        group: str | None = None,
        index: int | None = None,
    ) -> Any:
        """Run a child action; see `Controller.submit`. May be called from any loop."""
        if asyncio.get_running_loop() is not self._loop:
            return await in_loop(self._loop, self.submit(task, args, kwargs, group=group, index=index))
        return await self._controller().submit(task, args, kwargs, group=group, index=index)

    async def submit_registered(self, task: "TaskDetails", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a child of a registered task; see `Controller.submit_registered`. May be called from any loop."""
        if asyncio.get_running_loop() is not self._loop:
            return await in_loop(self._loop, self.submit_registered(task, args, kwargs))
        return await self._controller().submit_registered(task, args, kwargs)

    def submit_sync(self, task: "TaskTemplate[..., Any]", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a child action from the thread of a sync body, blocking it.

        Raises:
            SyncTaskCallInAsyncContextError: when the calling thread runs an event loop, which would stand still.
        """
        return call_blocking(self._loop, task, self.submit(task, args, kwargs))

    async def save_report(self, action: "ActionID", page: bytes) -> None:
        """Write the report beside the outputs, where the control plane looks for it."""
        from flyte.runtime.objects import write_object  # noqa: PLC0415 - most actions make no report

        del action  # a container carries out one action
        await write_object(f"{self.invocation.outputs_path}/report.html", page)

    async def record_trace(self, trace: "TraceRecord", call: "TracedCall") -> None:
        """Record a traced call. Belongs to the loop of the action.

        Raises:
            RuntimeSystemError: the control plane does not take it.
        """
        await self._controller().record_trace(trace, call)

    async def open_condition(self, condition: "Condition") -> "Awaitable[Any]":
        """Make a condition of the action; see `flyte.new_condition`. May be called from any loop."""
        if asyncio.get_running_loop() is self._loop:
            return await self._controller().open_condition(condition)
        answer = await in_loop(self._loop, self.open_condition(condition))
        return asyncio.ensure_future(in_loop(self._loop, _awaited(answer)))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._made is not None:
            await self._made.aclose()

    def _controller(self) -> "ClusterController":
        if self._made is None:
            # Importing it takes a tenth of a second, which an action without children does not pay.
            from flyte.controllers.cluster import ClusterController  # noqa: PLC0415 - as said

            self._made = ClusterController.in_container(self.invocation)
        return self._made


async def _awaited(answer: "Awaitable[Any]") -> Any:
    return await answer
