"""`InternalRunService`: what the parts of a cluster tell each other. The unary methods work; the devbox has no such parts."""

from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import internal_run_service_pb2
from google.rpc import status_pb2

from flyte_devbox.services.actions import action_of, refusal_of_reports
from flyte_devbox.services.events import record_events
from flyte_devbox.services.lookups import find_action

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `InternalRunService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def record_action(
        self, request: internal_run_service_pb2.RecordActionRequest
    ) -> internal_run_service_pb2.RecordActionResponse:
        """Take an action as `Enqueue` does; a repeated request changes nothing."""
        run = request.action_id.run
        base = self._devbox.objects.uri(f"{run.project}/{run.domain}/{run.name}")
        await self._devbox.submission.enqueue(action_of(request, request.parent, base))
        return internal_run_service_pb2.RecordActionResponse(action_id=request.action_id, status=_OK)

    async def update_action_status(
        self, request: internal_run_service_pb2.UpdateActionStatusRequest
    ) -> internal_run_service_pb2.UpdateActionStatusResponse:
        """Accept what is so already; refuse anything else, since the devbox runs its actions itself."""
        self._check(request.action_id, int(request.status.phase))
        return internal_run_service_pb2.UpdateActionStatusResponse(action_id=request.action_id, status=_OK)

    async def record_action_events(
        self, request: internal_run_service_pb2.RecordActionEventsRequest
    ) -> internal_run_service_pb2.RecordActionEventsResponse:
        """Keep what events say of attempts."""
        await record_events(self._devbox, request.events)
        return internal_run_service_pb2.RecordActionEventsResponse(status=_OK)

    def _check(self, action: identifier_pb2.ActionIdentifier, phase: int) -> None:
        row = find_action(self._devbox.database, action)
        if row["phase"] != phase:
            raise refusal_of_reports(row)


_OK = status_pb2.Status(message="ok")
