"""`DataFrame`, pandas and pyarrow frames: both faces, formats, columns, hashes, inside other values; hostile literals."""

import asyncio
import enum
import inspect
import json
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_models.context import task_scope
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.task_context import TaskContext
from flyte_types import InterfaceCodec
from flyte_types.codec import decode_literal_async, encode_literal_async, literal_type_of
from flyte_types.dataframe import DataFrame
from flyte_types.dataframe.spec import FrameSpec, StoredFrame, read_literal, write_literal
from flyte_types.errors import InputTypeError, InputValueError, UnsupportedTypeError
from flyte_types.hashing import HashFunction

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")

FRAME = pd.DataFrame({"b": [1, 2], "a": ["x", "ü"], "f": [0.5, None]})
TABLE = pa.table({"a": [1, 2], "b": ["x", None]})


@dataclass
class Holder:
    n: int
    frame: DataFrame
    maybe: DataFrame | None = None


@pytest.fixture(autouse=True)
def task(tmp_path: Path) -> Iterator[Path]:
    context = TaskContext(
        action=ActionID(name="a0"), version="v", raw_data_path=RawDataPath(path=str(tmp_path / "raw")),
        output_path="o", run_base_dir="b", report=None,
    )  # fmt: skip
    with task_scope(context):
        yield tmp_path


def written(value: Any, t: Any) -> StoredFrame:
    return read_literal(asyncio.run(encode_literal_async(value, t)))


def back(value: Any, t: Any, as_type: Any = None) -> Any:
    async def both() -> Any:
        return await decode_literal_async(await encode_literal_async(value, t), as_type or t)

    return asyncio.run(both())


def files_of(uri: str | None) -> list[str]:
    assert uri is not None
    return sorted(path.name for path in Path(uri).iterdir())


# Frames as values


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [1]}, index=["row"]),
        FRAME.set_index("a"),
        pd.DataFrame({"t": pd.to_datetime(["2026-01-02T03:04:05.000006"]), "c": pd.Categorical(["x"])}),
        pd.DataFrame({"ü ?#": [True]}),
    ],
    ids=["mixed", "empty", "no-rows", "named-rows", "index", "times", "odd-name"],
)
def test_pandas_frames_come_back_as_they_were(frame: Any) -> None:
    pd.testing.assert_frame_equal(frame, back(frame, pd.DataFrame))


@pytest.mark.parametrize("table", [TABLE, pa.table({}), pa.table({"l": [[1], [2, 3]], "s": [{"x": 1}, None]})])
def test_tables_come_back_as_they_were(table: Any) -> None:
    assert table.equals(back(table, pa.Table))


def test_a_frame_may_be_read_as_another_type() -> None:
    assert TABLE.equals(back(TABLE.to_pandas(), pd.DataFrame, pa.Table).cast(TABLE.schema))
    pd.testing.assert_frame_equal(TABLE.to_pandas(), back(TABLE, pa.Table, pd.DataFrame), check_dtype=False)
    handle = back(FRAME, pd.DataFrame, DataFrame)
    pd.testing.assert_frame_equal(FRAME, handle.open(pd.DataFrame).all_sync())


def test_frames_inside_lists_dicts_and_unions() -> None:
    assert TABLE.equals(back([TABLE], list[pa.Table])[0])
    assert TABLE.equals(back({"k": TABLE}, dict[str, pa.Table])["k"])
    assert TABLE.equals(back(TABLE, pa.Table | None))
    assert back(None, pa.Table | None) is None


def test_a_union_of_frame_types_is_read_as_the_first() -> None:
    """Their literals are the same, so nothing says which it was."""
    assert 2 == back(FRAME, pa.Table | pd.DataFrame).num_rows
    assert ["a", "b"] == list(back(TABLE, pd.DataFrame | pa.Table).columns)


@pytest.mark.parametrize("bad", [None, 3, {"a": [1]}, TABLE])
def test_another_type_is_refused(bad: Any) -> None:
    with pytest.raises(InputTypeError, match=r"the value must be pandas.*DataFrame, got"):
        back(bad, pd.DataFrame)
    with pytest.raises(InputTypeError, match="must be DataFrame"):
        back(bad, DataFrame)


def test_the_error_for_a_bare_frame_says_what_to_do() -> None:
    codec = InterfaceCodec({"frames": list[DataFrame]}, {}, task_name="env.t")
    with pytest.raises(InputTypeError) as caught:
        asyncio.run(codec.encode_inputs_async({"frames": [DataFrame(uri="s3://b/k"), FRAME]}))
    first, hint = str(caught.value).split("\n")
    assert first.startswith("input `frames[1]` of task `env.t` must be DataFrame, got b a f 0 1 x 0.5 ")
    assert hint == "hint: `DataFrame.wrap_df(...)` takes a frame"


def test_nothing_is_left_of_a_write_that_fails(task: Path) -> None:
    with pytest.raises(InputValueError):
        back(pd.DataFrame({"a": [object()]}), pd.DataFrame)
    assert [] == [path for path in task.rglob("*") if path.is_file()]


# What annotations say


def test_columns_select_when_read() -> None:
    assert ["b"] == list(back(FRAME, Annotated[pd.DataFrame, OrderedDict(b=int)]).columns)
    assert ["b"] == list(back(FRAME, Annotated[pd.DataFrame, OrderedDict(b=int)], pd.DataFrame).columns)
    assert ["a", "f"] == list(back(FRAME, pd.DataFrame, Annotated[pd.DataFrame, {"a": str, "f": float}]).columns)
    handle = back(FRAME, pd.DataFrame, Annotated[DataFrame, OrderedDict(a=str)])
    assert ["a"] == list(handle.open(pd.DataFrame).all_sync().columns)
    assert ["f"] == list(handle.open(Annotated[pd.DataFrame, {"f": float}]).all_sync().columns)
    assert ["a"] == back(TABLE, Annotated[pa.Table, {"a": int}]).column_names


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputValueError, match="no"):
        back(FRAME, pd.DataFrame, Annotated[pd.DataFrame, {"no": int}])


@pytest.mark.parametrize("frame", [FRAME, TABLE], ids=["pandas", "arrow"])
def test_the_format_of_a_handle_is_honoured(frame: Any) -> None:
    t = Annotated[DataFrame, "csv"]
    stored = written(DataFrame.wrap_df(frame), t)
    assert ("csv", ["data.csv"]) == (stored.spec.format, files_of(stored.uri))
    handle = back(DataFrame.wrap_df(frame), t)
    assert "csv" == handle.format
    assert list(frame["b"]) == list(handle.open(pd.DataFrame).all_sync()["b"]) or frame is TABLE
    assert 2 == handle.open(pa.Table).all_sync().num_rows
    own = DataFrame.wrap_df(frame)
    own.format = "csv"
    assert "csv" == written(own, DataFrame).spec.format


def test_a_plain_frame_is_written_as_parquet_whatever_is_declared() -> None:
    """As in 2.12.1, whose literals say what the file is."""
    stored = written(FRAME, Annotated[pd.DataFrame, "csv"])
    assert ("parquet", ["00000"]) == (stored.spec.format, files_of(stored.uri))
    assert literal_type_of(Annotated[pd.DataFrame, "csv"]) != literal_type_of(pd.DataFrame)


def test_a_literal_without_a_format_is_read_in_the_declared_one(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("b,a\n1,x\n")
    literal = write_literal(StoredFrame(str(tmp_path / "t"), FrameSpec()))
    frame = asyncio.run(decode_literal_async(literal, Annotated[pd.DataFrame, "csv"]))
    assert {"b": [1], "a": ["x"]} == frame.to_dict("list")


def test_an_unknown_format_of_a_handle_is_refused() -> None:
    with pytest.raises(
        InputValueError, match=r"cannot be written as `feather`[\s\S]*hint: formats of this type are `csv`, `parquet`"
    ):
        written(DataFrame.wrap_df(FRAME), Annotated[DataFrame, "feather"])


def test_a_declared_hash_method_hashes_the_frame() -> None:
    t = Annotated[pd.DataFrame, HashFunction.from_fn(lambda frame: str(len(frame)))]
    assert ("2", "0") == (written(FRAME, t).hash, written(pd.DataFrame(), t).hash)
    assert written(FRAME, pd.DataFrame).hash is None


def test_notes_of_pydantic_are_refused() -> None:
    pydantic = pytest.importorskip("pydantic")
    with pytest.raises(UnsupportedTypeError, match="hint: notes of a frame are"):
        literal_type_of(Annotated[DataFrame, pydantic.Field(description="x")])
    with pytest.raises(UnsupportedTypeError, match="column `c`"):
        literal_type_of(Annotated[DataFrame, {"c": enum.Flag("Flags", "A")}])


# Handles


def test_both_faces_of_opening() -> None:
    handle = back(DataFrame.wrap_df(FRAME), DataFrame)

    async def read() -> list[Any]:
        opened = handle.open(pd.DataFrame)
        assert opened is handle
        parts = [await opened.all(), opened.all_sync()]
        parts += [part async for part in await opened.iter()]
        return parts + [part async for part in opened.iter()]

    for frame in [*asyncio.run(read()), handle.all_sync()]:
        pd.testing.assert_frame_equal(FRAME, frame)
    with pytest.raises(ValueError, match="hint: `handle.open"):
        DataFrame(uri="x").all_sync()
    assert handle.val is None


def test_a_held_frame_is_opened_without_being_stored(task: Path) -> None:
    held = DataFrame.wrap_df(FRAME)
    assert held.val is FRAME
    assert held.open(pd.DataFrame).all_sync() is FRAME
    assert ["b", "a", "f"] == held.open(pa.Table).all_sync().column_names
    assert [3] == DataFrame.from_df(pa.table({"a": [3]})).open(pd.DataFrame).all_sync()["a"].tolist()
    with pytest.raises(ValueError, match="cannot be opened as"):
        held.open(int).all_sync()
    assert not (task / "raw").exists()


def test_files_that_others_wrote_are_read(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    FRAME.to_parquet(tmp_path / "t.parquet")
    for uri in (tmp_path / "t.csv", tmp_path / "t.parquet"):
        handle = DataFrame.from_existing_remote(str(uri))
        assert [1, 2] == handle.open(pd.DataFrame).all_sync()["b"].tolist()
    with pytest.raises(FileNotFoundError, match="there is no frame at"):
        DataFrame.from_existing_remote(str(tmp_path / "no")).open(pd.DataFrame).all_sync()
    with pytest.raises(ValueError, match="has no place"):
        DataFrame().open(pd.DataFrame).all_sync()


def test_a_folder_of_parts_is_one_frame(tmp_path: Path) -> None:
    for number in range(3):
        pd.DataFrame({"a": [number]}).to_parquet(tmp_path / f"part-{number}.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part.crc").touch()
    handle = DataFrame.from_existing_remote(str(tmp_path), format="parquet")
    assert [0, 1, 2] == handle.open(pd.DataFrame).all_sync()["a"].tolist()
    assert [0, 1, 2] == handle.open(pa.Table).all_sync()["a"].to_pylist()

    async def parts() -> list[Any]:
        return [part["a"].tolist() async for part in handle.open(pd.DataFrame).iter()]

    assert [[0], [1], [2]] == asyncio.run(parts())


def test_from_local_hashes_and_places(tmp_path: Path) -> None:
    method = HashFunction.from_fn(lambda frame: f"{len(frame)} rows")
    held = DataFrame.from_local_sync(FRAME, OrderedDict(b=int), str(tmp_path / "dest"), method)
    assert (str(tmp_path / "dest"), "2 rows") == (held.uri, held.hash)
    assert not (tmp_path / "dest").exists()
    stored = written(held, DataFrame)
    assert (str(tmp_path / "dest"), "2 rows", ["00000"]) == (stored.uri, stored.hash, files_of(stored.uri))
    assert "known" == asyncio.run(DataFrame.from_local(FRAME, hash_method="known")).hash
    pd.testing.assert_frame_equal(FRAME, back(held, DataFrame).open(pd.DataFrame).all_sync())


class Stream:
    """What any library's frame is to us."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("make", [Stream, lambda table: table.to_reader(), lambda table: table.to_batches()[0]])
def test_anything_with_an_arrow_stream_is_stored(make: Any) -> None:
    handle = back(DataFrame.wrap_df(make(TABLE)), DataFrame)
    assert TABLE.equals(handle.open(pa.Table).all_sync())


def test_frames_inside_dataclasses_and_models() -> None:
    pydantic = pytest.importorskip("pydantic")
    held = back(Holder(1, DataFrame.wrap_df(FRAME), DataFrame.wrap_df(TABLE)), Holder)
    pd.testing.assert_frame_equal(FRAME, held.frame.open(pd.DataFrame).all_sync())
    assert TABLE.equals(held.maybe.open(pa.Table).all_sync())

    class Model(pydantic.BaseModel):
        frames: list[DataFrame]
        maybe: DataFrame | None = None

    model = back(Model(frames=[DataFrame.wrap_df(FRAME)]), Model)
    assert model.maybe is None
    pd.testing.assert_frame_equal(FRAME, model.frames[0].open(pd.DataFrame).all_sync())
    assert {"$ref": "#/$defs/DataFrame"} == Model.model_json_schema()["properties"]["frames"]["items"]
    dumped = json.loads(model.model_dump_json())
    assert {"uri", "format"} == set(dumped["frames"][0])
    assert Model.model_validate(dumped) == model


def test_outside_of_a_task_frames_go_to_a_temporary_folder() -> None:
    import contextvars

    uri = contextvars.Context().run(lambda: written(DataFrame.wrap_df(FRAME), DataFrame).uri)
    assert "flyte-raw-" in uri
    assert ["00000"] == files_of(uri)


def test_protobuf_faces() -> None:
    pytest.importorskip("flyteidl2")
    handle = back(DataFrame.wrap_df(FRAME), Annotated[DataFrame, OrderedDict(b=int)])
    assert handle.uri == handle.literal.uri
    assert ["b"] == [column.name for column in handle.metadata.structured_dataset_type.columns]
    assert "parquet" == handle.literal.metadata.structured_dataset_type.format
    assert (None, None) == (DataFrame.wrap_df(FRAME).literal, DataFrame(uri="x").metadata)


# Hostile literals

LITERAL = write_literal(StoredFrame("s3://b/k", FrameSpec((("a", b"\x08\x01"),), "csv", "arrow", b"a: int64"), "h"))


def test_a_literal_says_everything_of_a_frame() -> None:
    assert StoredFrame("s3://b/k", FrameSpec((("a", b"\x08\x01"),), "csv", "arrow", b"a: int64"), "h") == read_literal(
        LITERAL
    )


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64) | st.integers(0, len(LITERAL)).map(lambda size: LITERAL[:size]))
def test_hostile_bytes_are_an_error_and_nothing_else(data: bytes) -> None:
    try:
        read_literal(data)
    except ValueError:
        pass


@given(st.integers(0, len(LITERAL) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_an_error_or_another_frame(at: int, byte: int) -> None:
    try:
        read_literal(LITERAL[:at] + bytes([byte]) + LITERAL[at + 1 :])
    except ValueError:
        pass


def test_a_literal_of_something_else_is_refused() -> None:
    from flyte_types.codec import encode_literal

    with pytest.raises(InputValueError, match="must be a frame"):
        asyncio.run(decode_literal_async(encode_literal(3, int), DataFrame))
    with pytest.raises(InputValueError, match="must be a frame"):
        asyncio.run(decode_literal_async(encode_literal([3], list[int]), pd.DataFrame))


# What is public


SIGNATURES = {
    "all": [], "all_sync": [], "column_names": [], "columns": [], "from_df": ["val", "uri"],
    "from_existing_remote": ["remote_path", "format", "kwargs"],
    "from_local": ["df", "columns", "remote_destination", "hash_method"],
    "from_local_sync": ["df", "columns", "remote_destination", "hash_method"],
    "iter": [], "open": ["dataframe_type"], "wrap_df": ["val", "uri"],
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    found = list(inspect.signature(getattr(DataFrame, name)).parameters)
    assert SIGNATURES[name] == [parameter for parameter in found if parameter != "self"]


def test_importing_imports_no_library_of_frames() -> None:
    code = "import sys, json, flyte_types.dataframe.engine, flyte_types.codec; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
    assert set() == {"pandas", "pyarrow", "numpy", "pydantic", "google.protobuf", "flyteidl2", "asyncio"} & loaded
