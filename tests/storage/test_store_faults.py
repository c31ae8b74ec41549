"""Broken networks: nothing waits beyond its limits, nothing is half-written, passing faults are survived."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import flyte_storage as storage

from .fault_proxy import FaultProxy
from .services import Server

MIB = 1024 * 1024
FAST = storage.Limits(
    connect_seconds=10,
    request_seconds=4,
    stall_seconds=2,
    retry_seconds=8,
    abort_seconds=3,
    range_bytes=MIB,
    part_bytes=5 * MIB,
)
PATIENT = replace(FAST, request_seconds=9, retry_seconds=100)
"""For what has to come through although something stands still."""
CALM = replace(FAST, request_seconds=60, stall_seconds=60, retry_seconds=100, abort_seconds=60)
"""For what has nothing to wait for: a busy machine must not look like a broken network."""
REFUSED = replace(CALM, retry_seconds=8)
"""For what fails again and again, and at once."""
BOUND = 120.0
"""Well above what these limits allow, well below a hang."""


@pytest.fixture
def bucket(proxied: FaultProxy, moto_server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    for name, text in moto_server.environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("FLYTE_AWS_ENDPOINT", proxied.endpoint)
    from datetime import timedelta

    storage.configure(
        storage.S3(
            endpoint=proxied.endpoint,
            access_key_id="test",
            secret_access_key="test-secret",
            region="us-east-1",
            backoff=timedelta(seconds=1),
        ),
        limits=CALM,
    )
    return f"{moto_server.root}/{tmp_path.name}"


def bounded(body: Callable[[], object]) -> None:
    async def run() -> None:
        async with asyncio.timeout(BOUND):
            await body()  # type: ignore[misc]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("cut", {"after": 300_000, "times": 2}),
        ("short", {"after": 10, "times": 2}),
        ("stall", {"after": 300_000, "times": 1}),
        ("status", {"status": 503, "times": 2}),
        ("status", {"status": 500, "times": 1}),
        ("slow", {"times": 2}),
        ("corrupt", {"times": 1, "smallest_body": 100_000}),
    ],
)
def test_passing_faults_of_a_download_are_survived(
    bucket: str,
    proxied: FaultProxy,
    tmp_path: Path,
    bytes_of: Callable[[int], bytes],
    kind: str,
    options: dict[str, object],
) -> None:
    content = bytes_of(3 * MIB + 7)

    async def body() -> None:
        await storage.put_stream(content, to_path=f"{bucket}/file")
        proxied.fail(kind, methods=("GET",), **options)
        await storage.get(f"{bucket}/file", tmp_path / "got", limits=PATIENT)

    bounded(body)
    assert (tmp_path / "got").read_bytes() == content


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("cut", {"after": 0}),
        ("short", {"after": 10}),
        ("stall", {"after": 1000}),
        ("stall", {"after": 0}),
        ("swallow", {}),
        ("status", {"status": 503}),
    ],
)
def test_lasting_faults_of_a_download_end_in_time_and_leave_nothing(
    bucket: str,
    proxied: FaultProxy,
    tmp_path: Path,
    bytes_of: Callable[[int], bytes],
    kind: str,
    options: dict[str, object],
) -> None:
    (tmp_path / "got").write_bytes(b"what was there")

    async def body() -> None:
        await storage.put_stream(bytes_of(3 * MIB), to_path=f"{bucket}/file")
        proxied.fail(kind, methods=("GET",), **options)
        limits = FAST if kind in {"stall", "swallow"} else REFUSED
        with pytest.raises(storage.StorageError) as caught:
            await storage.get(f"{bucket}/file", tmp_path / "got", limits=limits)
        assert "test-secret" not in str(caught.value)
        assert isinstance(caught.value, TimeoutError) == (kind in {"stall", "swallow"})

    bounded(body)
    assert (tmp_path / "got").read_bytes() == b"what was there"
    assert [path.name for path in tmp_path.iterdir()] == ["got"]


@pytest.mark.parametrize("kind", ["cut-upload", "stall-upload", "status", "swallow"])
@pytest.mark.parametrize("size", [100_000, 11 * MIB])
def test_lasting_faults_of_an_upload_end_in_time_and_leave_nothing(
    bucket: str, proxied: FaultProxy, bytes_of: Callable[[int], bytes], kind: str, size: int
) -> None:
    async def body() -> None:
        proxied.fail(kind, methods=("PUT",))
        with pytest.raises(storage.StorageError) as caught:
            await storage.put_stream(bytes_of(size), to_path=f"{bucket}/file", size_hint=size, limits=FAST)
        assert "test-secret" not in str(caught.value)
        proxied.clear()
        assert not await storage.exists(f"{bucket}/file")
        if size > MIB:
            assert [method for method, _ in proxied.requests if method == "DELETE"] == []

    bounded(body)


@pytest.mark.parametrize("kind", ["cut-upload", "stall-upload", "slow-upload", "status"])
@pytest.mark.parametrize("size", [100_000, 11 * MIB])
def test_passing_faults_of_an_upload_are_survived(
    bucket: str, proxied: FaultProxy, tmp_path: Path, bytes_of: Callable[[int], bytes], kind: str, size: int
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes_of(size))

    async def body() -> None:
        # What stands still is noticed after `request_seconds`.
        proxied.fail(kind, methods=("PUT",), times=1 if kind == "stall-upload" else 2)
        await storage.put(str(source), f"{bucket}/file", limits=PATIENT)
        await storage.get(f"{bucket}/file", target, limits=PATIENT)

    bounded(body)
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("verb", ["read", "write"])
def test_a_busy_server_is_left_alone_as_long_as_it_wants(
    bucket: str, proxied: FaultProxy, status: int, verb: str
) -> None:
    async def body() -> None:
        await storage.put_stream(b"content", to_path=f"{bucket}/file")
        proxied.clear()
        proxied.fail("status", status=status, retry_after="2", times=2)
        if verb == "read":
            assert (await storage.info(f"{bucket}/file", limits=PATIENT)).size == 7
        else:
            await storage.put_stream(b"content", to_path=f"{bucket}/file", limits=PATIENT)

    bounded(body)
    # The request, the question without credentials how long to wait, and the request again.
    assert [b"authorization" in head.lower() for head in proxied.heads] == [True, False, True]
    assert proxied.times[2] - proxied.times[1] >= 2


def test_a_busy_server_that_wants_to_be_left_alone_for_long_ends_the_request(bucket: str, proxied: FaultProxy) -> None:
    async def body() -> None:
        proxied.fail("status", status=429, retry_after="3600")
        with pytest.raises(storage.StorageError, match="429"):
            await storage.info(f"{bucket}/file")

    bounded(body)
    assert len(proxied.requests) == 2


def test_what_the_server_refuses_for_good_is_not_tried_again(bucket: str, proxied: FaultProxy) -> None:
    async def body() -> None:
        proxied.fail("status", status=400)
        with pytest.raises(storage.StorageError, match="400"):
            await storage.info(f"{bucket}/file")

    bounded(body)
    assert len(proxied.requests) == 1


def test_a_failed_multipart_upload_is_aborted(
    bucket: str, proxied: FaultProxy, bytes_of: Callable[[int], bytes]
) -> None:
    async def body() -> None:
        proxied.fail("status", methods=("PUT",), status=500)
        with pytest.raises(storage.StorageError):
            await storage.put_stream(bytes_of(11 * MIB), to_path=f"{bucket}/file", size_hint=11 * MIB, limits=REFUSED)

    bounded(body)
    assert [method for method, path in proxied.requests if method == "DELETE" and "uploadId" in path] == ["DELETE"]


def test_cancelling_a_stuck_upload_ends_in_time(
    bucket: str, proxied: FaultProxy, bytes_of: Callable[[int], bytes]
) -> None:
    async def body() -> None:
        proxied.fail("swallow", methods=("PUT",))
        limits = replace(CALM, abort_seconds=3)
        upload = asyncio.create_task(
            storage.put_stream(bytes_of(11 * MIB), to_path=f"{bucket}/file", size_hint=11 * MIB, limits=limits)
        )
        while not any(method == "PUT" for method, _ in proxied.requests):
            await asyncio.sleep(0.01)
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        proxied.clear()
        assert not await storage.exists(f"{bucket}/file")

    bounded(body)


@pytest.mark.parametrize("size", [100_000, 11 * MIB])
def test_bytes_that_change_on_their_way_up_are_noticed(
    bucket: str, proxied: FaultProxy, bytes_of: Callable[[int], bytes], size: int
) -> None:
    async def body() -> None:
        proxied.fail("corrupt-upload", methods=("PUT",), smallest_body=0, times=1)
        with pytest.raises(storage.IntegrityError, match="differs"):
            await storage.put_stream(bytes_of(size), to_path=f"{bucket}/file", size_hint=size)
        assert not await storage.exists(f"{bucket}/file")

    bounded(body)


def test_an_upload_whose_end_is_refused_leaves_nothing(
    bucket: str, proxied: FaultProxy, bytes_of: Callable[[int], bytes]
) -> None:
    async def body() -> None:
        proxied.fail("status", methods=("POST",), status=500)
        with pytest.raises(storage.StorageError):
            await storage.put_stream(bytes_of(11 * MIB), to_path=f"{bucket}/file", size_hint=11 * MIB, limits=REFUSED)
        proxied.clear()
        assert not await storage.exists(f"{bucket}/file")

    bounded(body)


def test_cancelling_a_stuck_download_ends_at_once_and_leaves_nothing(
    bucket: str, proxied: FaultProxy, tmp_path: Path, bytes_of: Callable[[int], bytes]
) -> None:
    async def body() -> None:
        await storage.put_stream(bytes_of(3 * MIB), to_path=f"{bucket}/file")
        proxied.clear()
        proxied.fail("stall", methods=("GET",), after=1000)
        download = asyncio.create_task(storage.get(f"{bucket}/file", tmp_path / "got", limits=storage.Limits()))
        while not any(method == "GET" for method, _ in proxied.requests):
            await asyncio.sleep(0.01)
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download

    bounded(body)
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_change_on_the_way_are_noticed(
    bucket: str, proxied: FaultProxy, tmp_path: Path, bytes_of: Callable[[int], bytes]
) -> None:
    async def body() -> None:
        await storage.put_stream(bytes_of(900_000), to_path=f"{bucket}/file")
        proxied.fail("corrupt", methods=("GET",), times=1)
        proxied.fail("corrupt", methods=("GET",), times=1, at=1)
        with pytest.raises(storage.IntegrityError, match="the store says"):
            await storage.get(f"{bucket}/file", tmp_path / "got")

    bounded(body)
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_is_replaced_while_it_is_read_is_noticed(bucket: str, bytes_of: Callable[[int], bytes]) -> None:
    async def body() -> None:
        await storage.put_stream(bytes_of(12 * MIB), to_path=f"{bucket}/file")
        pieces = storage.get_stream(f"{bucket}/file", 1000)
        await anext(pieces)
        await storage.put_stream(bytes(12 * MIB), to_path=f"{bucket}/file")
        with pytest.raises(storage.IntegrityError, match="was replaced"):
            async for _ in pieces:
                pass
        await pieces.aclose()

    bounded(body)


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("FLYTE_STORAGE_RETRIES", "1")
    started = time.monotonic()
    with pytest.raises(storage.StorageError):
        storage.exists_sync("s3://bucket/key", limits=FAST)
    assert time.monotonic() - started < BOUND
