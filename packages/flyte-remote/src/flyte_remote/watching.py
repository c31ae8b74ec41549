"""Watching an action to its end over connections that may break."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from flyte_protocol.codes import Code
from flyte_protocol.phases import phase_from_wire
from flyte_protocol.retrying import RetryPolicy
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import Connection

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2
    from google.protobuf.message import Message

__all__ = ["details_of", "resumed", "rest_between", "watch_details"]

_PASSING = {Code.UNAVAILABLE, Code.INTERNAL, Code.DEADLINE_EXCEEDED, Code.ABORTED}
_POLICY = RetryPolicy(attempts=8, first=0.3, longest=10.0)


async def resumed(
    connection: Connection,
    service: str,
    name: str,
    request: "Message",
    on_open: Callable[[], None] = lambda: None,
) -> AsyncIterator[Any]:
    """Yield the messages of a stream, and open it again when the connection breaks or the server restarts.

    The budget is of failures in a row: a stream that has sent something begins anew. A stream that the server ends, ends.
    `on_open` is called each time before the first message.

    Raises:
        RpcError: it cannot be opened, or the server says why not.
    """
    failed = 0
    while True:
        on_open()
        try:
            async with connection.stream(service, name, request) as messages:
                async for message in messages:
                    failed = 0
                    yield message
            return
        except RpcError as error:
            failed += 1
            if error.status not in _PASSING or failed >= _POLICY.attempts:
                raise
            await asyncio.sleep(_POLICY.delay(failed, error, chance=random.random()))  # noqa: S311 - jitter


async def rest_between(rounds: int) -> None:
    """Wait before a stream is opened again that its server has ended: the longer, the more often it did."""
    await asyncio.sleep(min(10.0, 0.2 * 2 ** min(rounds, 6)))


async def watch_details(connection: Connection, action_id: "identifier_pb2.ActionIdentifier") -> AsyncGenerator[Any]:
    """Yield the details of an action at every change, until it is over.

    Raises:
        RpcError: there is no such action, or the control plane cannot be reached.
    """
    from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415 - messages load when used

    request = run_service_pb2.WatchActionDetailsRequest(action_id=action_id)
    early = 0
    while True:
        async for message in resumed(connection, "RunService", "WatchActionDetails", request):
            # Heartbeats of servers that send them as messages have nothing set.
            if not message.details.HasField("id"):
                continue
            yield message.details
            phase = phase_from_wire(message.details.status.phase)
            if phase is not None and phase.is_terminal:
                return
        # Servers and gateways end streams that last long.
        early += 1
        await rest_between(early)


async def details_of(connection: Connection, action_id: "identifier_pb2.ActionIdentifier") -> Any:
    """Return the details of an action as they are now.

    Raises:
        RpcError: there is no such action.
    """
    from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415

    request = run_service_pb2.GetActionDetailsRequest(action_id=action_id)
    return (await connection.call("RunService", "GetActionDetails", request)).details
