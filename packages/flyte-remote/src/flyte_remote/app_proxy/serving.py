"""The proxy as a whole: it listens on this machine, and ends with all its connections."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable

import h11

from flyte_protocol.endpoints import Endpoint
from flyte_remote.app_proxy.exchanges import Exchanges, ProxyLimits
from flyte_remote.app_proxy.rules import AppAddress
from flyte_remote.app_proxy.sides import Side, keep_alive
from flyte_remote.app_proxy.signing import Signing

__all__ = ["AppProxy", "ListenError"]

_BACKLOG = 128


class ListenError(ValueError):
    """There is no listening at the address or the port."""


class AppProxy:
    """A proxy on this machine to one app.

    It is made before one signs in, so that a port that is taken is known at once; clients that come early wait for `serve`.
    """

    def __init__(self, address: str, port: int) -> None:
        """Take the port.

        Args:
            address: Where to listen: an address or a name of this machine.
            port: Which port; 0: any that is free.

        Raises:
            ListenError: It cannot be had.
        """
        try:
            family, _, _, _, where = socket.getaddrinfo(
                address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._listener = socket.create_server(where[:2], family=family, backlog=_BACKLOG)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ListenError(
                f"port {port} of `{address}` cannot be listened on: {reason[:1].lower()}{reason[1:]}\n"
                "hint: `--port 0` takes one that is free"
            ) from None
        found = ipaddress.ip_address(self._listener.getsockname()[0])
        self.is_open = not found.is_loopback
        """Whether other machines can reach it."""
        # Nobody can connect to "any address": whoever reads it is on this machine.
        host = ("127.0.0.1" if found.version == 4 else "::1") if found.is_unspecified else str(found)
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._listener.getsockname()[1]}"
        """Where it listens, without a slash at the end."""
        self._talks: set[asyncio.Task[None]] = set()

    async def serve(
        self,
        app: AppAddress,
        signing: Signing,
        endpoint: Endpoint,
        *,
        limits: ProxyLimits | None = None,
        tell: Callable[[str, str, int, str], None],
    ) -> None:
        """Carry requests to the app until this is cancelled; then all connections are closed.

        Args:
            app: Where they go.
            signing: Who calls.
            endpoint: The control plane that the app belongs to.
            limits: Bounds of waits.
            tell: Is told of each request: method, path, status, and what went wrong in the proxy itself, if anything.
        """

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            keep_alive(writer)
            talk = Exchanges(
                Side(h11.SERVER, reader, writer),
                app,
                signing,
                endpoint,
                here=self.url,
                is_open=self.is_open,
                limits=limits or ProxyLimits(),
                tell=tell,
            )
            task = asyncio.get_running_loop().create_task(talk.serve())
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)

        server = await asyncio.start_server(begin, sock=self._listener, backlog=_BACKLOG)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            talks = [*self._talks]
            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    def close(self) -> None:
        """Give the port back."""
        self._listener.close()
