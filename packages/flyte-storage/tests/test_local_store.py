"""Local files as a store: URIs, atomic writes, refusal of what is not built."""

import asyncio
import gc
import os
from pathlib import Path

import pytest

import flyte_storage as storage
from flyte_storage import LocalFile, UnsupportedStoreError, is_remote, local_path, write_atomically


def test_paths_and_file_uris_name_the_same_file(tmp_path: Path) -> None:
    target = tmp_path / "a file ü.txt"
    target.write_bytes(b"x")
    assert local_path(str(target)) == target
    assert local_path(target.as_uri()) == target
    with LocalFile(target.as_uri()).open() as stream:
        assert stream.read() == b"x"


@pytest.mark.parametrize(
    ("uri", "expected"), [("a/b", False), ("/a", False), ("file:///a", False), ("s3://b/k", True), ("C:\\x", False)]
)
def test_is_remote(uri: str, expected: bool) -> None:
    assert is_remote(uri) is expected


def test_other_stores_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedStoreError, match="`s3://`.*\nhint"):
        local_path("s3://bucket/key")


def test_a_write_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "new" / "out.bin"
    with write_atomically(target) as stream:
        stream.write(b"first")
        assert not target.exists()
    assert target.read_bytes() == b"first"
    with pytest.raises(RuntimeError), write_atomically(target) as stream:
        stream.write(b"second")
        raise RuntimeError
    assert target.read_bytes() == b"first"
    assert [entry.name for entry in target.parent.iterdir()] == ["out.bin"]


def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path: Path) -> None:
    long_name = "ü" * 127 + "x"  # 255 bytes
    with write_atomically(tmp_path / long_name) as stream:
        stream.write(b"x")
    assert (tmp_path / long_name).read_bytes() == b"x"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_file_that_opens_after_its_reader_was_cancelled_is_closed(tmp_path: Path) -> None:
    """Opening a pipe waits for its other end, in a thread that cannot be cancelled."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def main() -> int:
        work = asyncio.ensure_future(storage.put(pipe, "memory://pipes/never"))
        await asyncio.sleep(0.1)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        for _ in range(200):
            try:
                # Refused without a reader; lets one that waits go on.
                return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                await asyncio.sleep(0.05)
        return -1  # cancelled before its thread had begun

    # The loop has waited for its threads, so the reader has come and gone.
    writer = asyncio.run(main())
    if writer >= 0:
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"x")
        os.close(writer)
    assert not storage.exists_sync("memory://pipes/never")


def test_a_file_that_nobody_closes_is_thrown_away() -> None:
    stream = storage.open_sync("memory://dropped/file", "wb")
    stream.write(bytes(3 * 1024 * 1024))
    del stream
    gc.collect()
    assert not storage.exists_sync("memory://dropped/file")
    with storage.open_sync("memory://dropped/file", "wb") as stream:
        stream.write(b"x")
    assert storage.info_sync("memory://dropped/file").size == 1
