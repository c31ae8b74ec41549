"""The server's end of the socket to a process that carries attempts out: `flyte_protocol.process_messages` in both directions."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Any

from flyte_protocol.process_messages import MessageCutter, MessageError, pack_message

__all__ = ["Line", "environment_change"]

_logger = logging.getLogger(__name__)


class Line(asyncio.Protocol):
    """A connection. Belongs to the event loop in which it is made.

    Args:
        take: called with each message and the bytes that go with it.
    """

    def __init__(self, take: Callable[[dict[str, Any], bytes], None]) -> None:
        self._take = take
        self._cutter = MessageCutter()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self.lost: asyncio.Future[None] = self._loop.create_future()
        """Done when the other side is gone, or the connection was closed."""

    async def open(self, end: socket.socket) -> None:
        """Begin to read what comes in at a socket, which is the connection's from then on."""
        await self._loop.create_connection(lambda: self, sock=end)

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self._transport is not None

    def send(self, message: Mapping[str, Any], content: bytes = b"") -> None:
        """Send a message, together with all else that is sent in this turn of the loop; nothing when it is not open."""
        if self._transport is None:
            return
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(pack_message(message, content))

    def close(self) -> None:
        """Close the connection, once what was sent is out."""
        self._flush()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the process says why, if it can
        """See `asyncio.Protocol`."""
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            for message, content in self._cutter.feed(data):
                self._take(message, content)
        except MessageError:
            _logger.exception("a process that carries attempts out is not understood")
            self.close()

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None and out:
            self._transport.write(b"".join(out))


def environment_change(base: Mapping[str, str], env: Mapping[str, str]) -> dict[str, Any]:
    """Describe how an environment differs from that of the process which is told."""
    return {
        "env": {name: text for name, text in env.items() if base.get(name) != text},
        "unset": [name for name in base if name not in env],
    }
