"""A proxy before a devbox that notes what is asked of it. Standard library only: also PyPI flyte runs with it."""

import gzip
import http.client
import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

_LONGEST = 120
_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
"""Not passed on. The host is: from it a devbox tells where its data goes, which is through here too."""


class NotingProxy:
    """Forwards requests to a port, streams too, and keeps those of some methods; a context.

    Args:
        methods: By path, the name and the class of the request of each method that is noted.
        target: The port on this machine. It may change.
        refusals: By path, the code of the protocol that a method is answered with; nothing is forwarded then. It may change.
    """

    def __init__(
        self,
        methods: Mapping[str, tuple[str, Any]],
        target: int = 0,
        refusals: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.target = target
        self.refusals = refusals
        self.noted: list[tuple[str, dict[str, str], Any]] = []
        """Name, headers of actions, and message, in the order in which they came."""
        self._methods = methods
        noting = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                noting._forward(self)

            do_GET = do_HEAD = do_POST = do_PUT = forward

            def log_message(self, *_: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> "NotingProxy":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _forward(self, asked: BaseHTTPRequestHandler) -> None:
        body = _body(asked)
        if (known := self._methods.get(asked.path)) is not None:
            self._note(*known, asked, body)
        if (code := self.refusals.get(asked.path)) is not None:
            self._refuse(asked, code)
            return
        up = http.client.HTTPConnection("127.0.0.1", self.target, timeout=_LONGEST)
        try:
            headers = {name: text for name, text in asked.headers.items() if name.lower() not in _HOP}
            up.request(asked.command, asked.path, body, headers)
            answer = up.getresponse()
            asked.send_response(answer.status)
            asked.send_header("via", f"1.1 localhost:{self.target}")
            for name, text in answer.getheaders():
                if name.lower() not in _HOP:
                    asked.send_header(name, text)
            if asked.command == "HEAD":
                asked.end_headers()
                return
            asked.send_header("transfer-encoding", "chunked")
            asked.end_headers()
            while piece := answer.read1(65536):
                asked.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                asked.wfile.flush()
            asked.wfile.write(b"0\r\n\r\n")
        except (OSError, http.client.HTTPException):
            asked.close_connection = True
        finally:
            up.close()

    def _refuse(self, asked: BaseHTTPRequestHandler, code: str) -> None:
        answer = json.dumps({"code": code, "message": "refused on purpose"}).encode()
        asked.send_response(400)
        asked.send_header("content-type", "application/json")
        asked.send_header("content-length", str(len(answer)))
        asked.end_headers()
        asked.wfile.write(answer)

    def _note(self, name: str, kind: Any, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        is_packed = asked.headers.get("content-encoding", "") == "gzip"
        if asked.headers["content-type"].startswith("application/connect"):
            is_packed, size = bool(body[0] & 1), int.from_bytes(body[1:5], "big")
            body = body[5 : 5 + size]
        headers = {key.lower(): text for key, text in asked.headers.items() if key.lower().startswith("x-actions-")}
        self.noted.append((name, headers, kind.FromString(gzip.decompress(body) if is_packed else body)))


class _Server(ThreadingHTTPServer):
    """Ends its connections with itself: the other side may keep them for long."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _body(asked: BaseHTTPRequestHandler) -> bytes:
    if asked.headers.get("transfer-encoding", "").lower() != "chunked":
        return asked.rfile.read(int(asked.headers.get("content-length", "0")))
    content = b""
    while size := int(asked.rfile.readline().split(b";")[0], 16):
        content += asked.rfile.read(size)
        asked.rfile.readline()
    asked.rfile.readline()
    return content
