"""`flyte proxy app`: a real app behind it, a real sign-in, real clients of HTTP and WebSocket."""

import asyncio
import contextlib
import functools
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
import yarl
from aiohttp import web
from flyteidl2.app import app_definition_pb2, app_payload_pb2
from tests.ports import silent_port

from flyte_protocol.endpoints import Endpoint
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.app_proxy import AppAddress, AppProxy, ListenError, Signing
from flyte_remote.app_proxy.exchanges import ProxyLimits

from .servers import SECRET, Plane, connect_proxy, control_plane, oidc_server

FLYTE = str(Path(sys.executable).with_name("flyte"))
PLANE = Endpoint.of("https://flyte.example.org")
LONGEST = 60.0


class Tokens:
    """Credentials whose token changes when it is refused."""

    def __init__(self, *, most: int = 100) -> None:
        self.number = 1
        self.most = most
        self.asked = 0

    async def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer planted-{self.number}"}

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:
        self.asked += 1
        await asyncio.sleep(0)
        if self.number >= self.most:
            return False
        self.number += 1
        return True


class App:
    """An app that a gateway guards: it knows one token."""

    def __init__(self) -> None:
        self.token = "planted-1"
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.gone = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((f"{request.method} {request.raw_path}", {k.lower(): v for k, v in request.headers.items()}))
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="who are you?")
        name = request.path.rpartition("/")[2]
        known: Callable[[web.Request], Any] | None = getattr(self, f"on_{name}", None)
        if known is not None:
            return await known(request)
        body = await request.read()
        self.bodies.append(body)
        return web.json_response({"method": request.method, "path": request.path_qs, "size": len(body)})

    async def on_events(self, request: web.Request) -> web.StreamResponse:
        """Send one event at a time, the next when the client has asked for it."""
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            for number in range(1000):
                await response.write(f"data: {number}\n\n".encode())
                await asyncio.sleep(0.01 if number else 0)
        finally:
            self.gone.set()
        return response

    async def on_echo(self, request: web.Request) -> web.StreamResponse:
        """Answer each piece of the body before the next comes."""
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in request.content.iter_any():
            await response.write(piece)
        return response

    async def on_socket(self, request: web.Request) -> web.StreamResponse:
        talk = web.WebSocketResponse(protocols=("mcp",))
        await talk.prepare(request)
        async for message in talk:
            if message.type is aiohttp.WSMsgType.TEXT:
                await talk.send_str(message.data.upper())
            elif message.type is aiohttp.WSMsgType.BINARY:
                await talk.send_bytes(message.data)
            if message.data == "end":
                await talk.close(code=4001)
        self.gone.set()
        return talk

    async def on_away(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"location": "https://login.example.org/", "set-cookie": "a=b; Secure"})

    async def on_moved(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"location": f"{self.url}/target?x=1"})

    async def on_refused(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=401, text="not you")

    async def on_large(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=413, text="too large", headers={"connection": "close"})

    async def on_silent(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(600)
        return web.Response()

    async def on_cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": "1000"} if "length" in request.query else {})
        await response.prepare(request)
        await response.write(b"begin")
        assert request.transport is not None
        request.transport.abort()
        return response


@contextlib.asynccontextmanager
async def app_at(prefix: str = "", context: ssl.SSLContext | None = None) -> AsyncGenerator[App]:
    app = App()
    made = web.Application(client_max_size=1 << 30)
    made.router.add_route("*", "/{path:.*}", app.answer)
    runner = web.AppRunner(made, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    app.url = f"http{'s' if context else ''}://127.0.0.1:{port}{prefix}"
    try:
        yield app
    finally:
        await runner.cleanup()


class Through:
    """A proxy to an app, and a client of it."""

    def __init__(self, url: str, tokens: Tokens, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.tokens = tokens
        self.http = http
        self.told: list[tuple[str, str, int, str]] = []

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        async with self.http.get(f"{self.url}{path}", allow_redirects=False, **options) as answer:
            return answer.status, await answer.text()


@contextlib.asynccontextmanager
async def proxy_to(
    url: str, tokens: Tokens | None = None, *, endpoint: Endpoint = PLANE, **limits: float
) -> AsyncGenerator[Through]:
    tokens = tokens or Tokens()
    proxy = AppProxy("127.0.0.1", 0)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(LONGEST)) as http:
        through = Through(proxy.url, tokens, http)

        def tell(*one: Any) -> None:
            through.told.append(one)

        serving = asyncio.create_task(
            proxy.serve(AppAddress.of(url), Signing(tokens), endpoint, limits=ProxyLimits(**limits), tell=tell)
        )
        try:
            yield through
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def in_a_loop(test):
    """Run an async test in a loop of its own, and not for ever."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(2 * LONGEST):
                await test(*args, **kwargs)

        asyncio.run(bounded())

    return run


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@in_a_loop
async def test_every_method_goes_through_with_the_sign_in(method: str) -> None:
    async with app_at("/base") as app, proxy_to(app.url) as through:
        sent = {"authorization": "Bearer mine", "x-mine": "1"}
        data = b"body" if method not in {"GET", "HEAD"} else None
        url = yarl.URL(f"{through.url}/a/b?c=d%2Fe", encoded=True)
        async with through.http.request(method, url, headers=sent, data=data) as answer:
            assert answer.status == 200
            found = await answer.text()
        what, heads = app.seen[0]
        assert what == f"{method} /base/a/b?c=d%2Fe"
        assert heads["authorization"] == "Bearer planted-1"
        assert (heads["host"], heads["x-mine"]) == (app.url.split("/")[2], "1")
        if method != "HEAD":
            assert json.loads(found)["size"] == len(data or b"")
        assert through.told == [(method, "/a/b", 200, "")]


@in_a_loop
async def test_bodies_of_any_size_go_both_ways_and_are_not_held() -> None:
    piece = os.urandom(1 << 16)
    echoed: asyncio.Queue[int] = asyncio.Queue()

    async def body() -> AsyncGenerator[bytes]:
        yield b"first"
        # The answer to it is there before the rest is sent.
        assert await echoed.get() == 5
        for _ in range(512):
            yield piece

    async with app_at() as app, proxy_to(app.url) as through:
        async with through.http.post(f"{through.url}/echo", data=body()) as answer:
            size = 0
            async for part in answer.content.iter_any():
                size += len(part)
                if size == 5:
                    echoed.put_nowait(size)
            assert size == 5 + 512 * len(piece)


@in_a_loop
async def test_events_come_as_they_are_made_and_end_with_their_reader() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        async with through.http.get(f"{through.url}/events") as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            for number in range(3):
                assert await answer.content.readuntil(b"\n\n") == f"data: {number}\n\n".encode()
            answer.close()
        # The app is told, long before its events are over.
        await asyncio.wait_for(app.gone.wait(), LONGEST)


@in_a_loop
async def test_web_sockets_go_through_with_the_sign_in() -> None:
    async with app_at("/base") as app, proxy_to(app.url) as through:
        async with through.http.ws_connect(
            f"{through.url}/socket", protocols=("mcp",), origin=through.url, compress=15
        ) as talk:
            assert talk.protocol == "mcp"
            for text in ("one", "two"):
                await talk.send_str(text)
                assert await talk.receive_str() == text.upper()
            large = os.urandom(1 << 20)
            await talk.send_bytes(large)
            assert await talk.receive_bytes() == large
            await talk.send_str("end")
            assert await talk.receive_str() == "END"
            closed = await talk.receive()
            assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 4001)
        heads = app.seen[0][1]
        assert heads["origin"] == app.url.removesuffix("/base")
        assert through.told == [("GET", "/socket", 101, "")]


@in_a_loop
async def test_a_web_socket_ends_with_its_client() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        talk = await through.http.ws_connect(f"{through.url}/socket")
        await talk.send_str("one")
        assert await talk.receive_str() == "ONE"
        await through.http.close()
        await asyncio.wait_for(app.gone.wait(), LONGEST)


@in_a_loop
async def test_a_web_socket_that_is_refused_says_so_and_a_new_sign_in_helps() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        app.token = "planted-2"
        async with through.http.ws_connect(f"{through.url}/socket") as talk:
            await talk.send_str("one")
            assert await talk.receive_str() == "ONE"
        app.token = "another"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await through.http.ws_connect(f"{through.url}/socket")
        assert refused.value.status == 401


@in_a_loop
async def test_redirects_are_passed_back_and_not_followed() -> None:
    async with app_at("/base") as app, proxy_to(app.url) as through:
        async with through.http.get(f"{through.url}/moved", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["location"]) == (307, f"{through.url}/target?x=1")
        async with through.http.get(f"{through.url}/away", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["location"]) == (302, "https://login.example.org/")
            assert answer.headers["set-cookie"] == "a=b"
        assert len(app.seen) == 2


@in_a_loop
async def test_a_refused_token_is_renewed_once_for_all_and_the_body_is_sent_again() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        app.token = "planted-2"

        async def one(number: int) -> int:
            async with through.http.post(f"{through.url}/x", data=b"x" * number * 1000) as answer:
                assert answer.status == 200
                return json.loads(await answer.text())["size"]

        assert await asyncio.gather(*map(one, range(20))) == [number * 1000 for number in range(20)]
        assert through.tokens.asked == 1


@in_a_loop
async def test_what_an_app_refuses_by_itself_asks_for_no_token_again_and_again() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        app.token = "of nobody"
        for _ in range(5):
            assert await through.get("/x") == (401, "who are you?")
        assert through.tokens.asked == 1


@in_a_loop
async def test_an_upload_that_is_too_large_to_keep_is_refused_as_the_app_refuses_it() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        app.token = "planted-2"

        async def body() -> AsyncGenerator[bytes]:
            for _ in range(64):
                yield b"x" * (1 << 16)
                await asyncio.sleep(0)

        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with through.http.post(f"{through.url}/x", data=body()) as answer:
                # Early answers come before much was sent: then there is something to repeat it with.
                assert answer.status in {200, 401}
        assert (await through.get("/x"))[0] in {200, 401}


@in_a_loop
async def test_an_answer_before_the_end_of_the_upload_reaches_the_client() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(through.url.rpartition(":")[2]))
        writer.write(b"POST /large HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nsome")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413 ")
        assert app.seen[0][0] == "POST /large"
        writer.close()


@in_a_loop
async def test_a_client_that_waits_before_it_sends_is_told_to_go_on() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(through.url.rpartition(":")[2]))
        writer.write(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"body")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert app.bodies == [b"body"]
        writer.close()


@in_a_loop
async def test_requests_on_one_connection_are_answered_in_order() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(through.url.rpartition(":")[2]))
        writer.write(b"".join(f"GET /{n} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for n in range(5)))
        for number in range(5):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            body = await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            assert json.loads(body)["path"] == f"/{number}"
        assert [what for what, _ in app.seen] == [f"GET /{number}" for number in range(5)]
        writer.close()


@in_a_loop
async def test_pages_of_foreign_sites_get_nothing() -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        for heads in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
            status, text = await through.get("/x", headers=heads)
            assert status == 403
            assert "evil.example" in text
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await through.http.ws_connect(f"{through.url}/socket", origin="https://evil.example")
        assert app.seen == []


@in_a_loop
async def test_an_app_that_cannot_be_reached_is_named() -> None:
    with silent_port() as port:
        async with proxy_to(f"http://127.0.0.1:{port}") as through:
            status, text = await through.get("/x")
            assert status == 502
            assert "could not be reached" in text
            assert "hint: nothing listens there" in text
            assert through.told[0][2] == 502
            async with through.http.head(f"{through.url}/x") as answer:
                assert answer.status == 502


@in_a_loop
async def test_an_app_that_does_not_answer_is_left() -> None:
    async with app_at() as app, proxy_to(app.url, answer=0.3) as through:
        status, text = await through.get("/silent")
        assert status == 504
        assert "did not begin to answer within 0.3 seconds" in text


@in_a_loop
async def test_a_slow_upload_may_take_longer_than_an_answer() -> None:
    moments: list[float] = []

    async def body() -> AsyncGenerator[bytes]:
        for _ in range(14):
            moments.append(time.monotonic())
            yield b"piece"
            await asyncio.sleep(0.5)

    async with app_at() as app, proxy_to(app.url, answer=6.0) as through:
        is_through = False
        while not is_through:
            moments.clear()
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with through.http.post(f"{through.url}/x", data=body()) as answer:
                    is_through = answer.status == 200
            moments.append(time.monotonic())
            # Unless this machine has stood still meanwhile, app and proxy with it, and for longer than the limit.
            assert is_through or max(later - earlier for earlier, later in pairwise(moments)) > 3
        assert app.bodies[-1] == b"piece" * 14


@in_a_loop
async def test_an_app_behind_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with app_at() as app:
        port = int(app.url.rpartition(":")[2])
        for variable in ("http_proxy", "no_proxy", "NO_PROXY", "REQUEST_METHOD"):
            monkeypatch.delenv(variable, raising=False)
        with connect_proxy({"app.internal": port}, "user:planted") as (proxy, asked):
            monkeypatch.setenv("HTTP_PROXY", f"http://user:planted@{proxy}")
            async with proxy_to("http://app.internal:81") as through:
                assert (await through.get("/x"))[0] == 200
                async with through.http.ws_connect(f"{through.url}/socket") as talk:
                    await talk.send_str("one")
                    assert await talk.receive_str() == "ONE"
            assert set(asked) == {"CONNECT app.internal:81 HTTP/1.1"}
            async with proxy_to("http://other.internal:81") as through:
                status, text = await through.get("/x")
                assert status == 502
                assert f"through the proxy `http://{proxy}` (`HTTP_PROXY`): the proxy answered 403" in text
                assert "planted" not in text
                assert "hint: it does not let anybody through" in text


@pytest.mark.parametrize("query", ["", "?length"])
@in_a_loop
async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(query: str) -> None:
    async with app_at() as app, proxy_to(app.url) as through:
        with pytest.raises(aiohttp.ClientPayloadError):
            await through.get(f"/cut{query}")
        assert "broke off in the middle" in through.told[-1][3]


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
@in_a_loop
async def test_what_does_not_speak_http_is_named(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with proxy_to(f"http://127.0.0.1:{port}") as through:
            status, text = await through.get("/x")
            assert status == 502
            assert f"the app at `http://127.0.0.1:{port}`" in text


@in_a_loop
async def test_a_kept_connection_that_the_app_has_closed_is_opened_again() -> None:
    taken = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # It promises to stay, and goes when the next request is there.
        nonlocal taken
        taken += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        async with proxy_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as through:
            for _ in range(4):
                assert await through.get("/x") == (200, "ok")
        assert taken == 4


@in_a_loop
async def test_an_app_with_a_certificate_of_a_private_authority(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=app -days 2".split()
    extra = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *extra], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusting = Endpoint.of("https://flyte.example.org", ca_cert_file=certificate)
    unchecked = Endpoint.of("https://flyte.example.org", skips_verification=True)
    async with app_at(context=context) as app:
        for endpoint in (trusting, unchecked):
            async with proxy_to(app.url, endpoint=endpoint) as through:
                assert (await through.get("/x"))[0] == 200
                async with through.http.ws_connect(f"{through.url}/socket") as talk:
                    await talk.send_str("one")
                    assert await talk.receive_str() == "ONE"
        async with proxy_to(app.url) as through:
            status, text = await through.get("/x")
            assert status == 502
            assert "ca_cert_file_path" in text


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"port {port} of `127.0.0.1` cannot be listened on: address already"):
            AppProxy("127.0.0.1", port)
    with pytest.raises(ListenError, match="cannot be listened on"):
        AppProxy("no.such.host.invalid", 0)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_server() as url:
        yield url


@pytest.fixture
def plane(issuer: str) -> Iterator[Plane]:
    with control_plane(issuer) as made:
        yield made


@pytest.fixture
def guarded(plane: Plane) -> Iterator[App]:
    """An app in a thread of its own, whose gateway asks the OAuth server about tokens."""

    class Guarded(App):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            self.token = token if await asyncio.to_thread(plane.is_active, token) else "of nobody"
            return await super().answer(request)

    ready: threading.Event = threading.Event()
    made: list[tuple[App, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        app, ended = Guarded(), asyncio.Event()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", app.answer)
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        app.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        made.append((app, asyncio.get_running_loop(), ended))
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(LONGEST)
    app, loop, ended = made[0]
    yield app
    loop.call_soon_threadsafe(ended.set)
    thread.join()


@contextlib.contextmanager
def command(home: Path, plane: Plane, *words: str) -> "Iterator[subprocess.Popen[str]]":
    (home / ".flyte").mkdir(exist_ok=True)
    (home / "secret").write_text(SECRET)
    admin = {
        "endpoint": plane.url,
        "authType": "ClientSecret",
        "clientId": "robot",
        "clientSecretLocation": str(home / "secret"),
        "scopes": ["all"],
    }
    task = {"project": "flytesnacks", "domain": "development"}
    (home / ".flyte" / "config.yaml").write_text(yaml.safe_dump({"admin": admin, "task": task}))
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("FLYTE_", "HTTP", "http", "_U_"))}
    process = subprocess.Popen(
        [FLYTE, "proxy", "app", *words],
        cwd=home,
        env=kept | {"HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address(process: "subprocess.Popen[str]") -> str:
    """Return where the proxy listens, as it says itself."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("http://"):
            return line.split()[0]
    raise AssertionError("it did not come up")


def fetch(url: str, data: bytes | None = None) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, data, timeout=LONGEST) as answer:
        return answer.read()


def test_the_command_leads_to_an_address_with_the_users_sign_in(tmp_path: Path, plane: Plane, guarded: App) -> None:
    words = ("--url", guarded.url, "--port", "0", "--address", "127.0.0.1", "--emit-mcp-config", "-v")
    place = ("-p", "flytesnacks", "-d", "development", "-of", "table")
    with command(tmp_path, plane, *words, *place) as process:
        url = address(process)
        assert url.startswith("http://127.0.0.1:")
        assert json.loads(fetch(f"{url}/a?secret=query"))["path"] == "/a?secret=query"
        plane.revoke(guarded.token)
        assert json.loads(fetch(f"{url}/b", b"again"))["size"] == 5
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 0
    assert json.loads(out) == {"mcpServers": {guarded.url: {"type": "http", "url": url}}}
    assert err.splitlines() == ["GET /a -> 200", "POST /b -> 200", "ended"]
    assert len({heads["authorization"] for _, heads in guarded.seen}) == 2


def test_the_command_asks_the_control_plane_where_an_app_is(tmp_path: Path, plane: Plane, guarded: App) -> None:
    def found(body: bytes) -> bytes:
        asked = app_payload_pb2.GetRequest.FromString(body).app_id
        assert (asked.project, asked.domain, asked.name) == ("flytesnacks", "development", "shop")
        answer = app_payload_pb2.GetResponse()
        answer.app.metadata.id.CopyFrom(asked)
        answer.app.status.ingress.public_url = guarded.url
        active = app_definition_pb2.Status.DEPLOYMENT_STATUS_ACTIVE
        answer.app.status.conditions.add(deployment_status=active)
        return answer.SerializeToString()

    plane.answers["Get"] = found
    with command(tmp_path, plane, "shop", "--port", "0", "--emit-mcp-config") as process:
        url = address(process)
        assert json.loads(fetch(f"{url}/a"))["path"] == "/a"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (0, "ended\n")
    assert json.loads(out)["mcpServers"] == {"shop": {"type": "http", "url": url}}


def test_an_app_without_an_address_is_not_waited_for(tmp_path: Path, plane: Plane) -> None:
    def found(body: bytes) -> bytes:
        answer = app_payload_pb2.GetResponse()
        answer.app.metadata.id.CopyFrom(app_payload_pb2.GetRequest.FromString(body).app_id)
        stopped = app_definition_pb2.Status.DEPLOYMENT_STATUS_STOPPED
        answer.app.status.conditions.add(deployment_status=stopped)
        return answer.SerializeToString()

    plane.answers["Get"] = found
    with command(tmp_path, plane, "shop", "--port", "0") as process:
        _, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 2
    assert err.splitlines() == [
        "error: app `shop` has no address: it is stopped",
        "hint: `flyte update app shop --activate --wait` starts it",
    ]


def test_the_command_ends_with_clients_that_are_connected(tmp_path: Path, plane: Plane, guarded: App) -> None:
    with command(tmp_path, plane, "--url", guarded.url, "--port", "0") as process:
        url = address(process)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/events", timeout=LONGEST) as events:
            assert events.readline() == b"data: 0\n"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (0, "ended\n")


def test_an_address_that_lets_others_in_is_warned_of(tmp_path: Path, plane: Plane, guarded: App) -> None:
    with command(tmp_path, plane, "--url", guarded.url, "--port", "0", "--address", "0.0.0.0") as process:
        assert process.stderr is not None
        assert "lets other machines in" in process.stderr.readline()
        assert json.loads(fetch(f"{address(process)}/a"))["path"] == "/a"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "needs NAME or `--url`"),
        (("--url", "ftp://x"), 2, "no address of an app"),
        (("shop", "--address", "192.0.2.1"), 2, "cannot be listened on"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_served(
    tmp_path: Path, plane: Plane, words: tuple[str, ...], code: int, said: str
) -> None:
    with command(tmp_path, plane, *words) as process:
        _, err = process.communicate(timeout=LONGEST)
    assert process.returncode == code, err
    assert said.lower() in err.lower()
