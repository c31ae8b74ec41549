"""Watching an action, or all actions of a run, to the end over connections that may break."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from flyte_protocol.codes import Code
from flyte_protocol.phases import phase_from_wire
from flyte_protocol.retrying import RetryPolicy
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import Connection
from flyte_remote.listing import pages, request_of

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2
    from google.protobuf.message import Message

__all__ = ["details_of", "resumed", "rest_between", "watch_actions", "watch_details"]

_PASSING = {Code.UNAVAILABLE, Code.INTERNAL, Code.DEADLINE_EXCEEDED, Code.ABORTED}
_POLICY = RetryPolicy(attempts=8, first=0.3, longest=10.0)
_PATIENT = RetryPolicy(attempts=12, first=0.3, longest=10.0)
"""For about a minute: nobody waits for a result, and a control plane may restart meanwhile."""

_QUIET = 10.0
"""Seconds without a change after which the control plane is asked whether the run still goes on."""
_LAST = 1.0
"""The same when the run is over, and some of its actions are not, as far as is known."""


async def resumed(
    connection: Connection,
    service: str,
    name: str,
    request: "Message",
    on_open: Callable[[], None] = lambda: None,
    *,
    policy: RetryPolicy = _POLICY,
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
            if error.status not in _PASSING or failed >= policy.attempts:
                raise
            await asyncio.sleep(policy.delay(failed, error, chance=random.random()))  # noqa: S311 - jitter


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


async def watch_actions(connection: Connection, run_id: "identifier_pb2.RunIdentifier") -> AsyncGenerator[list[Any]]:
    """Yield the actions of a run (messages `Action`), then those that are new or have changed, many at once, until it is over.

    What is yielded may be known already: a stream that is opened again begins with all actions. Servers drop changes when a
    client is slow. Therefore a stream in which nothing happens is not believed: the run is asked for. If some actions are
    not known to be over when their run is, all are listed, once.

    Raises:
        RpcError: there is no such run, or the control plane cannot be reached for about a minute.
    """
    from flyteidl2.common import identifier_pb2  # noqa: PLC0415 - as above
    from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415

    request = run_service_pb2.WatchActionsRequest(run_id=run_id)
    root = identifier_pb2.ActionIdentifier(run=run_id, name="a0")
    alive: set[str] = set()
    is_over, rounds = False, 0
    while not is_over:
        messages = resumed(connection, "RunService", "WatchActions", request, policy=_PATIENT)
        async with _beside(messages) as received:
            while not is_over or alive:
                try:
                    message = await asyncio.wait_for(received.get(), _LAST if is_over else _QUIET)
                except TimeoutError:
                    if is_over:
                        break
                    changed = await _now(connection, root)
                else:
                    if message is None:
                        break
                    if isinstance(message, Exception):
                        raise message
                    changed = [one.action for one in message.enriched_actions]
                for action in changed:
                    phase = phase_from_wire(action.status.phase)
                    has_ended = phase is not None and phase.is_terminal
                    (alive.discard if has_ended else alive.add)(action.id.name)
                    is_over = is_over or (has_ended and action.id.name == root.name)
                yield changed
        if not is_over:
            rounds += 1
            await rest_between(rounds)
    if alive:
        yield await _listed(connection, run_id)


@asynccontextmanager
async def _beside(messages: AsyncIterator[Any]) -> AsyncGenerator["asyncio.Queue[Any]"]:
    """Read a stream in a task of its own, so that one can wait for a message with a limit; an error or None is its end."""
    received: asyncio.Queue[Any] = asyncio.Queue(4)

    async def read() -> None:
        end: Exception | None = None
        try:
            async for message in messages:
                await received.put(message)
        except Exception as error:
            end = error
        await received.put(end)

    reader = asyncio.create_task(read())
    try:
        yield received
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _listed(connection: Connection, run_id: "identifier_pb2.RunIdentifier") -> list[Any]:
    from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415 - as above

    async def fetch(request: Any) -> tuple[Any, str]:
        asked = run_service_pb2.ListActionsRequest(request=request, run_id=run_id)
        answer = await connection.call("RunService", "ListActions", asked)
        return answer.actions, answer.token

    return [action async for action in pages(fetch, request_of(), None)]


async def _now(connection: Connection, action_id: "identifier_pb2.ActionIdentifier") -> list[Any]:
    """Return an action as it is now; nothing while the control plane cannot be reached, which is the stream's to judge."""
    from flyteidl2.workflow import run_definition_pb2  # noqa: PLC0415 - as above

    try:
        details = await details_of(connection, action_id)
    except RpcError as error:
        if error.status not in _PASSING:
            raise
        return []
    return [run_definition_pb2.Action(id=details.id, metadata=details.metadata, status=details.status)]


async def details_of(connection: Connection, action_id: "identifier_pb2.ActionIdentifier") -> Any:
    """Return the details of an action as they are now.

    Raises:
        RpcError: there is no such action.
    """
    from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415

    request = run_service_pb2.GetActionDetailsRequest(action_id=action_id)
    return (await connection.call("RunService", "GetActionDetails", request)).details
