"""Odd answers, lost and silent connections, repetitions, credentials: each ends in time, with an error that says what to do."""

import asyncio
import shutil
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import run_service_pb2

from flyte_protocol.codes import Code
from flyte_protocol.credentials import BearerToken
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.frames import write_frame
from flyte_protocol.methods import methods_of
from flyte_protocol.retrying import RetryPolicy
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions, Limits, Transport

from .connect_server import Answer, RawServer, chunk, http, proto, stream_head

RUNS = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])
GET = RUNS["GetRunDetails"]
REQUEST = run_service_pb2.GetRunDetailsRequest(run_id=identifier_pb2.RunIdentifier(name="r"))
WATCH = RUNS["WatchRunDetails"]
WATCH_REQUEST = run_service_pb2.WatchRunDetailsRequest(run_id=identifier_pb2.RunIdentifier(name="r"))
QUICK = RetryPolicy(attempts=4, first=0.01, longest=0.05)
MESSAGE = run_service_pb2.WatchRunDetailsResponse()
MESSAGE.details.action.id.run.name = "r"
FRAME = write_frame(MESSAGE.SerializeToString())
END = write_frame(b"{}", flags=2)


def refused(answer: Answer | bytes, **options: Any) -> RpcError:
    """Return the error of one call."""

    async def main() -> RpcError:
        async with RawServer(answer) as server, Transport(Endpoint.of(server.url), retry=RetryPolicy(1)) as transport:
            with pytest.raises(RpcError) as failed:
                await transport.call(GET, REQUEST, CallOptions(**options))
            assert server.url.removesuffix("/") in str(failed.value)
            return failed.value

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("raw", "status", "said"),
    [
        (
            http("200 OK", "content-type: text/html\r\n", b"<html><title>Flyte\n Console</title>"),
            Code.UNKNOWN,
            "a web page, 'Flyte Console'",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Code.UNKNOWN, "HTTP 204 with nothing in it"),
        (http("200 OK"), Code.UNKNOWN, "something without a content type"),
        (http("302 Found", "location: https://idp/login?secret=1\r\n"), Code.UNAUTHENTICATED, "wants a sign-in"),
        (http("301 Moved", "location: https://elsewhere/x\r\n"), Code.UNKNOWN, "redirect to `https://elsewhere/x`"),
        (
            http("404 Not Found", "content-type: text/plain\r\n", b"404 page not found"),
            Code.UNIMPLEMENTED,
            "page not found",
        ),
        (http("401 Unauthorized"), Code.UNAUTHENTICATED, "sign in"),
        (http("403 Forbidden"), Code.PERMISSION_DENIED, "may not do that"),
        (http("413 Too Large"), Code.RESOURCE_EXHAUSTED, "too large"),
        (http("415 Unsupported"), Code.INTERNAL, "Connect protocol"),
        (
            http("502 Bad Gateway", "content-type: text/html\r\n", b"<h1>x"),
            Code.UNAVAILABLE,
            "nothing answers behind it",
        ),
        (http("400 Bad", "", b"Client sent an HTTP request to an HTTPS server."), Code.UNAVAILABLE, "speaks TLS"),
        (http("500 Oops", "content-type: application/json\r\n", b"[1]"), Code.UNKNOWN, "HTTP 500"),
    ],
)
def test_what_is_no_answer_of_the_protocol_is_explained(raw: bytes, status: Code, said: str):
    error = refused(raw)
    assert error.status is status
    assert said in str(error)
    assert "secret" not in str(error)


def test_a_server_of_plain_grpc_is_recognised():
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
        writer.write(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03")
        await writer.drain()
        writer.close()

    error = refused(talk)
    assert error.status is Code.UNAVAILABLE
    assert "HTTP/2 only (plain gRPC)" in str(error)


def test_an_answer_that_is_no_message_is_refused():
    async def main() -> None:
        async with RawServer(proto(b"\xff\xff")) as server, Transport(Endpoint.of(server.url)) as transport:
            with pytest.raises(RpcError, match="cannot be read"):
                await transport.call(GET, REQUEST, CallOptions(is_idempotent=False))

    asyncio.run(main())


def test_nobody_listens():
    async def main() -> None:
        async with Transport(Endpoint.of("http://127.0.0.1:1"), retry=QUICK) as transport:
            with pytest.raises(RpcError, match="could not be made.*\n.*nothing listens there") as failed:
                await transport.call(RUNS["AbortRun"], run_service_pb2.AbortRunRequest())
            assert not failed.value.was_sent
            assert failed.value.__notes__ == ["attempts: 4"]

    asyncio.run(main())


@pytest.mark.parametrize("is_idempotent", [True, False])
@pytest.mark.parametrize("fault", ["cut", "503", "unavailable"])
def test_only_what_may_be_done_twice_is_repeated(is_idempotent: bool, fault: str):
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if number >= 3:
            writer.write(proto(b""))
        elif fault == "cut":
            writer.close()
        elif fault == "503":
            writer.write(http("503 No"))
        else:
            writer.write(http("503 No", "content-type: application/json\r\n", b'{"code":"unavailable"}'))
        await writer.drain()

    async def main() -> None:
        async with RawServer(talk) as server, Transport(Endpoint.of(server.url), retry=QUICK) as transport:
            options = CallOptions(is_idempotent=is_idempotent)
            if is_idempotent:
                await transport.call(GET, REQUEST, options)
                assert len(server.requests) == 3
            else:
                with pytest.raises(RpcError) as failed:
                    await transport.call(GET, REQUEST, options)
                assert failed.value.status is Code.UNAVAILABLE
                assert len(server.requests) == 1

    asyncio.run(main())


def test_a_connection_that_died_in_silence_is_left_for_a_new_one():
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if number == 1:
            await asyncio.sleep(60)
        writer.write(proto(b""))
        await writer.drain()

    async def main() -> None:
        limits = Limits(attempt=1.5)
        async with (
            RawServer(talk) as server,
            Transport(Endpoint.of(server.url), retry=QUICK, limits=limits) as transport,
        ):
            await transport.call(GET, REQUEST)
            assert server.connections >= 2

    asyncio.run(main())


def test_the_budget_ends_repetitions_in_an_outage():
    async def main() -> None:
        async with RawServer(http("503 No")) as server, Transport(Endpoint.of(server.url), retry=QUICK) as transport:
            for _ in range(20):
                with pytest.raises(RpcError):
                    await transport.call(GET, REQUEST)
            assert len(server.requests) == 20 + 20

    asyncio.run(main())


def test_a_server_that_asks_to_wait_is_obeyed():
    error = RpcError(Code.UNAVAILABLE, "x", retry_after=7.0)
    assert QUICK.delay(1, error, chance=0.0) == 7.0
    assert RetryPolicy().delay(3, RpcError(Code.UNAVAILABLE, "x"), chance=0.5) == 2.0
    assert refused(http("429 Slow Down", "retry-after: 3\r\n")).retry_after == 3.0


# --- streams -------------------------------------------------------------------------------------------------------


def watched(answer: Answer, *, silence: float | None = None) -> tuple[int, BaseException | None, RawServer]:
    """Watch to the end; return how many messages came, the error, and the server once it has seen the connection end."""

    async def main() -> tuple[int, BaseException | None, RawServer]:
        seen = 0
        caught: BaseException | None = None
        async with RawServer(answer) as server:
            async with Transport(Endpoint.of(server.url)) as transport:
                try:
                    async with transport.stream(WATCH, WATCH_REQUEST, silence=silence) as messages:
                        async for _ in messages:
                            seen += 1
                except RpcError as error:
                    caught = error
                async with asyncio.timeout(120):
                    while server.closed < server.connections:
                        await asyncio.sleep(0.01)
            return seen, caught, server

    return asyncio.run(main())


def test_messages_come_in_pieces_of_any_size():
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
        writer.write(stream_head())
        for byte in FRAME * 3 + END:
            writer.write(chunk(bytes([byte])))
        writer.write(chunk(b""))
        await writer.drain()

    seen, error, _ = watched(talk)
    assert (seen, error) == (3, None)


def test_a_cut_stream_is_unavailable_and_not_an_end():
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
        writer.write(stream_head() + chunk(FRAME) + chunk(b""))
        await writer.drain()

    seen, error, _ = watched(talk)
    assert seen == 1
    assert isinstance(error, RpcError)
    assert error.status is Code.UNAVAILABLE


def test_a_silent_stream_is_noticed_and_its_connection_closed():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(stream_head() + chunk(FRAME))
        await writer.drain()
        await reader.read()

    seen, error, server = watched(talk, silence=1.5)
    assert seen == 1
    assert isinstance(error, RpcError)
    assert (error.status, server.closed) == (Code.UNAVAILABLE, 1)
    assert "silent for 1.5 seconds" in str(error)


def test_heartbeats_keep_a_stream_and_are_not_handed_on():
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
        writer.write(stream_head("flyte-heartbeat-seconds: 0.2\r\n"))
        for _ in range(8):
            writer.write(chunk(write_frame(b"")))
            await writer.drain()
            await asyncio.sleep(0.2)
        writer.write(chunk(FRAME + END) + chunk(b""))
        await writer.drain()

    seen, error, _ = watched(talk)
    assert (seen, error) == (1, None)


def test_without_heartbeats_an_empty_message_is_a_message():
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
        writer.write(stream_head() + chunk(write_frame(b"") + END) + chunk(b""))
        await writer.drain()

    assert watched(talk)[:2] == (1, None)


def test_missed_heartbeats_are_noticed():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(stream_head("flyte-heartbeat-seconds: 0.1\r\n"))
        await writer.drain()
        await reader.read()

    _, error, _ = watched(talk)
    assert "was silent for 1 seconds" in str(error)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\x09\x00\x00\x00\x00", "flags 0x09"),
        (b"\x00\xff\xff\xff\xff", "4,294,967,295 bytes"),
        (b"\x01\x00\x00\x00\x01x", "did not announce how"),
        (write_frame(b"nonsense", flags=2), "no JSON"),
        (END + FRAME, "goes on after its last frame"),
        (write_frame(b'{"error":{}}', flags=2), "without a code"),
    ],
)
def test_broken_frames_are_refused(body: bytes, said: str):
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
        writer.write(stream_head() + chunk(body) + chunk(b""))
        await writer.drain()

    _, error, _ = watched(talk)
    assert said in str(error)


def test_leaving_a_stream_closes_its_connection():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(stream_head() + chunk(FRAME))
        await writer.drain()
        await reader.read()

    async def main() -> None:
        async with RawServer(talk) as server, Transport(Endpoint.of(server.url)) as transport:
            async with transport.stream(WATCH, WATCH_REQUEST) as messages:
                await anext(messages)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(None) as bound, transport.stream(WATCH, WATCH_REQUEST) as messages:
                    async for _ in messages:
                        # Not before there is a connection, however long that takes.
                        bound.reschedule(asyncio.get_running_loop().time() + 0.1)
            with pytest.raises(RpcError, match=r"within 3 seconds"):
                async with transport.stream(WATCH, WATCH_REQUEST, CallOptions(timeout=3)) as messages:
                    async for _ in messages:
                        pass
            async with asyncio.timeout(120):
                while server.closed < 3:
                    await asyncio.sleep(0.01)
            assert (server.connections, server.closed) == (3, 3)

    asyncio.run(main())


# --- credentials ---------------------------------------------------------------------------------------------------


class Counting:
    """Credentials whose first token has expired."""

    def __init__(self) -> None:
        self.token = "old"
        self.refreshed = 0

    async def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:
        if refused != await self.headers():
            return True
        self.refreshed += 1
        self.token = "new"
        return True


@pytest.mark.parametrize("is_stream", [False, True])
def test_refused_credentials_are_renewed_once_and_the_call_repeated(is_stream: bool):
    server: RawServer

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if b"Bearer new" not in server.requests[number - 1]:
            writer.write(http("401 No"))
        else:
            writer.write(stream_head() + chunk(END) + chunk(b"") if is_stream else proto(b""))
        await writer.drain()

    async def main() -> None:
        nonlocal server
        server = RawServer(talk)
        credentials = Counting()
        async with server, Transport(Endpoint.of(server.url), credentials=credentials) as transport:
            if is_stream:
                async with transport.stream(WATCH, WATCH_REQUEST) as messages:
                    assert [message async for message in messages] == []
            else:
                await transport.call(RUNS["AbortRun"], run_service_pb2.AbortRunRequest())
        assert credentials.refreshed == 1
        assert len(server.requests) == 2

    asyncio.run(main())


def test_a_token_that_stays_refused_is_not_sent_again():
    async def main() -> None:
        async with RawServer(http("401 No")) as server:
            token = BearerToken(lambda: "secret-token")
            async with Transport(Endpoint.of(server.url), credentials=token) as transport:
                with pytest.raises(RpcError) as failed:
                    await transport.call(GET, REQUEST)
            assert failed.value.status is Code.UNAUTHENTICATED
            assert "secret-token" not in repr(failed.value)
            assert len(server.requests) == 1
            assert b"authorization: Bearer secret-token" in server.requests[0]

    asyncio.run(main())


# --- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_insecure", "url"),
    [
        ("dns:///host.example", False, "https://host.example"),
        ("host.example:443/", False, "https://host.example:443"),
        ("localhost:8090", True, "http://localhost:8090"),
        ("https://host/prefix/", True, "https://host/prefix"),
        ("http://[::1]:80", False, "http://[::1]:80"),
    ],
)
def test_addresses_are_read_as_users_write_them(text: str, is_insecure: bool, url: str):
    assert Endpoint.of(text, is_insecure=is_insecure).url == url


@pytest.mark.parametrize("text", ["", "ftp://x", "http://", "host:port", "https://u:p@host", "https://h/?q=1"])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(ValueError, match="address of a control plane"):
        Endpoint.of(text)


def test_certificates_are_checked_when_they_are_named(tmp_path: Any):
    with pytest.raises(ValueError, match="cannot be read"):
        Endpoint.of("host", ca_cert_file=tmp_path / "none.pem")
    (tmp_path / "x.pem").write_text("x")
    with pytest.raises(ValueError, match="PEM"):
        Endpoint.of("host", ca_cert_file=tmp_path / "x.pem")


@pytest.fixture(scope="session")
def private_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca.pem`, and `server.pem` and `server.key` for localhost that it has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("authority")
    (folder / "ext").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile ext",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


def test_a_private_authority_is_trusted_when_it_is_named(private_authority: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(private_authority / "server.pem", private_authority / "server.key")

    async def main() -> None:
        async with RawServer(proto(b""), tls=context) as server:
            port = server.url.rpartition(":")[2]
            endpoint = Endpoint.of(f"localhost:{port}", ca_cert_file=private_authority / "ca.pem")
            async with Transport(endpoint) as transport:
                await transport.call(GET, REQUEST)
            for address, said in (
                (Endpoint.of(f"https://localhost:{port}"), "admin.caCertFilePath"),
                (
                    Endpoint.of(f"https://127.0.0.1:{port}", ca_cert_file=private_authority / "ca.pem"),
                    "for another host",
                ),
                (Endpoint.of(f"http://localhost:{port}"), "TLS"),
            ):
                async with Transport(address, retry=RetryPolicy(1)) as transport:
                    with pytest.raises(RpcError) as failed:
                        await transport.call(GET, REQUEST)
                    assert said in str(failed.value)

    asyncio.run(main())


def test_a_server_without_tls_is_recognised():
    async def main() -> None:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(http("400 Bad Request"))
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, Transport(Endpoint.of(url), retry=RetryPolicy(1)) as transport:
            with pytest.raises(RpcError, match="does not speak TLS"):
                await transport.call(GET, REQUEST)

    asyncio.run(main())


def test_the_transport_loads_no_protobuf_and_no_connectrpc():
    code = (
        "import sys, flyte_protocol.transport; "
        "print([m for m in sys.modules if m.startswith(('google', 'flyteidl2', 'connectrpc', 'opentelemetry'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
