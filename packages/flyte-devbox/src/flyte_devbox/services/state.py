"""`StateService`: what older runtimes learn the state of their children with."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from flyteidl2.workflow import state_service_pb2
from google.protobuf import json_format
from google.rpc import status_pb2

from flyte_devbox import rows
from flyte_devbox.errors import failed_precondition
from flyte_devbox.services.actions import watch_children
from flyte_devbox.services.lookups import find_action

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `StateService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def get(self, request: state_service_pb2.GetRequest) -> state_service_pb2.GetResponse:
        """Return the status of an action as JSON."""
        row = find_action(self._devbox.database, request.action_id)
        state = json_format.MessageToJson(rows.status_of(row, row["updated_at"]), indent=None)
        return state_service_pb2.GetResponse(action_id=request.action_id, status=status_pb2.Status(), state=state)

    async def put(self, request: state_service_pb2.PutRequest) -> state_service_pb2.PutResponse:
        """Refuse: the devbox keeps the state of its actions itself."""
        row = find_action(self._devbox.database, request.action_id)
        raise failed_precondition(f"the devbox keeps the state of action `{row['name']}` itself")

    async def watch(self, request: state_service_pb2.WatchRequest) -> AsyncIterator[state_service_pb2.WatchResponse]:
        """Send the children of an action as they are, a sentinel, then their changes."""
        async for update in watch_children(self._devbox, request.parent_action_id):
            if update is None:
                sentinel = state_service_pb2.ControlMessage(sentinel=True)
                yield state_service_pb2.WatchResponse(control_message=sentinel)
            else:
                yield state_service_pb2.WatchResponse(action_update=update)
