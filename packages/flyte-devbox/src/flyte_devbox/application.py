"""The ASGI application: who may ask, then services, objects, health and console by path."""

import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote

from flyte_devbox.access import Access
from flyte_devbox.connect import ConnectApp, Receive, Scope, Send
from flyte_devbox.database import DatabaseError
from flyte_devbox.errors import STATUS_OF_CODE, ServiceError, internal, invalid_argument
from flyte_devbox.faults import explain_system
from flyte_devbox.objects import content_md5, missing_object
from flyte_devbox.services import ServiceTable

if TYPE_CHECKING:
    from flyte_devbox.console.pages import Console
    from flyte_devbox.devbox import Devbox

__all__ = ["Application"]

_CHUNK = 256 * 1024
_logger = logging.getLogger(__name__)
_OBJECTS = "/objects/"


class Application:
    """Answers everything that comes to a devbox's port."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox
        self._access = Access(devbox.token)
        self.services = ServiceTable(devbox)
        self._connect = ConnectApp(self.services.find, self._explain)
        self._console: Console | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            if path.startswith(_OBJECTS):
                self._access.check_origin(headers)
                await self._object(scope, headers, receive, send)
            elif path.startswith("/flyteidl2."):
                self._access.check(path, headers)
                await self._connect(scope, receive, send)
            elif path == "/healthz":
                self._access.check(path, headers)
                await self._health(send)
            else:
                self._access.check_origin(headers)
                await self._page(scope, headers, receive, send)
        except ServiceError as error:
            body = json.dumps({"code": error.code, "message": error.message}).encode()
            await _send(send, STATUS_OF_CODE.get(error.code, 500), body, "application/json")

    def _explain(self, error: Exception) -> str | None:
        """Say what an error of the disk means."""
        if isinstance(error, DatabaseError):
            return str(error)
        return explain_system(error, str(self._devbox.folder.root)) if isinstance(error, OSError) else None

    async def _explained(self, what: str, work: Awaitable[None]) -> None:
        """Do what sends nothing before it is done, and say what an error of the disk means."""
        try:
            await work
        except (OSError, DatabaseError) as error:
            explained = self._explain(error)
            if explained is None:
                raise
            _logger.warning("%s: %s", what, error)
            raise internal(f"{what}: {explained}") from error

    def end_streams(self) -> None:
        """End what pages have open, which would otherwise hold up the end of the server."""
        if self._console is not None:
            self._console.events.end()

    async def _health(self, send: Send) -> None:
        usage = self._devbox.scheduler.usage()
        usage["event_streams"] = 0 if self._console is None else self._console.events.open
        body = json.dumps({"status": "ok", "uptime_seconds": round(time.time() - self._devbox.started_at, 3), **usage})
        await _send(send, 200, body.encode(), "application/json")

    async def _page(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        if self._console is None:
            from flyte_devbox.console.pages import Console  # noqa: PLC0415 - a devbox whose pages nobody opens needs none

            self._console = Console(self._devbox, self._access)
        answered = self._console(scope, headers, receive, send)
        await (self._explained("it could not be done", answered) if scope["method"] == "POST" else answered)

    async def _object(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        try:
            key = unquote(raw.decode("ascii").partition("?")[0][len(_OBJECTS) :], errors="strict")
        except UnicodeDecodeError:
            raise invalid_argument("the path of the URL is not UTF-8") from None
        method: str = scope["method"]
        query: str = scope["query_string"].decode("latin-1")
        grant = self._devbox.signer.check("GET" if method == "HEAD" else method, key, query)
        if method == "PUT":
            md5 = content_md5(headers.get("content-md5"))
            if md5 is not None and grant.md5 is not None and md5 != grant.md5:
                raise invalid_argument(
                    "`Content-MD5` is not what the URL was made for\nhint: ask for a URL for this content"
                )
            taken = self._devbox.objects.receive(key, _body(receive), md5=grant.md5 or md5, length=grant.length)
            await self._explained(f"`{key}` is not kept", taken)
            await _send(send, 200, b"", "text/plain")
        else:
            await self._send_object(key, send, with_body=method != "HEAD")

    async def _send_object(self, key: str, send: Send, *, with_body: bool) -> None:
        path = self._devbox.objects.path(key)
        try:
            file: BinaryIO = path.open("rb")
        except OSError:
            kept = self._devbox.objects.read(key)
            if kept is None:
                raise missing_object(key) from None
            file = BytesIO(kept)
        with file:
            size = file.seek(0, 2)
            file.seek(0)
            kind = b"text/html; charset=utf-8" if key.endswith(".html") else b"application/octet-stream"
            headers = [
                (b"content-type", kind),
                (b"content-length", str(size).encode()),
                # What tasks wrote is shown, but may not reach for anything here.
                (b"content-security-policy", b"sandbox allow-scripts"),
                (b"x-content-type-options", b"nosniff"),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while with_body and (piece := file.read(_CHUNK)):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise invalid_argument("the upload was cut off")
        yield event.get("body", b"")
        if not event.get("more_body", False):
            return


async def _send(send: Send, status: int, body: bytes, kind: str) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
