"""`QueueService`: what older runtimes submit their children with."""

from typing import TYPE_CHECKING

from flyteidl2.workflow import queue_service_pb2

from flyte_devbox.finding import find_run_row
from flyte_devbox.services.actions import abort_below, action_of

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `QueueService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def enqueue_action(
        self, request: queue_service_pb2.EnqueueActionRequest
    ) -> queue_service_pb2.EnqueueActionResponse:
        """Take a child action; a repeated request changes nothing."""
        action = action_of(request, request.parent_action_name, request.run_output_base)
        await self._devbox.submission.enqueue(action)
        return queue_service_pb2.EnqueueActionResponse()

    async def abort_queued_action(
        self, request: queue_service_pb2.AbortQueuedActionRequest
    ) -> queue_service_pb2.AbortQueuedActionResponse:
        """Abort an action and all below it; one that is over stays as it is."""
        await abort_below(self._devbox, request.action_id, request.reason)
        return queue_service_pb2.AbortQueuedActionResponse()

    async def abort_queued_run(
        self, request: queue_service_pb2.AbortQueuedRunRequest
    ) -> queue_service_pb2.AbortQueuedRunResponse:
        """Abort a run; one that is over stays as it is."""
        run = self._devbox.scheduler.runs.get(find_run_row(self._devbox.database, request.run_id)["id"])
        if run is not None:
            await self._devbox.scheduler.abort(run, "a0", request.reason or "aborted")
        return queue_service_pb2.AbortQueuedRunResponse()
