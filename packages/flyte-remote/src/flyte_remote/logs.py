"""The log lines of an action, followed until it is over."""

import sys
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from flyte_remote.connection import connection
from flyte_remote.messages import datetime_of
from flyte_remote.watching import details_of, resumed, watch_details

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2

__all__ = ["log_lines", "show_lines"]

_SYSTEM = 2
"""`LogLineOriginator.SYSTEM`."""


async def log_lines(
    action_id: "identifier_pb2.ActionIdentifier",
    attempt: int | None = None,
    *,
    without_system: bool = False,
    with_time: bool = False,
) -> AsyncIterator[str]:
    """Yield lines as they come, without their line ends, until the attempt is over.

    When the connection breaks the stream is opened again, and goes on behind the last line that was seen.

    Args:
        action_id: The action; it may not have begun yet.
        attempt: From 1 on; None for the last one that there is.
        without_system: Leave out what is not the task's own.
        with_time: Begin each line with its time, as ISO 8601 in UTC.

    Raises:
        RpcError: there is no such action or attempt.
    """
    from flyteidl2.dataproxy import dataproxy_service_pb2  # noqa: PLC0415 - messages load when used

    at = connection()
    number = attempt
    if number is None:
        number = (await details_of(at, action_id)).status.attempts
        if number < 1:
            async for details in watch_details(at, action_id):
                number = details.status.attempts
                if number >= 1:
                    break
    if not number:
        return
    request = dataproxy_service_pb2.TailLogsRequest(action_id=action_id, attempt=number)
    seen, count = 0, 0

    def begin_anew() -> None:
        nonlocal count
        count = 0

    async for message in resumed(at, "DataProxyService", "TailLogs", request, begin_anew):
        for batch in message.logs:
            for line in batch.lines:
                count += 1
                if count <= seen:
                    continue
                seen = count
                if without_system and line.originator == _SYSTEM:
                    continue
                text = line.message.removesuffix("\n")
                yield f"{datetime_of(line.timestamp).isoformat()} {text}" if with_time else text


async def show_lines(lines: AsyncIterator[str], *, most: int, is_raw: bool) -> None:
    """Print lines as they come, or, on a terminal and when they are not wanted raw, the last ones when they are all there."""
    if is_raw or not sys.stdout.isatty():
        async for line in lines:
            print(line)  # noqa: T201 - what was asked for
        return
    last = deque[str](maxlen=max(most, 1))
    async for line in lines:
        last.append(line)
    for line in last:
        print(line)  # noqa: T201
