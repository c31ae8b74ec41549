"""The server's end of `flyte_protocol.channel`: children of one parent come in and their ends go out, without HTTP."""

import asyncio
import contextlib
import json
import logging
import sqlite3
from collections.abc import Coroutine
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.message import DecodeError

from flyte_devbox.access import Access
from flyte_devbox.contents import find_content
from flyte_devbox.errors import ServiceError, internal, invalid_argument, unauthenticated
from flyte_devbox.live import LiveAction
from flyte_devbox.new_actions import ChildTask, NewChild
from flyte_devbox.rows import TERMINAL
from flyte_devbox.services.actions import abort_below, children_of, update_of, update_of_ended
from flyte_devbox.services.lookups import ACTIONS, find_action, read_in
from flyte_devbox.validation import check
from flyte_devbox.watching import Change
from flyte_protocol.channel import (
    MAX_INLINE_BYTES,
    SILENCE_SECONDS,
    ChannelError,
    Enqueued,
    FrameCutter,
    Kind,
    pack,
    pack_update,
    unpack_enqueue,
)

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["ChannelServer"]

_logger = logging.getLogger(__name__)

_LONGEST_PATH = 100
"""The system allows 108 bytes."""
_MOST_SPECS = 1000
_WRITE_LIMIT = 4 * 1024 * 1024
_TASK = run_definition_pb2.ACTION_TYPE_TASK


class ChannelServer:
    """Listens on a Unix socket in the state folder.

    Args:
        devbox: whose actions come in.
        path: of the socket.
    """

    def __init__(self, devbox: "Devbox", path: Path) -> None:
        self._devbox = devbox
        self._path = path
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def address(self) -> str:
        """What attempts are told; empty where the folder's path is too long for a socket, and then they call the services."""
        return str(self._path) if len(str(self._path).encode()) <= _LONGEST_PATH else ""

    async def start(self) -> None:
        """Listen."""
        if not self.address:
            return
        # Of an earlier server: who holds the folder is alone.
        self._path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            lambda: _Connection(self._devbox, self._connections), self.address, backlog=1024
        )
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Listen no more, and cut every connection."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._connections):
            connection.close()
        self._path.unlink(missing_ok=True)


class _Connection(asyncio.Protocol):
    """One parent."""

    def __init__(self, devbox: "Devbox", connections: "set[_Connection]") -> None:
        self._devbox = devbox
        self._connections = connections
        self._cutter = FrameCutter()
        self._transport: asyncio.Transport | None = None
        self._parent: identifier_pb2.ActionIdentifier | None = None
        self._specs: dict[int, ChildTask] = {}
        self._incoming: list[Enqueued] = []
        self._aborts: list[tuple[int, actions_service_pb2.AbortRequest]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: set[asyncio.Task[None]] = set()
        """Those that are of no use without the connection."""
        self._cleanup = contextlib.ExitStack()
        self._is_full = False
        self._missed: dict[int, None] = {}
        self._beat: asyncio.TimerHandle | None = None

    # --- the transport ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_WRITE_LIMIT)
        self._connections.add(self)
        self._keep_alive()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - nobody is there to be told
        self._transport = None
        self._connections.discard(self)
        self._cleanup.close()
        if self._beat is not None:
            self._beat.cancel()
        # What it asked for goes on: it is recorded, or will be asked for again.
        for task in self._telling:
            task.cancel()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        if self._missed:
            self._spawn(self._catch_up(), self._telling)

    def data_received(self, data: bytes) -> None:
        try:
            for kind, content in self._cutter.feed(data):
                self._take(kind, content)
        except (ChannelError, DecodeError, ValueError) as error:
            self._refuse(invalid_argument(f"the channel is not understood: {error}"))
        except ServiceError as error:
            self._refuse(error)
        if self._incoming:
            requests, self._incoming = self._incoming, []
            self._spawn(self._enqueue(requests), self._tasks)
        if self._aborts:
            aborts, self._aborts = self._aborts, []
            self._spawn(self._abort(aborts, tuple(self._tasks)), self._tasks)

    def close(self) -> None:
        """Cut it."""
        if self._transport is not None:
            self._transport.abort()

    # --- what comes in ---

    def _take(self, kind: Kind, content: bytes) -> None:
        if kind is Kind.HELLO:
            self._parent = self._welcome(content)
        elif self._parent is None:
            raise unauthenticated("the first frame of a channel says who is there")
        elif kind is Kind.ENQUEUE:
            self._incoming.append(unpack_enqueue(content))
        elif kind is Kind.SPEC:
            spec = task_definition_pb2.TaskSpec.FromString(content[4:])
            check(spec)
            if len(self._specs) >= _MOST_SPECS:
                raise ChannelError(f"there are more than {_MOST_SPECS} specifications")
            self._specs[int.from_bytes(content[:4], "little")] = self._devbox.submission.describe(spec)
        elif kind is Kind.WATCH:
            self._spawn(self._watch(self._parent), self._telling)
        elif kind is Kind.ABORT:
            request = actions_service_pb2.AbortRequest.FromString(content[4:])
            self._aborts.append((int.from_bytes(content[:4], "little"), request))
        else:
            raise ChannelError(f"`{kind.name}` comes from the devbox only")

    def _welcome(self, content: bytes) -> identifier_pb2.ActionIdentifier:
        parsed: object = json.loads(content)
        if not isinstance(parsed, dict):
            raise ChannelError("a `HELLO` is an object")
        said = cast("dict[str, object]", parsed)
        token = self._devbox.token
        if token and not Access(token).is_token(str(said.get("token", ""))):
            raise unauthenticated("the devbox does not know you")
        named = {name: str(said.get(name, "")) for name in ("project", "domain", "run", "action")}
        parent = identifier_pb2.ActionIdentifier(name=named["action"])
        parent.run.project, parent.run.domain, parent.run.name = named["project"], named["domain"], named["run"]
        return parent

    async def _enqueue(self, requests: list[Enqueued]) -> None:
        answers: list[bytes] = []
        numbers: list[int] = []
        children: list[NewChild] = []
        for request in requests:
            try:
                child = self._prepare(request)
            except ServiceError as error:
                answers.append(_taken(request.number, error))
                continue
            except (DecodeError, ValueError) as error:
                answers.append(_taken(request.number, invalid_argument(f"the action is not understood: {error}")))
                continue
            if child is None:
                answers.append(_taken(request.number, None))
                continue
            numbers.append(request.number)
            children.append(child)
        if children:
            try:
                errors = await self._devbox.submission.take(children)
            except Exception as error:
                _logger.exception("%d children cannot be taken", len(children))
                errors = [internal(f"the devbox could not record it: {error}")] * len(children)
            answers += [_taken(number, error) for number, error in zip(numbers, errors, strict=True)]
        self._send(b"".join(answers))

    async def _abort(
        self, requests: list[tuple[int, actions_service_pb2.AbortRequest]], before: "tuple[asyncio.Task[None], ...]"
    ) -> None:
        if before:
            # What was asked for and is taken back at once has to be there first.
            await asyncio.wait(before)
        for number, request in requests:
            refusal: ServiceError | None = None
            try:
                check(request)
                await abort_below(self._devbox, request.action_id, request.reason)
            except ServiceError as error:
                refusal = error
            except Exception as error:
                _logger.exception("action `%s` cannot be aborted", request.action_id.name)
                refusal = internal(f"the devbox could not abort it: {error}")
            self._send(_taken(number, refusal))

    def _prepare(self, request: Enqueued) -> NewChild | None:
        action = actions_service_pb2.Action.FromString(request.action)
        if not action.action_id.name or not action.input_uri or not action.run_output_base:
            raise invalid_argument("an action has a name, `input_uri` and `run_output_base`")
        task = self._specs.get(request.spec)
        if action.WhichOneof("spec") == "task" and task is None:
            check(actions_service_pb2.EnqueueRequest(action=action))
            task = self._devbox.submission.describe(action.task.spec)
        return self._devbox.submission.prepare(action, task, request.inputs)

    # --- what goes out ---

    async def _watch(self, parent: identifier_pb2.ActionIdentifier) -> None:
        database = self._devbox.database
        run = int(find_action(database, parent)["run_id"])
        # Before the first look, so that nothing is missed between.
        self._cleanup.enter_context(self._devbox.hub.listen(run, parent.name, self._hear))
        for page in children_of(self._devbox, run, parent.name):
            for row in page:
                if row["phase"] in TERMINAL:
                    self._tell(row)
            # Others have their turn; there may be tens of thousands.
            await asyncio.sleep(0)
        self._send(pack(Kind.SYNCED))

    def _hear(self, row: int, change: Change) -> None:
        if change.is_alive:
            return
        if self._is_full or change.ended is None or change.ended.type != _TASK:
            if not self._missed and not self._is_full:
                self._spawn(self._catch_up(), self._telling)
            self._missed[row] = None
            return
        self._tell_ended(change.ended, change.outputs)

    async def _catch_up(self) -> None:
        while self._missed and not self._is_full:
            rows = list(islice(self._missed, 500))
            for row in rows:
                del self._missed[row]
            for found in read_in(self._devbox.database.read, f"{ACTIONS} WHERE a.id IN", [], rows):
                if found["phase"] in TERMINAL:
                    self._tell(found)
            await asyncio.sleep(0)

    def _tell_ended(self, action: LiveAction, outputs: bytes | None) -> None:
        if outputs is None and action.output_uri is not None:
            outputs = find_content(self._devbox.database, action.output_uri)
        self._send_update(update_of_ended(action).SerializeToString(), outputs)

    def _tell(self, row: sqlite3.Row) -> None:
        outputs = find_content(self._devbox.database, row["output_uri"]) if row["output_uri"] else None
        self._send_update(update_of(row).SerializeToString(), outputs)

    def _send_update(self, update: bytes, outputs: bytes | None) -> None:
        is_small = outputs is not None and len(outputs) <= MAX_INLINE_BYTES
        self._send(pack_update(update, outputs if is_small else None))

    def _send(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def _keep_alive(self) -> None:
        self._send(pack(Kind.BEAT))
        self._beat = asyncio.get_running_loop().call_later(SILENCE_SECONDS / 3, self._keep_alive)

    def _refuse(self, error: ServiceError) -> None:
        self._send(pack(Kind.REFUSED, _error(error)))
        if self._transport is not None:
            self._transport.close()

    def _spawn(self, work: Coroutine[object, object, None], tasks: "set[asyncio.Task[None]]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)

        def ended(_: object) -> None:
            tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if isinstance(error, ServiceError):
                self._refuse(error)
            elif error is not None:
                _logger.error("a channel failed", exc_info=error)
                self.close()

        task.add_done_callback(ended)


def _error(error: ServiceError) -> bytes:
    return json.dumps({"code": error.code, "message": error.message}).encode()


def _taken(number: int, error: ServiceError | None) -> bytes:
    return pack(Kind.TAKEN, number.to_bytes(4, "little"), b"" if error is None else _error(error))
