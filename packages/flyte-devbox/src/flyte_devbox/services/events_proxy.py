"""`EventsProxyService`: notes about attempts from whoever observes them."""

from typing import TYPE_CHECKING

from flyteidl2.workflow import events_proxy_service_pb2

from flyte_devbox.services.events import record_events

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `EventsProxyService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def record(self, request: events_proxy_service_pb2.RecordRequest) -> events_proxy_service_pb2.RecordResponse:
        """Keep what events say of attempts. They do not change the phase of what the devbox runs itself."""
        await record_events(self._devbox, request.events)
        return events_proxy_service_pb2.RecordResponse()
