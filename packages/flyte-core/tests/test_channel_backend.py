"""The channel as the backend of a controller: a devbox that is silent, stands still, is cut off, or has no socket."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.common import identifier_pb2

from flyte.controllers import channel
from flyte.controllers.backends import ChildRequest
from flyte.controllers.channel import ChannelBackend
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError

PARENT = identifier_pb2.ActionIdentifier(run=identifier_pb2.RunIdentifier(project="p", domain="d", name="r"), name="a0")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Services:
    """What is called when there is no channel."""

    def __init__(self) -> None:
        self.enqueued: list[ChildRequest] = []

    async def enqueue(self, child: ChildRequest) -> None:
        self.enqueued.append(child)

    @asynccontextmanager
    async def watch(self, parent: Any, *, longest: float) -> AsyncIterator[AsyncIterator[Any]]:
        async def messages() -> AsyncIterator[Any]:
            yield (parent, longest)

        yield messages()

    async def abort(self, action_id: Any, reason: str) -> None:
        raise AssertionError((action_id, reason))


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
