"""Connections of plain bytes to a server, with TLS and through a proxy where there is one: for what the HTTP client cannot do."""

import asyncio
import base64
import contextlib
import socket
import ssl
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from flyte_protocol.endpoints import LOOPBACK

__all__ = ["carry", "dial", "proxy_of_environment", "reason_of", "unchecked_context"]

_PIECE = 64 * 1024


async def dial(
    host: str, port: int, context: ssl.SSLContext | None, proxy: str | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection. How long it may take is up to the caller.

    Args:
        host: Of the server.
        port: Of the server.
        context: How TLS is spoken; None: not at all.
        proxy: An `http://` proxy that is asked to CONNECT; None: the server is reached without one.

    Raises:
        OSError: There is no way, or the certificate does not do.
    """
    if proxy is None:
        name = host if context is not None else None
        return await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http":
        raise ConnectionError(f"a proxy of the kind `{parts.scheme}://` cannot be used for this connection")
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        target = f"[{host}]" if ":" in host else host
        lines = [f"CONNECT {target}:{port} HTTP/1.1", f"Host: {target}:{port}"]
        if parts.username:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise ConnectionError("tunnel error: the proxy does not answer in HTTP") from None
        status = head.partition(b"\r\n")[0].decode("ascii", "replace").split(" ", 2)
        if status[1:2] != ["200"]:
            raise ConnectionError(f"the proxy answered {' '.join(status[1:])}")
        if context is not None:
            await writer.start_tls(context, server_hostname=host)
    except BaseException:
        writer.close()
        raise
    return reader, writer


def unchecked_context() -> ssl.SSLContext:
    """Return TLS that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def proxy_of_environment(scheme: str, host: str) -> str | None:
    """Return the proxy that the environment names for a host; None on this machine, and where there is none."""
    if host in LOOPBACK or proxy_bypass(host):
        return None
    found = getproxies()
    return found.get(scheme) or found.get("all")


def reason_of(error: OSError) -> str:
    """Say it as the HTTP client says it, so that the same hint is found."""
    if isinstance(error, socket.gaierror):
        return f"dns error: {error.strerror}"
    if isinstance(error, ConnectionRefusedError):
        return "Connection refused"
    return str(error.strerror or error)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write what is read, until either end is closed."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
