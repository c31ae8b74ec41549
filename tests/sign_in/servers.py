"""Servers on loopback for the tests of sign-in: a real OAuth 2 server (npm `oidc-provider`) and a control plane for it."""

import base64
import contextlib
import gzip
import http.cookiejar
import json
import os
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from flyteidl2.auth import auth_service_pb2, identity_pb2
from tests.ports import free_port

CACHE = Path(os.environ.get("FLYTE_TEST_SERVICES", Path.home() / ".cache" / "flyte-test-services"))
SECRET = "planted secret/with+odd%chars"
"""Of the client `robot` in `oidc_server.mjs`."""
_AUTH = "/flyteidl2.auth.AuthMetadataService/"


@contextlib.contextmanager
def oidc_server(seconds: int = 3600, delay: float = 0.0) -> Iterator[str]:
    """Start the OAuth server; its tokens live so many seconds, and take so many to be made. Yields its address."""
    node = shutil.which("node")
    if node is None or not (CACHE / "node_modules" / "oidc-provider").exists():
        pytest.skip("npm `oidc-provider` is missing: run tests/storage/install_services.sh")
    port = free_port()
    command = [node, str(Path(__file__).with_name("oidc_server.mjs")), str(CACHE), str(port)]
    command += [str(seconds), str(round(delay * 1000))]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"oidc-provider did not start (exit code {process.poll()})")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@dataclass
class Plane:
    """A control plane: it knows who calls by asking the OAuth server about the token."""

    issuer: str
    url: str = ""
    header: str = "authorization"
    proxy_token: str = ""
    """What a gateway before it wants in `proxy-authorization`."""
    redirect_uri: str = "http://localhost/callback"
    scopes: tuple[str, ...] = ("openid", "offline_access")
    echoes: bool = False
    """Whether it repeats the token that it refuses."""
    refused: int = 0
    seen: list[str] = field(default_factory=list)
    """Tokens that came, in order."""
    answers: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    """What calls are answered with, by the last part of their path, from their body; without one, as `UserInfo` is."""
    asked: list[str] = field(default_factory=list)
    """Last parts of the paths that came, and `PUT`, in order."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    closes: list[object] = field(default_factory=list)

    def revoke(self, token: str) -> None:
        _form(f"{self.issuer}/token/revocation", {"token": token}, "api:of-the-control-plane")

    def is_active(self, token: str) -> bool:
        return bool(
            _form(f"{self.issuer}/token/introspection", {"token": token}, "api:of-the-control-plane").get("active")
        )


@contextlib.contextmanager
def control_plane(issuer: str, tls: ssl.SSLContext | None = None, **settings: object) -> Iterator[Plane]:
    plane = Plane(issuer, **settings)  # pyright: ignore[reportArgumentType]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            name = self.path.rpartition("/")[2]
            with plane.lock:
                plane.asked.append(name)
            if plane.proxy_token and self.headers.get("proxy-authorization") != f"Bearer {plane.proxy_token}":
                self._answer(302, b"", "text/html", location="https://gateway.example/login")
            elif self.path == f"{_AUTH}GetOAuth2Metadata":
                message = auth_service_pb2.GetOAuth2MetadataResponse(
                    issuer=plane.issuer,
                    authorization_endpoint=f"{plane.issuer}/auth",
                    token_endpoint=f"{plane.issuer}/token",
                    device_authorization_endpoint=f"{plane.issuer}/device/auth",
                )
                self._answer(200, message.SerializeToString(), "application/proto")
            elif self.path == f"{_AUTH}GetPublicClientConfig":
                message = auth_service_pb2.GetPublicClientConfigResponse(
                    client_id="flytectl",
                    redirect_uri=plane.redirect_uri,
                    scopes=plane.scopes,
                    authorization_metadata_key=plane.header,
                )
                self._answer(200, message.SerializeToString(), "application/proto")
            else:
                token = self.headers.get(plane.header, "").removeprefix("Bearer ")
                with plane.lock:
                    plane.seen.append(token)
                if token and (plane.is_active(token)):
                    answer = identity_pb2.UserInfoResponse(subject="somebody", name="Some Body").SerializeToString()
                    if name in plane.answers:
                        if self.headers.get("content-encoding") == "gzip":
                            sent = gzip.decompress(sent)
                        answer = plane.answers[name](sent)
                    kind = self.headers.get("content-type") or ""
                    self._answer(200 if answer or name == "UserInfo" else 404, answer, kind)
                else:
                    with plane.lock:
                        plane.refused += 1
                    body = json.dumps(
                        {"code": "unauthenticated", "message": f"token {token if plane.echoes else ''} is not valid"}
                    ).encode()
                    self._answer(401, body, "application/json")

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            plane.asked.append("PUT")
            self._answer(200, b"", "text/plain")

        def _answer(self, status: int, body: bytes, kind: str, **headers: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            for name, text in headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    plane.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield plane
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def connect_proxy(routes: Mapping[str, int], login: str = "") -> Iterator[tuple[str, list[str]]]:
    """A proxy: CONNECT and whole addresses, to ports of this machine by host; `login` is `user:password`.

    Yields its address without scheme, and the first lines of the requests that came.
    """
    asked: list[str] = []
    wanted = base64.b64encode(login.encode()).decode()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            words = head.decode().split("\r\n")[0].split()
            asked.append(" ".join(words))
            target = urllib.parse.urlsplit(words[1] if "://" in words[1] else f"//{words[1]}")
            if login and f"Basic {wanted}".encode() not in head:
                self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                return
            if target.hostname not in routes:
                self.wfile.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", routes[target.hostname])) as upstream:
                if words[0] == "CONNECT":
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    upstream.sendall(head.replace(words[1].encode(), target.path.encode(), 1))
                back = threading.Thread(target=_carry, args=(upstream, self.connection), daemon=True)
                back.start()
                _carry(self.rfile, upstream)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _carry(source: object, target: socket.socket) -> None:
    read = source.recv if isinstance(source, socket.socket) else source.read1  # type: ignore[attr-defined]
    with contextlib.suppress(OSError):
        while piece := read(65536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def act_as_person(url: str, *, agrees: bool = True) -> str:
    """Do what a person does in a browser: follow redirects, fill in the forms, and agree. Returns the last page."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )
    answer = opener.open(url, timeout=30)
    for _ in range(8):
        page, here = answer.read().decode(), answer.geturl()
        action = re.search(r'<form[^>]*action="([^"]*)"', page)
        if action is None:
            return page
        cancel = re.search(r'href="([^"]*/abort)"', page)
        if not agrees and cancel is not None:
            answer = opener.open(urllib.parse.urljoin(here, cancel[1]), timeout=30)
            continue
        fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', page))
        fields |= {"login": "somebody", "password": "planted-password"} if 'name="login"' in page else {}
        target = urllib.parse.urljoin(here, action[1].replace("&amp;", "&"))
        answer = opener.open(target, urllib.parse.urlencode(fields).encode(), timeout=30)
    raise AssertionError(f"the forms have no end: {page}")


def _form(url: str, fields: dict[str, str], client: str) -> dict[str, object]:
    request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode())
    request.add_header("authorization", "Basic " + base64.b64encode(client.encode()).decode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        body = answer.read()
    return json.loads(body) if body else {}
