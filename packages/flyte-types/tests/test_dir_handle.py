"""`Dir` and `EmptyDir` on the local file system: looking in, copying, and the wire."""

import asyncio
import inspect
from dataclasses import dataclass
from pathlib import Path

import pytest

from flyte_models.context import task_scope
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.task_context import TaskContext
from flyte_types.codec import decode_literal, encode_literal, literal_type_of
from flyte_types.dir import Dir, EmptyDir
from flyte_types.errors import InputTypeError
from flyte_types.file import File


@dataclass
class Holder:
    folder: Dir
    maybe: Dir | None = None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "hollow").mkdir()
    (root / "b.txt").write_text("b")
    (root / "a.csv").write_text("a")
    (root / "ü ?#%20.txt").touch()
    (root / "sub" / "y.csv").write_text("y")
    (root / "sub" / "deep" / "z.txt").write_text("z")
    return root


TOP = ["a.csv", "b.txt", "ü ?#%20.txt"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [*TOP, "y.csv", "z.txt"]),
        ({"recursive": False}, TOP),
        ({"max_depth": 1}, TOP),
        ({"max_depth": 2}, [*TOP, "y.csv"]),
        ({"recursive": False, "max_depth": 2}, TOP),
    ],
    ids=str,
)
def test_walking(folder: Path, options: dict, expected: list[str]) -> None:
    handle = Dir(path=str(folder))

    async def walked() -> list[str | None]:
        return [file.name async for file in handle.walk(**options)]

    assert expected == [file.name for file in handle.walk_sync(**options)]
    assert expected == asyncio.run(walked())


def test_patterns_are_honoured(folder: Path) -> None:
    handle = Dir(path=str(folder))
    assert ["a.csv", "y.csv"] == [file.name for file in handle.walk_sync(file_pattern="*.csv")]
    assert ["a.csv"] == [file.name for file in handle.walk_sync(recursive=False, file_pattern="*.csv")]
    assert [] == list(handle.walk_sync(file_pattern="*.CSV"))


def test_a_depth_below_one_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        list(Dir(path=str(folder)).walk_sync(max_depth=0))


def test_many_files_are_walked(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"{number:03}").touch()

    async def names() -> list[str | None]:
        return [file.name async for file in Dir(path=str(tmp_path)).walk()]

    assert [f"{number:03}" for number in range(600)] == asyncio.run(names())


def test_both_faces_list_and_find(folder: Path) -> None:
    handle = Dir(path=str(folder))
    files = handle.list_files_sync()
    assert TOP == [file.name for file in files]
    assert files == asyncio.run(handle.list_files())
    assert (
        File(path=f"{folder}/sub/y.csv")
        == handle.get_file_sync("sub/y.csv")
        == asyncio.run(handle.get_file("sub/y.csv"))
    )
    assert (None, None) == (handle.get_file_sync("no"), handle.get_file_sync("sub"))
    for name in ("../root/a.csv", "/etc/passwd", ""):
        with pytest.raises(ValueError, match="not the name of a file"):
            handle.get_file_sync(name)
    with handle.get_file_sync("b.txt").open_sync("r") as stream:
        assert "b" == stream.read()


def test_it_exists_if_it_is_a_folder(folder: Path) -> None:
    handles = [Dir(path=str(path)) for path in (folder, folder / "no", folder / "a.csv")]
    assert [True, False, False] == [handle.exists_sync() for handle in handles]
    assert asyncio.run(handles[0].exists())
    assert not File(path=str(folder)).exists_sync()


def test_downloads(folder: Path, tmp_path: Path) -> None:
    handle = Dir(path=str(folder))
    assert str(folder) == handle.download_sync() == asyncio.run(handle.download())
    assert str(tmp_path / "one") == handle.download_sync(tmp_path / "one")
    assert str(tmp_path / "two") == asyncio.run(handle.download(str(tmp_path / "two")))
    expected = {path.relative_to(folder) for path in folder.rglob("*")}
    for copy in ("one", "two"):
        assert expected == {path.relative_to(tmp_path / copy) for path in (tmp_path / copy).rglob("*")}
    with pytest.raises(FileNotFoundError):
        Dir(path=str(tmp_path / "no")).download_sync(tmp_path / "three")
    assert not (tmp_path / "three").exists()


def test_local_folders_are_taken_where_they_are_or_copied(folder: Path, tmp_path: Path) -> None:
    handle = Dir.from_local_sync(folder, dir_cache_key="key")
    assert (str(folder), "root", "key") == (handle.path, handle.name, handle.hash)
    copied = asyncio.run(Dir.from_local(folder, str(tmp_path / "copy")))
    assert (str(tmp_path / "copy"), "root", None) == (copied.path, copied.name, copied.hash)
    assert [file.name for file in handle.walk_sync()] == [file.name for file in copied.walk_sync()]
    hollow = Dir.from_local_sync(folder / "hollow", str(tmp_path / "hollow"))
    assert ([], True) == (hollow.list_files_sync(), hollow.exists_sync())
    with pytest.raises(ValueError, match="folder not found"):
        Dir.from_local_sync(tmp_path / "no")
    with pytest.raises(ValueError, match="is a file"):
        Dir.from_local_sync(folder / "a.csv")


def test_new_folders_are_under_the_data_of_the_task(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside a task"):
        Dir.new_remote()
    context = TaskContext(
        action=ActionID(name="a0"), version="v", raw_data_path=RawDataPath(path=str(tmp_path / "raw")),
        output_path="o", run_base_dir="b", report=None,
    )  # fmt: skip
    with task_scope(context):
        handle = Dir.new_remote("n", "h")
    assert handle.path.startswith(f"{tmp_path}/raw/")
    assert ("n", "h") == (handle.name, handle.hash)
    assert [] == handle.list_files_sync()


def test_the_empty_folder(tmp_path: Path) -> None:
    empty = Dir.empty()
    assert isinstance(empty, EmptyDir)
    assert "EmptyDir(path='::flyte-empty-dir::', name='', format='', hash=None)" == repr(empty) == repr(EmptyDir())
    assert (True, False, []) == (empty.is_empty, empty.exists_sync(), empty.list_files_sync())
    assert empty.get_file_sync("x") is None
    assert str(tmp_path / "e") == empty.download_sync(tmp_path / "e")
    assert [] == list((tmp_path / "e").iterdir())
    back = decode_literal(encode_literal(empty, Dir), Dir)
    assert (Dir, True) == (type(back), back.is_empty)
    held = decode_literal(encode_literal(Holder(Dir(path="d"), empty), Holder), Holder)
    assert held.maybe is not None
    assert held.maybe.is_empty
    assert not Dir(path=str(tmp_path)).is_empty


def test_the_wire_is_that_of_the_reference() -> None:
    """Recorded from PyPI flyte 2.12.1."""
    assert b"*\x02\x10\x01" == literal_type_of(Dir)
    handle = Dir(path="s3://b/d/", hash="h", format="f")
    assert handle == decode_literal(encode_literal(handle, Dir), Dir)
    assert "d" == handle.name
    with pytest.raises(InputTypeError):
        encode_literal(File(path="s3://b/d"), Dir)
    with pytest.raises(InputTypeError):
        decode_literal(encode_literal(File(path="s3://b/d"), File), Dir)


# Parameters of the public methods as PyPI flyte 2.12.1 has them.
FROM_LOCAL = ["local_path", "remote_destination", "dir_cache_key", "batch_size", "chunk_size", "max_concurrency"]
SIGNATURES = {
    "download": ["local_path"], "download_sync": ["local_path"], "empty": [], "exists": [], "exists_sync": [],
    "from_existing_remote": ["remote_path", "dir_cache_key"], "from_local": FROM_LOCAL, "from_local_sync": FROM_LOCAL,
    "get_file": ["file_name"], "get_file_sync": ["file_name"], "list_files": [], "list_files_sync": [],
    "new_remote": ["dir_name", "hash"], "walk": ["recursive", "max_depth"],
    "walk_sync": ["recursive", "file_pattern", "max_depth"],
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    found = list(inspect.signature(getattr(Dir, name)).parameters)
    assert SIGNATURES[name] == [parameter for parameter in found if parameter != "self"]
