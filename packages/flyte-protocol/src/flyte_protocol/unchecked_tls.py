"""TLS to a server whose certificate nobody checks (`insecure_skip_verify`): a relay, since the HTTP client always checks.

The relay listens on loopback, takes plain HTTP/1.1 and carries the bytes over TLS. Trusting the certificate that the server
shows would not do: the client still refuses one that has another name, is out of date, or is an authority's own.
"""

import asyncio
import logging
import secrets
import socket
import weakref
from collections.abc import Mapping
from urllib.parse import urlsplit

from pyqwest import Headers

from flyte_protocol.dialing import carry, dial, proxy_of_environment, reason_of, unchecked_context

__all__ = ["UncheckedTLS"]

_FAILED_HEADER = "flyte-relay-failed"
_SECRET_HEADER = "flyte-relay"  # noqa: S105 - the name of a header
_HEAD_BYTES = 256 * 1024
_log = logging.getLogger("flyte.connection")
_warned: set[str] = set()


class UncheckedTLS:
    """A relay to one server, for the calls of one event loop. It starts when it is first asked for."""

    def __init__(self, url: str, *, connect_seconds: float, proxy: str | None = None) -> None:
        """Prepare the relay to the server of `url`, an `https://` address.

        Args:
            url: The server; the path is kept as the prefix of all requests.
            connect_seconds: How long a connection to it may take.
            proxy: The proxy to it; None: what `HTTPS_PROXY` says.
        """
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._netloc, self._prefix = parts.netloc, parts.path
        self._seconds = connect_seconds
        self._proxy = proxy
        # Others on this machine find the port, and shall not get through a proxy by it.
        self._secret = secrets.token_hex(16)
        self._starting = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._address = ""

    @staticmethod
    def failure_of(headers: Headers) -> str:
        """Return why the relay had no connection to the server, so that nothing was sent; empty for an answer of the server."""
        return headers.get(_FAILED_HEADER, "")

    async def entry(self) -> tuple[str, Mapping[str, str]]:
        """Return the address that requests go to instead, and the headers they need."""
        async with self._starting:
            if self._server is None:
                self._server = await self._listen()
        return f"{self._address}{self._prefix}", {"host": self._netloc, _SECRET_HEADER: self._secret}

    async def aclose(self) -> None:
        """Stop, and close all connections."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        talks = [*self._talks]
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _listen(self) -> asyncio.Server:
        if self._netloc not in _warned:
            _warned.add(self._netloc)
            _log.warning(
                "the certificate of `https://%s` is not checked (`insecure_skip_verify`): whoever stands between can read "
                "and change everything, tokens too. It is better to name its authority in `ca_cert_file_path`",
                self._netloc,
            )
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        # A client that nobody closes ends with its loop: its socket shall not be left for the collector to complain of.
        weakref.finalize(self, listener.close)
        self._address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return await asyncio.start_server(self._begin, sock=listener, limit=_HEAD_BYTES)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry the bytes of one connection, both ways, until either side ends it."""
        upstream: asyncio.StreamWriter | None = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if f"{_SECRET_HEADER}: {self._secret}\r\n".encode() not in head:
                return
            try:
                async with asyncio.timeout(self._seconds):
                    answers, upstream = await self._connect()
            except TimeoutError:
                self._say(writer, f"no connection within {self._seconds:g} seconds")
                return
            except OSError as error:
                self._say(writer, reason_of(error))
                return
            upstream.write(head)
            ways = [asyncio.create_task(carry(reader, upstream)), asyncio.create_task(carry(answers, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client sees that its connection was lost
        except asyncio.CancelledError:
            # The loop may be about to end: it would not be there for the farewell of TLS.
            for each in (upstream, writer):
                if each is not None:
                    each.transport.abort()
            raise
        finally:
            for each in (upstream, writer):
                if each is not None:
                    each.close()

    def _say(self, writer: asyncio.StreamWriter, reason: str) -> None:
        """Answer in place of the server, which was not reached."""
        shown = " ".join(reason.split())[:300].encode("ascii", "replace").decode()
        writer.write(
            f"HTTP/1.1 502 Bad Gateway\r\n{_FAILED_HEADER}: {shown}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
        )

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        proxy = self._proxy or proxy_of_environment("https", self._host)
        return await dial(self._host, self._port, unchecked_context(), proxy)
