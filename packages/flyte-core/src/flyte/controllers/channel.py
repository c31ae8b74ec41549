"""Children over the channel of a devbox on the same machine (`flyte_protocol.channel`); over its services while there is none."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import run_definition_pb2, state_service_pb2

from flyte.controllers.backends import Backend, ChildRequest
from flyte.runtime.objects import write_object
from flyte_models.values import value
from flyte_protocol.channel import (
    MAX_INLINE_BYTES,
    SILENCE_SECONDS,
    ChannelError,
    Enqueued,
    FrameCutter,
    Kind,
    pack,
    pack_enqueue,
    unpack_update,
)
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError, error_of_json

__all__ = ["ChannelBackend", "ChannelUpdate"]

_MOST_SPECS = 500
"""What is beyond goes with its actions: a parent whose every call overrides something has many specifications."""
_CONNECT_SECONDS = 5.0
_ABORT_SECONDS = 5.0


@value
class ChannelUpdate:
    """The end of a child, in the form of a message of the stream, and its outputs unless they are a file."""

    action_update: state_service_pb2.ActionUpdate
    outputs: bytes | None = None

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - as messages have it
        """Say what is set."""
        return "action_update"


_SYNCED = state_service_pb2.WatchResponse(control_message=state_service_pb2.ControlMessage(sentinel=True))


class ChannelBackend:
    """`Backend` by one connection for all. Belongs to one event loop.

    Args:
        path: of the socket.
        parent: whose children are asked for.
        token: what the devbox wants to see; empty for none.
        services: called when the socket is not there.
    """

    inline_bytes = MAX_INLINE_BYTES
    is_pipelined = True

    def __init__(self, path: str, parent: identifier_pb2.ActionIdentifier, *, token: str, services: Backend) -> None:
        self._path = path
        run = parent.run
        names = {"project": run.project, "domain": run.domain, "run": run.name, "action": parent.name}
        self._hello = pack(Kind.HELLO, json.dumps({"token": token, **names}).encode())
        self._services = services
        self._line: _Line | None = None
        self._opening = asyncio.Lock()

    async def enqueue(self, child: ChildRequest) -> None:
        """See `Backend.enqueue`."""
        line = await self._opened()
        if line is not None:
            await line.enqueue(child)
            return
        if child.inputs is not None:
            await write_object(child.input_uri, child.inputs, sync=False)
        await self._services.enqueue(child)

    @asynccontextmanager
    async def watch(
        self, parent: identifier_pb2.ActionIdentifier, *, longest: float
    ) -> AsyncGenerator[AsyncIterator[Any]]:
        """See `Backend.watch`. A channel is watched for as long as it is open, and lost when it is silent."""
        line = await self._opened()
        if line is None:
            async with self._services.watch(parent, longest=longest) as messages:
                yield messages
            return
        try:
            yield line.updates()
        finally:
            # The next watch is on a connection of its own, so that it is told everything.
            line.close()

    async def abort(self, action_id: identifier_pb2.ActionIdentifier, reason: str) -> None:
        """See `Backend.abort`."""
        line = await self._opened()
        if line is not None:
            try:
                async with asyncio.timeout(_ABORT_SECONDS):
                    await line.abort(action_id, reason)
                return
            except TimeoutError:
                pass
            except RpcError as error:
                if error.status is not Code.UNAVAILABLE:
                    raise
        # It may be that nobody has heard of it. To abort twice does no harm.
        await self._services.abort(action_id, reason)

    async def _opened(self) -> "_Line | None":
        if self._line is not None and self._line.is_open:
            return self._line
        async with self._opening:
            if self._line is not None and self._line.is_open:
                return self._line
            self._line = None
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    _, line = await asyncio.get_running_loop().create_unix_connection(
                        lambda: _Line(self._hello), self._path
                    )
            except (OSError, TimeoutError):
                return None
            self._line = line
            return line


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, hello: bytes) -> None:
        self._hello = hello
        self._cutter = FrameCutter()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._error: RpcError | None = None
        self._asked: dict[int, asyncio.Future[None]] = {}
        self._count = 0
        self._specs: dict[bytes, int] = {}
        self._updates: deque[Any] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._heard = self._loop.time()
        self._watchdog: asyncio.TimerHandle | None = None
        self._out: list[bytes] = []

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._hello)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._watchdog is not None:
            self._watchdog.cancel()
        error = self._error or RpcError(Code.UNAVAILABLE, f"the channel to the devbox was cut: {exc or 'it has ended'}")
        self._error = error
        asked, self._asked = self._asked, {}
        for future in asked.values():
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody may be waiting any more
        self._notify()

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            for kind, content in self._cutter.feed(data):
                self._take(kind, content)
        except ChannelError as error:
            self._fail(RpcError(Code.INTERNAL, f"the devbox sent what is not understood: {error}"))

    def _take(self, kind: Kind, content: bytes) -> None:
        if kind is Kind.TAKEN:
            future = self._asked.pop(int.from_bytes(content[:4], "little"), None)
            if future is None or future.done():
                return
            if len(content) > 4:
                future.set_exception(error_of_json(content[4:]) or RpcError(Code.INTERNAL, "the devbox refused it"))
            else:
                future.set_result(None)
        elif kind is Kind.UPDATE:
            update, outputs = unpack_update(content)
            self._updates.append(ChannelUpdate(state_service_pb2.ActionUpdate.FromString(update), outputs))
            self._notify()
        elif kind is Kind.SYNCED:
            self._updates.append(_SYNCED)
            self._notify()
        elif kind is Kind.REFUSED:
            self._fail(error_of_json(content) or RpcError(Code.INTERNAL, "the devbox refused the channel"))

    async def enqueue(self, child: ChildRequest) -> None:
        number, taken = self._ask()
        action = actions_service_pb2.Action(
            action_id=child.action_id,
            parent_action_name=child.parent_name,
            input_uri=child.input_uri,
            run_output_base=child.run_base_dir,
            group=child.group,
            trace=child.trace,
            condition=child.condition,
        )
        spec = 0
        if child.task is not None:
            spec = self._number_of(child.task)
            if spec:
                task = child.task
                action.task.id.CopyFrom(task.id)
                action.task.queue = task.queue
                if task.HasField("cache_key"):
                    action.task.cache_key.CopyFrom(task.cache_key)
            else:
                action.task.CopyFrom(child.task)
        self._write(pack_enqueue(Enqueued(number, spec, action.SerializeToString(), child.inputs)))
        await taken

    async def abort(self, action_id: identifier_pb2.ActionIdentifier, reason: str) -> None:
        number, taken = self._ask()
        request = actions_service_pb2.AbortRequest(action_id=action_id, reason=reason)
        self._write(pack(Kind.ABORT, number.to_bytes(4, "little"), request.SerializeToString()))
        try:
            await taken
        finally:
            self._asked.pop(number, None)

    def _ask(self) -> "tuple[int, asyncio.Future[None]]":
        """Return the number of a request, and what is set when it is taken."""
        if self._transport is None:
            raise self._error or RpcError(Code.UNAVAILABLE, "the channel to the devbox is closed")
        self._count += 1
        taken = self._asked[self._count] = self._loop.create_future()
        return self._count, taken

    def _number_of(self, task: run_definition_pb2.TaskAction) -> int:
        data = task.spec.SerializeToString()
        number = self._specs.get(data)
        if number is None:
            if len(self._specs) >= _MOST_SPECS:
                return 0
            number = self._specs[data] = len(self._specs) + 1
            self._write(pack(Kind.SPEC, number.to_bytes(4, "little"), data))
        return number

    def _write(self, data: bytes) -> None:
        """Write with all else that is written in this turn of the loop."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None:
            self._transport.write(b"".join(out))

    async def updates(self) -> AsyncIterator[Any]:
        self._write(pack(Kind.WATCH))
        while True:
            while self._updates:
                yield self._updates.popleft()
            if self._error is not None:
                raise self._error
            self._wake = self._loop.create_future()
            await self._wake

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _look(self) -> None:
        silent = self._loop.time() - self._heard
        if silent >= SILENCE_SECONDS:
            self._fail(RpcError(Code.UNAVAILABLE, f"the devbox has said nothing for {silent:.0f} s"))
            return
        self._watchdog = self._loop.call_later(SILENCE_SECONDS / 3, self._look)

    def _fail(self, error: RpcError) -> None:
        self._error = self._error or error
        self.close()

    def close(self) -> None:
        if self._transport is not None:
            if self._out:
                self._flush()
            # What could not be sent at once is not waited for: the other side may stand still.
            self._transport.abort()
