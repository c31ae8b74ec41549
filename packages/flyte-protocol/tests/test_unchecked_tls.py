"""`insecure_skip_verify`: whatever certificate a server shows, calls and streams go through; without it the error names it."""

import asyncio
import contextlib
import gc
import logging
import queue
import shutil
import ssl
import subprocess
import threading
import urllib.request
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import run_service_pb2

from flyte_protocol import unchecked_tls
from flyte_protocol.codes import Code
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.frames import write_frame
from flyte_protocol.methods import methods_of
from flyte_protocol.retrying import RetryPolicy
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import Transport

from .connect_server import RawServer, chunk, proto, stream_head

RUNS = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])
GET, WATCH = RUNS["GetRunDetails"], RUNS["WatchRunDetails"]
REQUEST = run_service_pb2.GetRunDetailsRequest(run_id=identifier_pb2.RunIdentifier(name="r"))
WATCH_REQUEST = run_service_pb2.WatchRunDetailsRequest(run_id=identifier_pb2.RunIdentifier(name="r"))
MESSAGE = run_service_pb2.WatchRunDetailsResponse()
MESSAGE.details.action.id.run.name = "r"

CERTIFICATES = {
    # What `openssl req -x509` makes without being told anything: an authority.
    "authority": ("-addext", "subjectAltName=IP:127.0.0.1"),
    "self-signed": ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"),
    "other-name": ("-addext", "subjectAltName=DNS:ingress.local", "-addext", "basicConstraints=critical,CA:FALSE"),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    return tmp_path_factory.mktemp("certificates")


def context_of(folder: Path, kind: str) -> ssl.SSLContext:
    certificate, key = folder / f"{kind}.pem", folder / f"{kind}.key"
    if not certificate.exists():
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=flyte".split()
        files = ["-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate), "-days", "2"]
        subprocess.run([*command, *files, *CERTIFICATES[kind]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def secure(server: RawServer) -> str:
    return server.url.replace("http://", "https://")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(unchecked_tls, "_warned", set[str]())


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_calls_and_streams_go_through_with_any_certificate(kind: str, folder: Path):
    async def main() -> None:
        frames = chunk(write_frame(MESSAGE.SerializeToString())) + chunk(write_frame(b"{}", flags=2)) + chunk(b"")
        async with (
            RawServer(proto(b""), tls=context_of(folder, kind)) as unary,
            RawServer(stream_head() + frames, tls=context_of(folder, kind)) as streams,
        ):
            async with Transport(Endpoint.of(secure(unary), skips_verification=True)) as transport:
                await asyncio.gather(*(transport.call(GET, REQUEST) for _ in range(20)))
            assert b"host: 127.0.0.1:" in unary.requests[0].lower()
            async with (
                Transport(Endpoint.of(secure(streams), skips_verification=True)) as transport,
                transport.stream(WATCH, WATCH_REQUEST) as messages,
            ):
                assert [message.details.action.id.run.name async for message in messages] == ["r"]

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["authority", "self-signed"])
def test_without_it_the_error_names_what_can_be_set(kind: str, folder: Path):
    async def main() -> None:
        async with (
            RawServer(proto(b""), tls=context_of(folder, kind)) as server,
            Transport(Endpoint.of(secure(server)), retry=RetryPolicy(1)) as transport,
        ):
            with pytest.raises(RpcError, match=r"ca_cert_file_path.*insecure_skip_verify"):
                await transport.call(GET, REQUEST)

    asyncio.run(main())


def test_it_warns_once_of_each_server(folder: Path, caplog: pytest.LogCaptureFixture):
    async def main() -> None:
        async with RawServer(proto(b""), tls=context_of(folder, "authority")) as server:
            for _ in range(3):
                async with Transport(Endpoint.of(secure(server), skips_verification=True)) as transport:
                    await transport.call(GET, REQUEST)

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    (record,) = [each for each in caplog.records if each.name == "flyte.connection"]
    assert "insecure_skip_verify" in record.getMessage()


def test_a_named_authority_counts_more(folder: Path):
    context_of(folder, "self-signed")
    other = folder / "self-signed.pem"
    endpoint = Endpoint.of("https://127.0.0.1", skips_verification=True, ca_cert_file=other)
    assert not endpoint.skips_verification
    assert endpoint.ca_certificates
    assert not Endpoint.of("localhost:1", is_insecure=True, skips_verification=True).skips_verification


def test_a_server_that_is_not_there_is_told_as_without_it():
    async def main() -> RpcError:
        async with Transport(
            Endpoint.of("https://127.0.0.1:9", skips_verification=True), retry=RetryPolicy(1)
        ) as transport:
            with pytest.raises(RpcError) as failed:
                await transport.call(GET, REQUEST)
            return failed.value

    error = asyncio.run(main())
    assert (error.status, error.was_sent) == (Code.UNAVAILABLE, False)
    assert "nothing listens there" in str(error)


def test_a_loop_that_ends_leaves_nothing_open(folder: Path):
    """As of `flyte.remote`, whose clients end with their loops; the server goes on and says no farewell."""
    context = context_of(folder, "authority")
    addresses: queue.Queue[str] = queue.Queue()
    is_over = threading.Event()

    async def serve() -> None:
        async with RawServer(proto(b""), tls=context) as server:
            addresses.put(secure(server))
            await asyncio.to_thread(is_over.wait)

    async def main(url: str) -> None:
        transport = Transport(Endpoint.of(url, skips_verification=True))
        await asyncio.gather(*(transport.call(GET, REQUEST) for _ in range(5)))

    serving = threading.Thread(target=lambda: asyncio.run(serve()))
    serving.start()
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            asyncio.run(main(addresses.get(timeout=60)))
            gc.collect()
    finally:
        is_over.set()
        serving.join()
    assert [str(each.message) for each in seen if issubclass(each.category, ResourceWarning)] == []


def test_others_do_not_get_through_the_relay(folder: Path):
    def ask(url: str) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with pytest.raises(OSError, match=r"closed|reset"):
            opener.open(url, timeout=30)

    async def main() -> None:
        async with RawServer(proto(b""), tls=context_of(folder, "authority")) as server:
            relay = unchecked_tls.UncheckedTLS(secure(server), connect_seconds=10)
            url, _ = await relay.entry()
            await asyncio.to_thread(ask, url)
            await relay.aclose()
            assert server.requests == []

    asyncio.run(main())


@contextlib.asynccontextmanager
async def connect_proxy(to: RawServer, login: str = "") -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy that leads to one server, whatever name is asked for; its address and the heads of the requests that came."""
    heads: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        heads.append(head)
        if login and login not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            writer.close()
            return
        answers, upstream = await asyncio.open_connection("127.0.0.1", int(to.url.rpartition(":")[2]))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while piece := await source.read(65536):
                    target.write(piece)
                    await target.drain()
            target.close()

        await asyncio.gather(carry(reader, upstream), carry(answers, writer))

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


def test_it_goes_through_the_proxy_of_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch):
    async def call() -> None:
        endpoint = Endpoint.of("https://flyte.test", skips_verification=True)
        async with Transport(endpoint, retry=RetryPolicy(1)) as transport:
            await transport.call(GET, REQUEST)

    async def main() -> None:
        async with (
            RawServer(proto(b""), tls=context_of(folder, "authority")) as server,
            connect_proxy(server, "Basic bWU6cHdk") as (address, heads),
        ):
            # The one for plain HTTP is not asked: the relay is on this machine.
            monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:pwd@{address}")
            await call()
            assert [head.split()[1] for head in heads] == ["flyte.test:443"]
            monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
            with pytest.raises(RpcError, match=r"the proxy `http://127.*407(.|\n)*it wants a login"):
                await call()
            monkeypatch.setenv("NO_PROXY", "flyte.test")
            with pytest.raises(RpcError, match="there is no host of that name"):
                await call()
            assert len(heads) == 2

    asyncio.run(main())
