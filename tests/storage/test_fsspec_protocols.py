"""Handles on a protocol that a user registered with fsspec."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from flyte.io import DataFrame, Dir, File

fsspec = pytest.importorskip("fsspec")
pd = pytest.importorskip("pandas")


@pytest.fixture
def protocol() -> str:
    from fsspec.implementations.memory import MemoryFileSystem

    class Own(MemoryFileSystem):
        protocol = "flyteown"
        store: ClassVar[dict[str, Any]] = {}  # not that of `memory`
        pseudo_dirs: ClassVar[list[str]] = [""]

    fsspec.register_implementation("flyteown", Own, clobber=True)
    return "flyteown://base"


def test_files_folders_and_frames(protocol: str, tmp_path: Path) -> None:
    source = tmp_path / "tree"
    for name in ("b.txt", "a/c.txt", "a/deep/d.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    folder = Dir.from_local_sync(source, f"{protocol}/tree")
    assert folder.exists_sync()
    assert [file.path.removeprefix(f"{protocol}/tree/") for file in folder.walk_sync()] == [
        "b.txt",
        "a/c.txt",
        "a/deep/d.txt",
    ]
    assert [file.name for file in folder.walk_sync(max_depth=2)] == ["b.txt", "c.txt"]
    assert [file.name for file in folder.list_files_sync()] == ["b.txt"]
    assert (Path(folder.download_sync(tmp_path / "got")) / "a/deep/d.txt").read_text() == "a/deep/d.txt"
    file = File[Any](path=f"{protocol}/file.txt")
    assert not file.exists_sync()
    with file.open_sync("w") as stream:
        stream.write("x\n")
    with file.open_sync("a") as stream:
        stream.write("y\n")
    with file.open_sync("r") as stream:
        assert stream.readlines() == ["x\n", "y\n"]
    with pytest.raises(KeyError), file.open_sync("w") as stream:
        stream.write("half")
        raise KeyError
    assert Path(file.download_sync()).read_text() == "x\ny\n"
    with File[Any](path=f"{protocol}/frame/data.csv").open_sync("w") as stream:
        stream.write("size\n1\n2\n")
    frame = DataFrame.from_existing_remote(f"{protocol}/frame", format="csv").open(pd.DataFrame).all_sync()
    assert list(frame["size"]) == [1, 2]
