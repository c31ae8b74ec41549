"""HTTP/1.1 spoken to one side of the proxy: h11's state machine and the bytes under it."""

import asyncio
import contextlib
import socket
import ssl
from typing import TypeAlias

import h11

from flyte_protocol.dialing import dial, proxy_of_environment, unchecked_context
from flyte_remote.app_proxy.rules import AppAddress

__all__ = ["Event", "Side", "connect", "keep_alive"]

Event: TypeAlias = (
    "h11.Request | h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage | h11.ConnectionClosed"
)
_HEAD_BYTES = 256 * 1024
_PIECE = 64 * 1024


class Side:
    """A connection, to the client or to the app."""

    def __init__(
        self, role: type[h11.CLIENT] | type[h11.SERVER], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take a connection that is open.

        Args:
            role: What the proxy is on it: `h11.SERVER` to the client, `h11.CLIENT` to the app.
            reader: What comes.
            writer: What goes.
        """
        self.machine = h11.Connection(role, max_incomplete_event_size=_HEAD_BYTES)
        self.reader = reader
        self.writer = writer

    async def receive(self) -> Event:
        """Return the next event.

        Raises:
            OSError: The connection was lost.
            h11.RemoteProtocolError: It does not speak HTTP/1.1.
        """
        while True:
            event = self.machine.next_event()
            if event is h11.NEED_DATA:
                if self.machine.they_are_waiting_for_100_continue:
                    await self.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
                self.machine.receive_data(await self.reader.read(_PIECE))
            elif event is h11.PAUSED:
                raise h11.RemoteProtocolError("more was sent than was asked for")
            else:
                return event  # pyright: ignore[reportReturnType] - the sentinels are told apart above

    async def until_gone(self) -> None:
        """Return when the other side has closed the connection. What it sends before that is kept for later."""
        while True:
            with contextlib.suppress(OSError):
                piece = await self.reader.read(_PIECE)
                if piece:
                    self.machine.receive_data(piece)
                    if len(self.machine.trailing_data[0]) > _HEAD_BYTES:
                        await asyncio.get_running_loop().create_future()  # it may send more when it has read
                    continue
            return

    async def send(self, event: Event) -> None:
        """Send an event, and wait until the other side takes it.

        Raises:
            OSError: The connection was lost.
        """
        data = self.machine.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()

    def can_go_on(self) -> bool:
        """Begin another exchange on the connection, where both sides are ready for it."""
        if self.machine.our_state is not h11.DONE or self.machine.their_state is not h11.DONE:
            return False
        self.machine.start_next_cycle()
        return True

    def is_lost(self) -> bool:
        """Tell whether the other side has closed the connection, as far as is known."""
        return self.reader.at_eof() or self.writer.is_closing()

    def close(self, *, at_once: bool = False) -> None:
        """Close the connection; at once: what is not sent yet is dropped, and the other side sees that it was cut."""
        if at_once:
            self.writer.transport.abort()
        self.writer.close()


async def connect(app: AppAddress, *, ca_certificates: bytes | None, skips_verification: bool) -> Side:
    """Open a connection to the app. How long it may take is up to the caller.

    Raises:
        OSError: There is no way.
    """
    context: ssl.SSLContext | None = None
    if app.has_tls:
        context = unchecked_context() if skips_verification else ssl.create_default_context()
        if ca_certificates is not None:
            context.load_verify_locations(cadata=ca_certificates.decode("ascii", "ignore"))
        context.set_alpn_protocols(["http/1.1"])
    proxy = proxy_of_environment("https" if app.has_tls else "http", app.host)
    reader, writer = await dial(app.host, app.port, context, proxy)
    keep_alive(writer)
    return Side(h11.CLIENT, reader, writer)


def keep_alive(writer: asyncio.StreamWriter) -> None:
    """Let the system notice within two minutes that the other side has died: streams may be silent for as long as they like."""
    under = writer.get_extra_info("socket")
    if under is None:
        return
    with contextlib.suppress(OSError):
        under.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, name):
                under.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
