"""The channel as the backend of a controller: a devbox that is silent, stands still, is cut off, or has no socket."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.common import identifier_pb2

from flyte.controllers import channel
from flyte.controllers.backends import ChildRequest
from flyte.controllers.channel import ChannelBackend
from flyte_protocol.channel import FrameCutter, Kind, pack
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError

PARENT = identifier_pb2.ActionIdentifier(run=identifier_pb2.RunIdentifier(project="p", domain="d", name="r"), name="a0")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Services:
    """What is called when there is no channel."""

    def __init__(self) -> None:
        self.enqueued: list[ChildRequest] = []
        self.aborted: list[tuple[str, str]] = []

    async def enqueue(self, child: ChildRequest) -> None:
        self.enqueued.append(child)

    @asynccontextmanager
    async def watch(self, parent: Any, *, longest: float) -> AsyncIterator[AsyncIterator[Any]]:
        async def messages() -> AsyncIterator[Any]:
            yield (parent, longest)

        yield messages()

    async def abort(self, action_id: Any, reason: str) -> None:
        self.aborted.append((action_id.name, reason))


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chn") as folder:
        yield Path(folder)


def request(place: Path, inputs: bytes = b"inputs") -> ChildRequest:
    action = identifier_pb2.ActionIdentifier(run=PARENT.run, name="c")
    return ChildRequest(action, "a0", f"{place}/c/inputs.pb", str(place), "", inputs=inputs)


def ask(place: Path, serve: Serve, inputs: bytes = b"inputs") -> Code:
    """Return the code with which a request and a watch end."""

    async def go() -> Code:
        server = await asyncio.start_unix_server(serve, str(place / "s"))
        backend = ChannelBackend(str(place / "s"), PARENT, token="", services=Services())
        try:
            async with asyncio.timeout(60), backend.watch(PARENT, longest=600.0) as messages:
                watched = asyncio.ensure_future(anext(messages))
                with pytest.raises(RpcError) as refused:
                    await backend.enqueue(request(place, inputs))
                with pytest.raises(RpcError):
                    await watched
            return refused.value.status
        finally:
            server.close()

    return asyncio.run(go())


async def stand_still(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reader.feed_eof()  # nothing is read
    await asyncio.sleep(60)
    writer.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.close()


async def talk_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\xff" * 20)
    await reader.read()
    writer.close()


@pytest.mark.parametrize("size", [10, 8_000_000])
def test_a_devbox_that_stands_still_is_not_waited_for(place: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(channel, "SILENCE_SECONDS", 0.3)
    assert ask(place, stand_still, bytes(size)) is Code.UNAVAILABLE


def test_a_channel_that_is_cut_can_be_asked_again(place: Path) -> None:
    assert ask(place, hang_up) is Code.UNAVAILABLE


def test_what_is_not_understood_ends_the_channel(place: Path) -> None:
    assert ask(place, talk_nonsense) is Code.INTERNAL


def test_where_there_is_no_socket_the_services_are_called(place: Path) -> None:
    services = Services()

    async def go() -> Any:
        backend = ChannelBackend(str(place / "s"), PARENT, token="", services=services)
        await backend.enqueue(request(place))
        async with backend.watch(PARENT, longest=1.0) as messages:
            return await anext(messages)

    assert asyncio.run(go()) == (PARENT, 1.0)
    assert len(services.enqueued) == 1
    assert (place / "c" / "inputs.pb").read_bytes() == b"inputs"


def answer_with(answer: bytes) -> Serve:
    """A devbox that answers the first abort."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cutter = FrameCutter()
        while data := await reader.read(65536):
            for kind, content in cutter.feed(data):
                if kind is Kind.ABORT:
                    writer.write(pack(Kind.TAKEN, content[:4], answer))
        writer.close()

    return serve


def abort_by(place: Path, serve: Serve) -> list[tuple[str, str]]:
    """Abort an action; return what the services were asked to."""
    services = Services()

    async def go() -> None:
        serving: list[asyncio.Task[None]] = []

        async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.append(asyncio.create_task(serve_and_close(reader, writer)))

        server = await asyncio.start_unix_server(begin, str(place / "s"))
        backend = ChannelBackend(str(place / "s"), PARENT, token="", services=services)
        try:
            async with asyncio.timeout(60), backend.watch(PARENT, longest=600.0):
                await backend.abort(request(place).action_id, "enough")
        finally:
            server.close()
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)

    asyncio.run(go())
    return services.aborted


def test_an_abort_that_is_confirmed_is_not_repeated(place: Path) -> None:
    assert abort_by(place, answer_with(b"")) == []


def test_an_abort_that_is_refused_is_an_error(place: Path) -> None:
    with pytest.raises(RpcError) as refused:
        abort_by(place, answer_with(b'{"code": "not_found", "message": "there is no such action"}'))
    assert refused.value.status is Code.NOT_FOUND


@pytest.mark.parametrize("serve", [hang_up, stand_still])
def test_an_abort_that_nobody_confirms_goes_to_the_services(
    place: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    monkeypatch.setattr(channel, "_ABORT_SECONDS", 0.3)
    assert abort_by(place, serve) == [("c", "enough")]
