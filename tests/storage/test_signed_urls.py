"""Signed URLs as DataProxy hands them out: headers, checksums, retries that listen to the server, and no credentials in texts."""

import asyncio
import base64
import email.utils
import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import flyte_storage as storage

from .fault_proxy import FaultProxy, fault_proxy
from .services import AZURITE_ACCOUNT, AZURITE_KEY, Server

MIB = 1024 * 1024
FAST = storage.Limits(connect_seconds=10, request_seconds=6, stall_seconds=2, retry_seconds=5)
REFUSED = storage.Limits(connect_seconds=60, request_seconds=90, stall_seconds=60, retry_seconds=5)
"""For what is answered at once: it is a matter of how often it is tried."""
PATIENT = storage.Limits(connect_seconds=10, request_seconds=90, stall_seconds=4, retry_seconds=60)
"""For what has to come through: a busy machine must not look like a broken network."""
SECRET = "X-Amz-Signature=abcdef0123456789&X-Amz-Credential=AKIDEXAMPLE"


class Depot:
    """A web server that keeps what is put, as a store behind a signed URL does."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.headers: list[dict[str, str]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.endpoint = ""


@pytest.fixture
def depot() -> Iterator[Depot]:
    depot = Depot()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            depot.headers.append({name.lower(): text for name, text in self.headers.items()})
            status, extra = depot.answers.pop(0) if depot.answers else (200, {})
            if status == 200:
                assert base64.b64encode(hashlib.md5(body).digest()).decode() == self.headers["content-md5"]
                depot.objects[self.path.partition("?")[0]] = body
            self.answer(status, extra, f"<Error>{self.path}</Error>".encode() if status >= 300 else b"")

        def do_GET(self) -> None:
            body = depot.objects.get(self.path.partition("?")[0])
            status, extra = depot.answers.pop(0) if depot.answers else (200 if body is not None else 404, {})
            self.answer(status, extra, body or b"")

        def answer(self, status: int, extra: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, text in extra.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    depot.endpoint = f"http://127.0.0.1:{server.server_port}"
    yield depot
    server.shutdown()
    server.server_close()
    thread.join(10)


@contextmanager
def no_credentials_in(caught_by: type[BaseException]) -> Iterator[None]:
    with pytest.raises(caught_by) as caught:
        yield
    shown = "".join([str(caught.value), repr(caught.value), str(getattr(caught.value, "uri", ""))])
    assert "abcdef0123456789" not in shown
    assert "AKIDEXAMPLE" not in shown


@pytest.mark.parametrize("size", [0, 5, 3 * MIB + 1])
def test_files_go_up_and_come_down(depot: Depot, tmp_path: Path, size: int, bytes_of: Callable[[int], bytes]) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes_of(size))
    url = f"{depot.endpoint}/bucket/a%20key?{SECRET}"
    steps: list[tuple[int, int | None]] = []

    async def body() -> None:
        md5 = await storage.content_md5(source)
        headers = {"X-Custom": "as given", "x-ms-meta-flyte": "1"}
        given = await storage.put_signed(
            source, url, headers=headers, limits=PATIENT, progress=lambda *step: steps.append(step)
        )
        assert given == md5 == hashlib.md5(source.read_bytes()).digest()
        assert await storage.get_signed(url, tmp_path / "got", md5=md5, limits=PATIENT) == tmp_path / "got"

    asyncio.run(body())
    assert (tmp_path / "got").read_bytes() == source.read_bytes()
    assert steps[-1] == (size, size)
    sent = depot.headers[-1]
    assert sent["x-custom"] == "as given"
    assert sent["x-ms-meta-flyte"] == "1"
    assert sent["content-length"] == str(size)
    assert "transfer-encoding" not in sent
    assert "x-ms-blob-type" not in sent


def test_given_checksum_headers_are_kept_and_azure_gets_its_blob_type(depot: Depot) -> None:
    digest = base64.b64encode(hashlib.md5(b"abc").digest()).decode()
    url = f"{depot.endpoint}/container/key?sv=2024-01-01&sr=b&sig=secret"
    asyncio.run(storage.put_signed(b"abc", url, headers={"content-md5": digest}, limits=PATIENT))
    assert depot.headers[-1]["content-md5"] == digest
    assert depot.headers[-1]["x-ms-blob-type"] == "BlockBlob"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_servers_are_tried_again(depot: Depot, status: int) -> None:
    depot.answers = [(status, {})]
    asyncio.run(storage.put_signed(b"abc", f"{depot.endpoint}/k?{SECRET}", limits=PATIENT))
    assert depot.objects == {"/k": b"abc"}
    assert len(depot.headers) == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited(depot: Depot, form: str) -> None:
    started = time.monotonic()
    wait = "2" if form == "seconds" else email.utils.formatdate(time.time() + 3, usegmt=True)
    depot.answers = [(503, {"Retry-After": wait})]
    asyncio.run(storage.put_signed(b"abc", f"{depot.endpoint}/k", limits=PATIENT))
    # A lower bound only: a slow machine waits longer, never shorter.
    assert time.monotonic() - started >= 1.9


def test_a_wait_that_is_longer_than_the_limit_is_not_begun(depot: Depot) -> None:
    depot.answers = [(503, {"Retry-After": "3600"})]
    with pytest.raises(storage.StorageError, match="HTTP 503"):
        asyncio.run(storage.put_signed(b"abc", f"{depot.endpoint}/k", limits=REFUSED))
    assert len(depot.headers) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, storage.StoragePermissionError), (400, storage.StorageError), (404, storage.ObjectNotFoundError)],
)
def test_refusals_are_final_and_show_no_credentials(
    depot: Depot, status: int, error: type[Exception], tmp_path: Path
) -> None:
    depot.answers = [(status, {})]
    with no_credentials_in(error):
        asyncio.run(storage.put_signed(b"abc", f"{depot.endpoint}/k?{SECRET}", limits=REFUSED))
    assert len(depot.headers) == 1
    depot.answers = [(status, {})]
    with no_credentials_in(error):
        asyncio.run(storage.get_signed(f"{depot.endpoint}/k?{SECRET}", tmp_path / "got", limits=REFUSED))
    assert list(tmp_path.iterdir()) == []


def test_nobody_listens_shows_no_credentials() -> None:
    with no_credentials_in(storage.StorageError):
        asyncio.run(storage.put_signed(b"abc", f"http://127.0.0.1:9/k?{SECRET}", limits=FAST, retries=1))


def test_content_that_is_not_as_promised_is_refused(depot: Depot, tmp_path: Path) -> None:
    depot.objects["/k"] = b"abc"
    with no_credentials_in(storage.IntegrityError):
        asyncio.run(
            storage.get_signed(
                f"{depot.endpoint}/k?{SECRET}",
                tmp_path / "got",
                md5=hashlib.md5(b"x").digest(),
                limits=REFUSED,
                retries=1,
            )
        )
    assert list(tmp_path.iterdir()) == []
    wrong = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    depot.answers = [(200, {"x-goog-hash": f"crc32c=AAAAAA==, md5={wrong}"})]
    asyncio.run(storage.get_signed(f"{depot.endpoint}/k", tmp_path / "got", limits=PATIENT))
    assert (tmp_path / "got").read_bytes() == b"abc"


@pytest.fixture
def broken(depot: Depot) -> Iterator[FaultProxy]:
    with fault_proxy(depot.endpoint) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("cut", {"after": 1000}),
        ("short", {"after": 5}),
        ("stall", {"after": 1000}),
        ("swallow", {}),
        ("status", {}),
        ("slow", {}),
    ],
)
def test_passing_faults_of_a_download(
    depot: Depot,
    broken: FaultProxy,
    tmp_path: Path,
    kind: str,
    options: dict[str, object],
    bytes_of: Callable[[int], bytes],
) -> None:
    depot.objects["/k"] = bytes_of(200_000)
    broken.fail(kind, times=1, **options)

    async def body() -> None:
        async with asyncio.timeout(120):
            await storage.get_signed(f"{broken.endpoint}/k?{SECRET}", tmp_path / "got", limits=PATIENT)

    asyncio.run(body())
    assert (tmp_path / "got").read_bytes() == depot.objects["/k"]


@pytest.mark.parametrize("kind", ["cut-upload", "stall-upload", "slow-upload", "status"])
def test_passing_faults_of_an_upload(
    depot: Depot, broken: FaultProxy, tmp_path: Path, kind: str, bytes_of: Callable[[int], bytes]
) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes_of(3 * MIB))
    broken.fail(kind, times=1 if kind == "stall-upload" else 2)
    asyncio.run(storage.put_signed(source, f"{broken.endpoint}/k?{SECRET}", limits=PATIENT))
    assert depot.objects["/k"] == source.read_bytes()


@pytest.mark.parametrize("kind", ["cut", "stall", "swallow", "status"])
def test_lasting_faults_end_in_time(depot: Depot, broken: FaultProxy, tmp_path: Path, kind: str) -> None:
    depot.objects["/k"] = bytes(100_000)
    broken.fail(kind)

    async def body() -> None:
        async with asyncio.timeout(120):
            with no_credentials_in(storage.StorageError):
                await storage.get_signed(f"{broken.endpoint}/k?{SECRET}", tmp_path / "got", limits=FAST, retries=1)
            broken.clear()
            broken.fail({"cut": "cut-upload", "stall": "swallow"}.get(kind, kind))
            with no_credentials_in(storage.StorageError):
                await storage.put_signed(b"abc", f"{broken.endpoint}/k?{SECRET}", limits=FAST, retries=1)

    asyncio.run(body())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("direction", ["up", "down"])
def test_cancelling_ends_at_once_and_leaves_nothing(
    depot: Depot, broken: FaultProxy, tmp_path: Path, direction: str
) -> None:
    depot.objects["/k"] = bytes(100_000)
    broken.fail("stall" if direction == "down" else "swallow", after=1000)
    url = f"{broken.endpoint}/k?{SECRET}"

    async def body() -> None:
        work = asyncio.ensure_future(
            storage.get_signed(url, tmp_path / "got")
            if direction == "down"
            else storage.put_signed(bytes(3 * MIB), url)
        )
        while not broken.requests:
            await asyncio.sleep(0.01)
        work.cancel()
        async with asyncio.timeout(120):
            with pytest.raises(asyncio.CancelledError):
                await work

    asyncio.run(body())
    assert list(tmp_path.iterdir()) == []
    assert depot.objects["/k"] == bytes(100_000)


def test_urls_that_azure_signed(azurite_server: Server, tmp_path: Path, bytes_of: Callable[[int], bytes]) -> None:
    from datetime import timedelta

    import obstore
    from obstore.store import AzureStore

    store = AzureStore(
        azurite_server.bucket,
        account_name=AZURITE_ACCOUNT,
        account_key=AZURITE_KEY,
        endpoint=azurite_server.endpoint,
        client_options={"allow_http": True},
    )
    content = bytes_of(2 * MIB)
    key = f"{tmp_path.name}/key"
    up, down = (obstore.sign(store, method, key, timedelta(minutes=5)) for method in ("PUT", "GET"))

    async def body() -> None:
        await storage.put_signed(content, up, limits=PATIENT)
        await storage.get_signed(down, tmp_path / "got", md5=hashlib.md5(content).digest(), limits=PATIENT)
        tampered = up.replace("sig=", "sig=A")
        with pytest.raises(storage.StoragePermissionError) as caught:
            await storage.put_signed(content, tampered, limits=REFUSED)
        assert tampered.partition("sig=")[2] not in str(caught.value)
        with pytest.raises(storage.StorageError, match="HTTP 400"):
            await storage.put_signed(content, up, md5=hashlib.md5(b"other").digest(), limits=REFUSED)

    asyncio.run(body())
    assert (tmp_path / "got").read_bytes() == content


def test_urls_that_s3_signed(moto_server: Server, tmp_path: Path, bytes_of: Callable[[int], bytes]) -> None:
    from datetime import timedelta

    import obstore
    from obstore.store import S3Store

    store = S3Store(
        moto_server.bucket,
        endpoint=moto_server.endpoint,
        access_key_id="test",
        secret_access_key="test-secret",
        region="us-east-1",
        client_options={"allow_http": True},
    )
    source = tmp_path / "source"
    source.write_bytes(bytes_of(2 * MIB))
    up, down = (obstore.sign(store, method, tmp_path.name, timedelta(minutes=5)) for method in ("PUT", "GET"))

    async def body() -> None:
        await storage.put_signed(source, up, limits=PATIENT)
        await storage.get_signed(down, tmp_path / "got", limits=PATIENT)

    asyncio.run(body())
    assert (tmp_path / "got").read_bytes() == source.read_bytes()
