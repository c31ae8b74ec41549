"""Files, folders and frames that tasks pass to each other in a run in this process, and from the command line's texts."""

import hashlib
import inspect
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

import flyte
import flyte.io
import flyte.io.extend
from flyte.io import DataFrame, Dir, EmptyDir, File, HashFunction
from flyte_types.text import parse_text

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")

env = flyte.TaskEnvironment("data_between_tasks")


@dataclass
class Bundle:
    file: File
    frame: DataFrame
    folder: Dir | None = None


@env.task
async def make(n: int) -> tuple[File, Dir, DataFrame, pd.DataFrame, Bundle]:
    file = File.new_remote("ü #.txt", hash_method=hashlib.sha256())
    async with file.open("w") as stream:
        await stream.write("h" * n)
    folder = Dir.new_remote("d")
    for name in ("a.txt", "sub/b.csv", "empty"):
        with File(path=f"{folder.path}/{name}").open_sync("wb") as raw:
            raw.write(b"" if name == "empty" else name.encode())
    frame = pd.DataFrame({"a": range(n)})
    held = Bundle(file, DataFrame.wrap_df(frame, uri=f"{folder.path}-frame"), folder)
    return file, folder, DataFrame.wrap_df(pa.table({"q": [n]})), frame, held


@env.task
def read(file: File, folder: Dir, frame: DataFrame, plain: pd.DataFrame, bundle: Bundle) -> list[str]:
    with file.open_sync("r") as stream:
        text = stream.read()
    assert bundle.folder is not None
    return [
        text,
        file.hash or "",
        ",".join(found.name or "" for found in folder.walk_sync()),
        str(frame.open(pa.Table).all_sync().to_pydict()),
        str(plain.to_dict("list")),
        str(bundle.frame.open(pd.DataFrame).all_sync().to_dict("list")),
        str(bundle.folder == folder),
    ]


@env.task
async def chain(n: int) -> list[str]:
    return await read.aio(*await make(n))


@env.task
def count(frames: list[pd.DataFrame], files: dict[str, File], nothing: Dir) -> Annotated[DataFrame, "csv"]:
    sizes = {name: len(Path(file.path).read_bytes()) for name, file in sorted(files.items())}
    assert nothing.is_empty
    return DataFrame.wrap_df(pd.DataFrame({"rows": [len(frame) for frame in frames], **sizes}))


@env.task
async def opened_inside(frame: DataFrame) -> int:
    # The blocking face in a coroutine, which runs on the loop that would do the reading.
    return len(frame.open(pd.DataFrame).all_sync()) + len(await frame.open(pd.DataFrame).all())


def test_files_folders_and_frames_go_from_task_to_task() -> None:
    expected = ["hhh", hashlib.sha256(b"hhh").hexdigest(), "a.txt,empty,b.csv", "{'q': [3]}", "{'a': [0, 1, 2]}"]
    assert [*expected, "{'a': [0, 1, 2]}", "True"] == flyte.run(chain, n=3).outputs()[0]


def test_frames_and_files_are_inputs_and_outputs_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("12345")
    frames = [pd.DataFrame({"x": [1, 2]}), pd.DataFrame()]
    out = flyte.run(count, frames=frames, files={"f": File.from_local_sync(tmp_path / "a.txt")}, nothing=Dir.empty())
    frame = out.outputs()[0]
    assert "csv" == frame.format
    assert {"rows": [2, 0], "f": [5, 5]} == frame.open(pd.DataFrame).all_sync().to_dict("list")
    assert 4 == flyte.run(opened_inside, frame).outputs()[0]


def test_the_children_of_equal_hashes_have_equal_names(tmp_path: Path) -> None:
    """A file with a hash is known by it, wherever it is."""
    names = []
    for folder in ("one", "two"):
        path = tmp_path / folder / "x"
        path.parent.mkdir()
        path.write_text("same")
        handle = File.from_local_sync(path, hash_method=hashlib.md5())
        from flyte_types import InterfaceCodec

        names.append(InterfaceCodec({"f": File}, {}, task_name="t").inputs_hash({"f": handle}))
    assert names[0] == names[1]


def test_a_wrong_frame_is_refused_before_anything_runs() -> None:
    with pytest.raises(TypeError, match=r"input `frame` of task `data_between_tasks.opened_inside` must be DataFrame"):
        flyte.run(opened_inside, pd.DataFrame())


# Texts


def test_paths_become_handles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"a": [1], "b": ["x"]})
    frame.to_csv("t.csv", index=False)
    (tmp_path / "csvs").mkdir()
    frame.to_csv("csvs/part.csv", index=False)
    (tmp_path / "parts").mkdir()
    frame.to_parquet("parts/0.parquet")
    assert Dir(path=str(tmp_path / "csvs")) == parse_text("csvs", Dir)
    assert File(path=str(tmp_path / "t.csv")) == parse_text("t.csv", File[str])
    for text, file_format in (("t.csv", "csv"), ("csvs", "csv"), ("parts", "parquet")):
        handle = parse_text(text, DataFrame)
        assert DataFrame(uri=str(tmp_path / text), format=file_format) == handle
        assert [1] == handle.open(pd.DataFrame).all_sync()["a"].tolist()
        assert [1] == parse_text(text, pd.DataFrame)["a"].tolist()
    assert ["b"] == list(parse_text("t.csv", Annotated[pd.DataFrame, {"b": str}]).columns)
    held = parse_text('{"file": "t.csv", "frame": "parts", "folder": {"path": "s3://b/d"}}', Bundle)
    assert Bundle(parse_text("t.csv", File), parse_text("parts", DataFrame), Dir(path="s3://b/d")) == held
    assert [File(path=str(tmp_path / "t.csv"))] == parse_text('["t.csv"]', list[File])


def test_uris_are_taken_as_they_are() -> None:
    assert DataFrame(uri="s3://b/k.csv", format="csv") == parse_text("s3://b/k.csv", DataFrame)
    assert DataFrame(uri="s3://b/k", format="parquet") == parse_text("s3://b/k", DataFrame)
    assert Dir(path="gs://b/ü ?") == parse_text("gs://b/ü ?", Dir | None)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("no", Dir, "folder not found: `no`"),
        ("no", DataFrame, "frame not found: `no`"),
        (__file__, Dir, "is a file, and a folder is expected"),
        (str(Path(__file__).parent), File, "is a folder, and a file is expected"),
    ],
)
def test_a_wrong_path_is_refused(text: str, kind: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_text(text, kind)


# What is public


def test_the_public_names() -> None:
    assert {"PARQUET", "DataFrame", "Dir", "EmptyDir", "File", "HashFunction"} == set(flyte.io.__all__)
    assert {"DataFrameDecoder", "DataFrameEncoder", "DataFrameTransformerEngine"} == set(flyte.io.extend.__all__)
    assert "parquet" == flyte.io.PARQUET
    assert issubclass(EmptyDir, Dir)
    assert ["fn"] == list(inspect.signature(HashFunction).parameters)


def test_importing_them_is_light() -> None:
    code = "import sys, json, flyte.io, flyte.io.extend; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
    assert (
        set() == {"pandas", "pyarrow", "pydantic", "pydantic_core", "google.protobuf", "flyteidl2", "asyncio"} & loaded
    )
