"""Digests of bytes and files, against `hashlib`, the published BLAKE3 vectors and odd files."""

import hashlib
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_native import FileDigests, digest_bytes, digest_file, digest_files, file_digests

SEGMENT = 256 * 1024
LARGE = 4 * 1024 * 1024
# https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json: input byte i is i % 251
BLAKE3_VECTORS = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
}


def pattern(length: int) -> bytes:
    return (bytes(range(251)) * (length // 251 + 1))[:length]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@given(data=st.binary(max_size=70_000))
@settings(max_examples=50, deadline=None)
def test_md5_of_bytes_is_that_of_hashlib(data: bytes) -> None:
    assert digest_bytes(data, algorithm="md5") == hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("length", BLAKE3_VECTORS)
def test_blake3_is_that_of_the_published_vectors(length: int, folder: Path) -> None:
    path = folder / "content"
    path.write_bytes(pattern(length))
    assert digest_bytes(pattern(length)) == BLAKE3_VECTORS[length]
    assert digest_file(path) == BLAKE3_VECTORS[length]


@pytest.mark.parametrize("buffer", [bytearray, memoryview])
def test_other_buffers_have_the_digest_of_their_bytes(buffer: type) -> None:
    data = pattern(100_000)
    assert digest_bytes(buffer(data)) == digest_bytes(data)


@pytest.mark.parametrize(
    "length",
    [
        0,
        1,
        4095,
        4096,
        4097,
        SEGMENT - 1,
        SEGMENT,
        SEGMENT + 1,
        1 << 20,
        LARGE - 1,
        LARGE,
        LARGE + 1,
        LARGE + SEGMENT + 1,
    ],
)
def test_a_file_has_the_digests_of_its_bytes(length: int, folder: Path) -> None:
    data = pattern(length)
    path = folder / "content"
    path.write_bytes(data)
    md5, blake3 = hashlib.md5(data, usedforsecurity=False).hexdigest(), digest_bytes(data)
    both = file_digests(path)
    assert digest_file(path, "md5") == md5
    assert [digest_file(path, threads=threads) for threads in (0, 1, 2, 3)] == [blake3] * 4
    assert (both.md5, both.blake3, both.size) == (md5, blake3, length)


def test_digest_files_keeps_the_order_of_its_paths(folder: Path) -> None:
    contents = [pattern(length) for length in (LARGE + 7, 3, 0, 70_000, LARGE)] + [
        bytes([index]) for index in range(200)
    ]
    paths = [folder / str(index) for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    for threads in (0, 1, 5):
        assert digest_files(paths, threads=threads) == [digest_bytes(content) for content in contents]
    md5s = [hashlib.md5(content, usedforsecurity=False).hexdigest() for content in contents]
    assert digest_files(iter(paths), algorithm="md5") == md5s
    assert digest_files([]) == []


def test_paths_may_be_str_bytes_or_path_like(folder: Path) -> None:
    class BytesPath:
        def __fspath__(self) -> bytes:
            return os.fsencode(path)

    path = folder / "naïve name\udcff"
    path.write_bytes(b"x")
    expected = digest_bytes(b"x")
    assert [digest_file(each) for each in (path, str(path), os.fsencode(path), BytesPath())] == [expected] * 4


def test_a_symlink_has_the_digest_of_its_target(folder: Path) -> None:
    (folder / "target").write_bytes(b"x")
    (folder / "link").symlink_to("target")
    assert digest_file(folder / "link") == digest_bytes(b"x")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_files_of_proc_are_read_though_they_say_they_are_empty() -> None:
    assert (
        digest_file("/proc/version", "md5")
        == hashlib.md5(Path("/proc/version").read_bytes(), usedforsecurity=False).hexdigest()
    )


def test_results_compare_and_print() -> None:
    first, second = file_digests(__file__), file_digests(__file__)
    assert first == second
    assert hash(first) == hash(second)
    assert repr(first) == f"FileDigests(blake3='{first.blake3}', md5='{first.md5}', size={first.size})"
    assert isinstance(first, FileDigests)


@pytest.mark.parametrize("digest", [digest_file, file_digests, lambda path: digest_files([__file__, path])])
def test_what_is_no_regular_file_is_an_error_with_its_name(digest: object, folder: Path) -> None:
    assert callable(digest)
    with pytest.raises(FileNotFoundError) as missing:
        digest(folder / "missing")
    assert missing.value.filename == str(folder / "missing")
    assert str(missing.value) == f"[Errno 2] No such file or directory: '{folder}/missing'"
    with pytest.raises(IsADirectoryError) as is_folder:
        digest(folder)
    assert is_folder.value.filename == str(folder)


def test_fifos_sockets_and_devices_are_refused_and_do_not_block(folder: Path) -> None:
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match=r"\[Errno 22\] is a FIFO, not a regular file: '.*fifo'") as refused:
        digest_file(fifo)
    assert refused.value.filename == str(fifo)
    with pytest.raises(OSError, match="is a device, not a regular file: '/dev/zero'"):
        digest_file("/dev/zero")
    listener = socket.socket(socket.AF_UNIX)
    with listener:
        listener.bind(str(folder / "socket"))
        with pytest.raises(OSError, match="is a socket, not a regular file"):
            digest_file(folder / "socket")


def test_an_unreadable_file_is_a_permission_error(unprivileged: Path) -> None:
    path = unprivileged / "secret"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(PermissionError) as refused:
        digest_file(path)
    assert refused.value.filename == str(path)


def test_a_file_that_grows_while_it_is_read_is_an_error(folder: Path) -> None:
    path = folder / "growing"
    # Reading it takes a tenth of a second and more, in which the other thread has its turn on a busy machine too.
    with path.open("wb") as file:
        file.truncate(192 << 20)
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab") as file:
            while not stop.is_set():
                file.write(b"x")
                file.flush()
                stop.wait(0.001)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for digest in (lambda: digest_file(path), lambda: digest_file(path, "md5"), lambda: file_digests(path)):
            with pytest.raises(OSError, match=r"\[Errno 16\] changed while it was read; hint: wait") as refused:
                digest()
            assert refused.value.filename == str(path)
    finally:
        stop.set()
        writer.join()


def test_misuse_is_explained(folder: Path) -> None:
    with pytest.raises(ValueError, match="unknown digest algorithm `sha1`; hint: use `blake3` or `md5`"):
        digest_bytes(b"", algorithm="sha1")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`threads` is -1; hint: give 0 for all"):
        digest_file(folder, threads=-1)
    with pytest.raises(TypeError, match="a path must be `str`, `bytes` or `os.PathLike`, not `int`"):
        digest_file(3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="paths must be an iterable of paths, not `str`"):
        digest_files("path")
    with pytest.raises(ValueError, match="cannot open"):
        digest_file("nul\0inside")


def test_the_gil_is_released_and_a_signal_ends_the_work(folder: Path) -> None:
    """A sparse file of 1 TB would take minutes: only the signal ends this."""
    path = folder / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    program = (
        "import os, signal, sys, threading, flyte_native\n"
        "timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))\n"
        "try: timer.start(); flyte_native.digest_file(sys.argv[1], sys.argv[2])\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    for algorithm in ("md5", "blake3"):
        done = subprocess.run(
            [sys.executable, "-c", program, path, algorithm], capture_output=True, text=True, timeout=60, check=True
        )
        assert (done.stdout, done.stderr) == ("interrupted\n", "")
    assert stat.S_ISREG(path.stat().st_mode)
