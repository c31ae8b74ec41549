"""`RunLogsService`: logs of attempts, as older clients ask for them."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from flyteidl2.workflow import run_logs_service_pb2

from flyte_devbox.services.logging import log_lines
from flyte_devbox.services.lookups import find_action

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `RunLogsService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def tail_logs(
        self, request: run_logs_service_pb2.TailLogsRequest
    ) -> AsyncIterator[run_logs_service_pb2.TailLogsResponse]:
        """Send the log of an attempt, following it to its end."""
        row = find_action(self._devbox.database, request.action_id)
        async with aclosing(log_lines(self._devbox, row, request.attempt)) as batches:
            async for lines in batches:
                logs = run_logs_service_pb2.TailLogsResponse.Logs(lines=lines)
                yield run_logs_service_pb2.TailLogsResponse(logs=[logs])
