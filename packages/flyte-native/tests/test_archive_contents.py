"""Archives, against `tarfile`, `gzip`, `zlib` and the `tar` command."""

import gzip
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_native import digest_file, tree_digest, write_archive

Files = dict[bytes, tuple[bool, bytes]]
Entries = list[tuple[bytes, Path]]

FIRST_OF_1981 = 347_155_200
SIZES = [0, 1, 511, 512, 513, 128 * 1024 - 1, 128 * 1024, 128 * 1024 + 1, 256 * 1024, 256 * 1024 + 1, 1 << 20]


class Blob(bytes):
    """Bytes that do not fill the screen when a test fails."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes, {self[:4].hex()}...>"


def noise(length: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(length)


def text(length: int, seed: int) -> bytes:
    source = random.Random(seed)
    words = [b"def ", b"return ", b"self.", b"import ", b"\n    ", b"value", b"(", b")", b" = "]
    return b"".join(source.choice(words) for _ in range(length // 3 + 1))[:length]


contents = st.one_of(
    st.binary(max_size=600),
    st.builds(
        lambda make, size, seed: Blob(make(size, seed)),
        st.sampled_from([noise, text]),
        st.sampled_from(SIZES),
        st.integers(0, 9),
    ),
)
unicode_parts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20
).map(str.encode)
odd_parts = st.binary(min_size=1, max_size=8).filter(lambda part: not {0, 0x2F} & set(part))
long_parts = st.integers(90, 300).map(lambda length: b"n" * length)
parts = st.one_of(unicode_parts, odd_parts, long_parts, st.just(b"with space")).filter(
    lambda part: part not in {b".", b".."}
)
names = st.lists(parts, min_size=1, max_size=3).map(b"/".join)


def is_tree(files: Files) -> bool:
    return not any(other.startswith(name + b"/") for name in files for other in files)


trees = st.dictionaries(names, st.tuples(st.booleans(), contents), max_size=8).filter(is_tree)


def write(folder: Path, files: Files) -> Entries:
    entries: Entries = []
    for index, (name, (is_executable, content)) in enumerate(files.items()):
        path = folder / f"{index}.source"
        path.write_bytes(content)
        path.chmod(0o755 if is_executable else 0o644)
        entries.append((name, path))
    return entries


def python_tar(files: Files) -> bytes:
    """The same archive by `tarfile`, in GNU format."""
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape", encoding="utf-8"
    ) as tar:
        for name in sorted(files):
            is_executable, content = files[name]
            member = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
            member.size, member.mtime, member.mode = len(content), FIRST_OF_1981, 0o755 if is_executable else 0o644
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def read_back(archive: Path, mode: str) -> Files:
    files: Files = {}
    with tarfile.open(archive, mode, encoding="utf-8", errors="surrogateescape") as tar:  # type: ignore[call-overload]
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            name = member.name.encode("utf-8", "surrogateescape")
            files[name] = (member.mode == 0o755, content.read())
    return files


@given(files=trees, level=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_the_archive_is_that_of_tarfile_whatever_the_order_and_threads(
    tmp_path_factory: pytest.TempPathFactory, files: Files, level: int
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    entries = write(folder, files)
    archive = folder / "archive.tar.gz"
    summary = write_archive(entries, archive, level=level, threads=1)
    expected = python_tar(files)
    compressed = archive.read_bytes()
    assert gzip.decompress(compressed) == expected
    assert read_back(archive, "r:gz") == read_back(archive, "r|gz") == files
    assert summary.md5 == hashlib.md5(compressed, usedforsecurity=False).hexdigest()
    assert (summary.size, summary.uncompressed_size, summary.files) == (len(compressed), len(expected), len(files))
    assert summary.tree_digest == tree_digest(entries)
    assert write_archive(entries[::-1], archive, level=level, threads=4) == summary
    assert archive.read_bytes() == compressed


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Entries, Files]:
    """A tree of many blocks: 300 files, and one of several segments."""
    files: Files = {f"package/module_{index}.py".encode(): (index % 7 == 0, text(9000, index)) for index in range(300)}
    files[b"data/large.bin"] = (False, noise(3 << 20, 1) + text((1 << 20) + 5, 2))
    return write(tmp_path_factory.mktemp("many"), files), files


def test_the_archive_is_one_gzip_member(many: tuple[Entries, Files], tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    write_archive(many[0], archive)
    compressed = archive.read_bytes()
    member = zlib.decompressobj(wbits=31)
    content = member.decompress(compressed)
    assert (member.eof, member.unused_data, member.unconsumed_tail) == (True, b"", b"")
    assert content == python_tar(many[1])
    assert compressed[:10] == bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])


def test_stream_readers_see_every_file(many: tuple[Entries, Files], tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    write_archive(many[0], archive)
    assert read_back(archive, "r|gz") == many[1]


@pytest.mark.parametrize("threads", [0, 1, 2, 3, 8, 40])
def test_the_bytes_do_not_depend_on_the_number_of_threads(
    threads: int, many: tuple[Entries, Files], tmp_path: Path
) -> None:
    assert write_archive(many[0], tmp_path / "b", threads=threads) == write_archive(many[0], tmp_path / "a", threads=1)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


def test_times_umask_and_folder_have_no_part(tmp_path: Path) -> None:
    summaries = set()
    for umask, time in ((0o022, 0), (0o077, 1_700_000_000)):
        before = os.umask(umask)
        try:
            folder = tmp_path / str(umask)
            folder.mkdir()
            plain, script = folder / "plain", folder / "script"
            plain.write_bytes(b"x")
            os.close(os.open(script, os.O_CREAT | os.O_WRONLY, 0o777))
            for path in (plain, script):
                os.utime(path, (time, time))
            summaries.add(write_archive([("plain", plain), ("script", script)], folder / "archive"))
        finally:
            os.umask(before)
    assert len(summaries) == 1


def test_the_archive_is_not_larger_than_that_of_python(many: tuple[Entries, Files], tmp_path: Path) -> None:
    summary = write_archive(many[0], tmp_path / "a")
    assert summary.size <= 1.05 * len(gzip.compress(python_tar(many[1]), 9))


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs the tar command")
def test_the_tar_command_extracts_it(many: tuple[Entries, Files], tmp_path: Path) -> None:
    odd = {
        "é/ü.txt".encode(): (False, b"1"),
        b"\xff\xfe": (True, b"2"),
        b"d" * 120 + b"/" + b"n" * 200: (False, b"3"),
        b"a b": (False, b""),
    }
    entries, files = [*many[0], *write(tmp_path, odd)], {**many[1], **odd}
    archive, output = tmp_path / "a.tar.gz", tmp_path / "output"
    output.mkdir()
    write_archive(entries, archive)
    done = subprocess.run(["tar", "-xzf", archive, "-C", output], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    extracted: Files = {}
    for root, _, found in os.walk(os.fsencode(output)):
        for name in found:
            path = Path(os.fsdecode(os.path.join(root, name)))
            relative = os.fsencode(path.relative_to(output))
            extracted[relative] = (bool(path.stat().st_mode & 0o100), path.read_bytes())
            assert path.stat().st_mtime == FIRST_OF_1981
    assert extracted == files


def test_no_files_make_an_empty_archive(tmp_path: Path) -> None:
    summary = write_archive([], tmp_path / "a")
    assert gzip.decompress((tmp_path / "a").read_bytes()) == bytes(10_240)
    assert (summary.files, summary.uncompressed_size, summary.tree_digest) == (0, 10_240, tree_digest([]))


def test_memory_stays_bounded_for_a_large_file(tmp_path: Path) -> None:
    """400 MB of content may not cost more than 64 MB of memory."""
    large = tmp_path / "large"
    with large.open("wb") as file:
        for index in range(100):
            file.write(noise(4096, index) * 1024)
    # The peak of `getrusage` is inherited from the process that starts one, and would hide what is asked for here.
    program = (
        "import pathlib, re, resource, sys, flyte_native\n"
        "def peak():\n"
        "    status = pathlib.Path('/proc/self/status')\n"
        "    if not status.exists():\n"
        "        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    return int(re.search(r'VmHWM:\\s*(\\d+)', status.read_text())[1]) * 1024\n"
        "before = peak()\n"
        "flyte_native.write_archive([('large', sys.argv[1])], sys.argv[2], level=1, threads=4)\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, large, tmp_path / "a"], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 64 << 20
    large_copy = tarfile.open(tmp_path / "a").extractfile("large")  # noqa: SIM115 - closed with the process
    assert large_copy is not None
    with large_copy:
        assert hashlib.file_digest(large_copy, "md5").hexdigest() == digest_file(large, "md5")
