"""Extraction: what `tarfile` and GNU tar write comes back, and what could do harm does not."""

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_native import extract_archive, write_archive

LIMIT = 1 << 30

Tree = dict[str, bytes | str | None]
"""Content of a file, target of a symlink, or `None` for a folder."""


def listing(folder: Path) -> Tree:
    tree: Tree = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        tree[name] = str(path.readlink()) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return tree


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0, mode: int = 0o644
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, size, mode
    return info


def archive_of(path: Path, *members: tarfile.TarInfo, content: bytes = b"") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(content[: info.size]))
    return path


parts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20),
    st.integers(90, 200).map(lambda length: "n" * length),
).filter(lambda part: part not in {".", ".."})
names = st.lists(parts, min_size=1, max_size=3).map("/".join)
files = st.dictionaries(names, st.one_of(st.binary(max_size=1500), st.just(bytes(200_000))), max_size=6).filter(
    lambda tree: not any(other.startswith(name + "/") for name in tree for other in tree)
)


@given(files=files, tar_format=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, None]))
@settings(max_examples=60, deadline=None)
def test_what_tarfile_and_we_write_comes_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], tar_format: int | None
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    archive = folder / "archive"
    if tar_format is None:
        sources = [folder / str(index) for index in range(len(files))]
        for source, content in zip(sources, files.values(), strict=True):
            source.write_bytes(content)
        write_archive(zip(files, sources, strict=True), archive)
    else:
        with tarfile.open(archive, "w:gz", format=tar_format) as tar:
            for name, content in files.items():
                tar.addfile(member(name, size=len(content)), io.BytesIO(content))
    summary = extract_archive(archive, folder / "output", limit=LIMIT)
    assert {name: content for name, content in listing(folder / "output").items() if content is not None} == files
    assert (summary.files, summary.size) == (len(files), sum(map(len, files.values())))


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs the tar command")
@pytest.mark.parametrize("tar_format", ["gnu", "ustar", "posix", "v7"])
def test_what_the_tar_command_writes_comes_back(tar_format: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    long = source / ("d" * 60) / ("n" * 30)
    long.parent.mkdir(parents=True)
    long.write_bytes(b"long")
    (source / "empty folder").mkdir()
    (source / "script").write_bytes(b"#!")
    (source / "script").chmod(0o755)
    (source / "twin").hardlink_to(source / "script")
    (source / "link").symlink_to("script")
    (source / "empty folder" / "up").symlink_to("../script")
    subprocess.run(["tar", f"--format={tar_format}", "-czf", tmp_path / "archive", "-C", source, "."], check=True)
    extract_archive(tmp_path / "archive", tmp_path / "output", limit=LIMIT)
    assert listing(tmp_path / "output") == listing(source)
    assert (tmp_path / "output" / "script").stat().st_mode & 0o111 != 0
    assert (tmp_path / "output" / "twin").stat().st_ino == (tmp_path / "output" / "script").stat().st_ino


def test_an_existing_folder_keeps_its_other_files(tmp_path: Path) -> None:
    output = tmp_path / "output"
    (output / "a").mkdir(parents=True)
    (output / "a" / "mine").write_bytes(b"mine")
    (output / "a" / "b").write_bytes(b"old")
    archive = archive_of(tmp_path / "archive", member("a/b", size=3), member("c", size=3), content=b"new")
    extract_archive(archive, output, limit=LIMIT)
    assert listing(output) == {"a": None, "a/mine": b"mine", "a/b": b"new", "c": b"new"}


def test_the_last_member_of_a_name_wins_and_several_gzip_members_are_read(tmp_path: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.addfile(member("a", size=3), io.BytesIO(b"one"))
        tar.addfile(member("a", size=3), io.BytesIO(b"two"))
    archive = tmp_path / "archive"
    archive.write_bytes(gzip.compress(plain.getvalue()[:700]) + gzip.compress(plain.getvalue()[700:]))
    extract_archive(archive, tmp_path / "output", limit=LIMIT)
    assert listing(tmp_path / "output") == {"a": b"two"}


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ([member("/etc/evil")], "member `/etc/evil` is absolute"),
        ([member("../evil")], r"member `../evil` has a `..` component"),
        ([member("a/../../evil")], r"member `a/../../evil` has a `..` component"),
        ([member("a", tarfile.SYMTYPE, "/etc")], "member `a` is a symlink that could leave the folder"),
        ([member("a", tarfile.SYMTYPE, "..")], "member `a` is a symlink that could leave the folder"),
        ([member("b/a", tarfile.SYMTYPE, "../../x")], "member `b/a` is a symlink that could leave the folder"),
        (
            [member("d", tarfile.SYMTYPE, "."), member("a", tarfile.SYMTYPE, "d/../x")],
            "member `a` is a symlink that could",
        ),
        ([member("a", tarfile.LNKTYPE, "/etc/passwd")], "member `a` is a link that leaves the folder"),
        ([member("a", tarfile.LNKTYPE, "../x")], "member `a` is a link that leaves the folder"),
        ([member("a", tarfile.LNKTYPE, "b")], "member `a` is a link to a file that does not come before it"),
        ([member("a", tarfile.CHRTYPE)], "member `a` is a device; hint: "),
        ([member("a", tarfile.BLKTYPE)], "member `a` is a device; hint: "),
        ([member("a", tarfile.FIFOTYPE)], "member `a` is a FIFO; hint: "),
        ([member(".")], "member `.` has no name"),
    ],
)
def test_what_could_do_harm_is_refused_and_leaves_nothing(
    members: list[tarfile.TarInfo], problem: str, tmp_path: Path
) -> None:
    archive = archive_of(tmp_path / "archive", member("good"), *members)
    for output in (tmp_path / "new", tmp_path / "old"):
        (tmp_path / "old").mkdir(exist_ok=True)
        with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
            extract_archive(archive, output, limit=LIMIT)
        assert str(refused.value).startswith(f"archive `{archive}`: {problem}")
    assert listing(tmp_path / "old") == {}
    assert sorted(os.listdir(tmp_path)) == ["archive", "old"]


def test_nothing_is_written_through_a_link_of_the_archive(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "archive", member("d", tarfile.SYMTYPE, "e"), member("d/f", size=1), content=b"x")
    with pytest.raises(OSError, match="directory"):
        extract_archive(archive, tmp_path / "output", limit=LIMIT)
    assert os.listdir(tmp_path) == ["archive"]


def test_nothing_is_written_through_a_link_in_an_existing_folder(tmp_path: Path) -> None:
    outside, output = tmp_path / "outside", tmp_path / "output"
    outside.mkdir()
    output.mkdir()
    (output / "d").symlink_to(outside)
    archive = archive_of(tmp_path / "archive", member("d/f", size=1), content=b"x")
    with pytest.raises(NotADirectoryError) as refused:
        extract_archive(archive, output, limit=LIMIT)
    assert refused.value.filename == str(output / "d")
    assert listing(outside) == {}


def test_a_bomb_is_stopped_at_the_limit(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "archive", member("zeros", size=50 << 20), content=bytes(50 << 20))
    with pytest.raises(ValueError, match="is longer than 1000000 bytes when uncompressed; hint: raise `limit`"):
        extract_archive(archive, tmp_path / "output", limit=1_000_000)
    assert os.listdir(tmp_path) == ["archive"]


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_damaged_archives_are_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damage")
    archive = archive_of(
        folder / "archive", member("a/b", size=5000), member("n" * 150, size=9), content=bytes(range(250)) * 20
    )
    whole = archive.read_bytes()
    if data.draw(st.booleans(), label="cut"):
        archive.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        # Nothing checks the gzip header's name and time, nor the spare bits of the last byte before the trailer.
        checked = [index for index in range(60, len(whole)) if index != len(whole) - 9]
        position = data.draw(st.sampled_from(checked))
        archive.write_bytes(
            whole[:position] + bytes([whole[position] ^ data.draw(st.integers(1, 255))]) + whole[position + 1 :]
        )
    with pytest.raises(ValueError, match="archive `"):
        extract_archive(archive, folder / "output", limit=LIMIT)
    assert os.listdir(folder) == ["archive"]


@given(noise=st.binary(max_size=3000))
@settings(max_examples=100, deadline=None)
def test_noise_is_no_archive(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    folder = tmp_path_factory.mktemp("noise")
    (folder / "archive").write_bytes(gzip.compress(b"n" + noise))
    with pytest.raises(ValueError, match="archive `"):
        extract_archive(folder / "archive", folder / "output", limit=LIMIT)


def test_a_missing_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refused:
        extract_archive(tmp_path / "missing", tmp_path / "output", limit=LIMIT)
    assert refused.value.filename == str(tmp_path / "missing")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("prepare", [lambda _path: None, Path.mkdir], ids=["new", "existing"])
def test_twenty_processes_extract_one_archive_at_once(prepare: Callable[[Path], None], tmp_path: Path) -> None:
    """Each process reads the whole tree as soon as its own extraction says that it is there."""
    sources = {f"p{index % 9}/m{index}": tmp_path / f"source-{index}" for index in range(200)}
    for name, source in sources.items():
        source.write_bytes(name.encode() * 50)
    write_archive(sources.items(), tmp_path / "archive")
    output = tmp_path / "output"
    prepare(output)
    program = (
        "import sys, pathlib, flyte_native\n"
        "flyte_native.extract_archive(sys.argv[1], sys.argv[2], limit=1 << 30)\n"
        "root = pathlib.Path(sys.argv[2])\n"
        "for index in range(200):\n"
        "    name = f'p{index % 9}/m{index}'\n"
        "    assert (root / name).read_bytes() == name.encode() * 50, name\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "archive"), str(output)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(20)]
    outcomes = [process.communicate(timeout=120) + (process.returncode,) for process in running]
    assert outcomes == [(None, "", 0)] * 20
    assert {name for name, content in listing(output).items() if content is not None} == set(sources)
    assert not list(tmp_path.glob(".extract-*"))


def test_ctrl_c_ends_the_work_and_leaves_nothing(tmp_path: Path) -> None:
    """A file of 1 GB takes longer to write than the signal to come."""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    write_archive([("large", large)], tmp_path / "archive", level=1)
    large.unlink()
    program = (
        "import os, signal, sys, threading, flyte_native\n"
        "threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try: flyte_native.extract_archive(sys.argv[1], sys.argv[2], limit=1 << 40)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "archive"), str(tmp_path / "output")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
    assert os.listdir(tmp_path) == ["archive"]
