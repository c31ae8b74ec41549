"""What `write_archive` refuses, and that nothing is left behind when it does."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flyte_native import write_archive


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"x")
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["", "/a", "..", "a/../b", "./a", "a//b", "a/", "a\0b", "a", "b/c"])
def test_bad_names_are_refused_before_anything_is_written(name: str, source: Path, output: Path) -> None:
    with pytest.raises(ValueError, match="^name `"):
        write_archive([("a", source), ("b", source), (name, source)], output / "archive")
    assert list(output.iterdir()) == []


def test_a_missing_file_is_named(source: Path, output: Path) -> None:
    missing = source.with_name("missing")
    for threads in (1, 4):
        with pytest.raises(FileNotFoundError) as refused:
            write_archive([("a", source), ("b", missing)], output / "archive", threads=threads)
        assert (refused.value.filename, refused.value.strerror) == (str(missing), "No such file or directory")
    assert list(output.iterdir()) == []


def test_the_first_bad_file_in_order_is_reported(source: Path, output: Path) -> None:
    entries = [(f"{index:03}", source) for index in range(300)]
    entries[40] = ("040", source.with_name("missing-40"))
    entries[200] = ("200", source.with_name("missing-200"))
    for _ in range(20):
        with pytest.raises(FileNotFoundError) as refused:
            write_archive(entries[::-1], output / "archive", threads=4)
        assert refused.value.filename == str(source.with_name("missing-40"))


def test_what_is_no_regular_file_is_refused_and_does_not_block(source: Path, output: Path) -> None:
    fifo = source.with_name("fifo")
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="is a FIFO, not a regular file"):
        write_archive([("a", fifo)], output / "archive")
    with pytest.raises(IsADirectoryError):
        write_archive([("a", output)], output / "archive")
    loop = source.with_name("loop")
    loop.symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links") as refused:
        write_archive([("a", loop)], output / "archive")
    assert refused.value.filename == str(loop)
    assert list(output.iterdir()) == []


def test_permissions_are_told(unprivileged: Path) -> None:
    source, output = unprivileged / "source", unprivileged / "output"
    source.write_bytes(b"x")
    output.mkdir()
    source.chmod(0)
    with pytest.raises(PermissionError) as refused:
        write_archive([("a", source)], output / "archive")
    assert refused.value.filename == str(source)
    source.chmod(0o600)
    output.chmod(0o500)
    with pytest.raises(PermissionError) as refused:
        write_archive([("a", source)], output / "archive")
    assert refused.value.filename == str(output / "archive")


def test_bad_destinations_are_told(source: Path, output: Path) -> None:
    with pytest.raises(FileNotFoundError) as refused:
        write_archive([("a", source)], output / "nowhere" / "archive")
    assert refused.value.filename == str(output / "nowhere" / "archive")
    with pytest.raises(IsADirectoryError):
        write_archive([("a", source)], output)
    with pytest.raises(ValueError, match="the destination has no file name"):
        write_archive([("a", source)], "..")
    with pytest.raises(OSError, match="'/dev/full/archive'"):
        write_archive([("a", source)], "/dev/full/archive")
    assert list(output.iterdir()) == []


def test_misuse_is_explained(source: Path, output: Path) -> None:
    for level in (-1, 10):
        with pytest.raises(ValueError, match=f"`level` is {level}; hint: give 0"):
            write_archive([("a", source)], output / "archive", level=level)
    assert list(output.iterdir()) == []


def test_an_error_keeps_the_archive_of_before(source: Path, output: Path) -> None:
    archive = output / "archive"
    write_archive([("a", source)], archive)
    before = archive.read_bytes()
    with pytest.raises(FileNotFoundError):
        write_archive([("a", source), ("b", "missing")], archive)
    assert archive.read_bytes() == before
    assert list(output.iterdir()) == [archive]


def test_a_file_that_keeps_changing_is_an_error(source: Path, output: Path) -> None:
    source.write_bytes(os.urandom(8 << 20))
    stop = threading.Event()

    def grow() -> None:
        with source.open("ab") as file:
            while not stop.is_set():
                file.write(b"x")
                file.flush()
                stop.wait(0.001)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(OSError, match=r"\[Errno 16\] changed while it was read; hint: ") as refused:
            write_archive([("a", source)], output / "archive", level=9)
    finally:
        stop.set()
        writer.join()
    assert refused.value.filename == str(source)
    assert list(output.iterdir()) == []


def test_a_file_that_says_it_is_empty_and_is_not_is_an_error(output: Path) -> None:
    with pytest.raises(OSError, match="changed while it was read"):
        write_archive([("a", "/proc/version")], output / "archive")


def test_ctrl_c_ends_the_work_and_leaves_nothing(source: Path, output: Path) -> None:
    """A sparse file of 1 TB would take hours: only the signal ends this."""
    with source.open("wb") as file:
        file.truncate(1 << 40)
    program = (
        "import os, signal, sys, threading, flyte_native\n"
        "timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))\n"
        "try: timer.start(); flyte_native.write_archive([('a', sys.argv[1])], sys.argv[2], threads=int(sys.argv[3]))\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    for threads in ("1", "4"):
        command = [sys.executable, "-c", program, str(source), str(output / "archive"), threads]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert (done.stdout, done.stderr) == ("interrupted\n", "")
        assert list(output.iterdir()) == []
