"""Encoders and decoders that others write: registering, looking up, and tasks with their frames."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

pytest.importorskip("flyteidl2")

from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import StructuredDatasetType

from flyte_models.context import task_scope
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.task_context import TaskContext
from flyte_types.codec import decode_literal_async, encode_literal_async, literal_type_of
from flyte_types.dataframe import DataFrame
from flyte_types.dataframe.engine import DataFrameTransformerEngine as Engine
from flyte_types.dataframe.handlers import DataFrameDecoder, DataFrameEncoder
from flyte_types.dataframe.spec import read_literal


class Grid:
    """A frame of lines."""

    def __init__(self, *rows: str) -> None:
        self.rows = rows


class GridEncoder(DataFrameEncoder[Grid]):
    def __init__(self, protocol: str | None = None, supported_format: str = "grid") -> None:
        super().__init__(Grid, protocol, supported_format)
        self.seen: list[tuple[DataFrame, StructuredDatasetType]] = []

    async def encode(self, dataframe: DataFrame, structured_dataset_type: StructuredDatasetType) -> StructuredDataset:
        self.seen.append((dataframe, structured_dataset_type))
        await asyncio.sleep(0)
        path = Path(dataframe.uri or FOLDER[0])
        path.write_text("\n".join(dataframe.val.rows))
        metadata = StructuredDatasetMetadata(structured_dataset_type=structured_dataset_type)
        return StructuredDataset(uri=str(path), metadata=metadata)


class GridDecoder(DataFrameDecoder[Grid]):
    def __init__(self, in_parts: bool = False) -> None:
        super().__init__(Grid, supported_format="grid", additional_protocols=["grid://"])
        self.in_parts = in_parts
        self.columns: list[str] = []

    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> Grid | AsyncIterator[Grid]:
        await asyncio.sleep(0)
        self.columns = [column.name for column in current_task_metadata.structured_dataset_type.columns]
        rows = Path(flyte_value.uri).read_text().split("\n")
        return self.parts(rows) if self.in_parts else Grid(*rows)

    async def parts(self, rows: list[str]) -> AsyncIterator[Grid]:
        for row in rows:
            yield Grid(row)


FOLDER: list[str] = [""]


@pytest.fixture
def registered(tmp_path: Path) -> Iterator[tuple[GridEncoder, GridDecoder]]:
    FOLDER[0] = str(tmp_path / "grid")
    encoder, decoder = GridEncoder(), GridDecoder()
    Engine.register(encoder, default_format_for_type=True)
    Engine.register(decoder)
    context = TaskContext(
        action=ActionID(name="a0"), version="v", raw_data_path=RawDataPath(path=str(tmp_path / "raw")),
        output_path="o", run_base_dir="b", report=None,
    )  # fmt: skip
    with task_scope(context):
        yield encoder, decoder
    for table in (Engine.ENCODERS, Engine.DECODERS, Engine.DEFAULT_FORMATS, Engine.DEFAULT_PROTOCOLS, Engine.Renderers):
        table.pop(Grid, None)


def back(value: Any, t: Any, as_type: Any = None) -> Any:
    async def both() -> Any:
        return await decode_literal_async(await encode_literal_async(value, t), as_type or t)

    return asyncio.run(both())


def test_a_registered_type_is_stored_as_a_frame(registered: tuple[GridEncoder, GridDecoder]) -> None:
    encoder, decoder = registered
    assert f"{Grid.__module__}.Grid".encode() in literal_type_of(Grid)
    assert ("a", "b") == back(Grid("a", "b"), Grid).rows
    handle, declared = encoder.seen[0]
    assert isinstance(handle.val, Grid)
    assert "grid" == declared.format
    assert ("a",) == back(Grid("a"), Annotated[Grid, {"c": int}]).rows
    assert ["c"] == [column.name for column in encoder.seen[1][1].columns] == decoder.columns


def test_a_handle_opens_as_it_in_every_face(registered: tuple[GridEncoder, GridDecoder]) -> None:
    handle = back(DataFrame.wrap_df(Grid("a", "b")), DataFrame)
    assert "grid" == handle.format
    assert ("a", "b") == handle.open(Grid).all_sync().rows

    async def rows() -> list[Any]:
        inside = handle.open(Grid).all_sync()
        return [inside.rows, *[part.rows async for part in handle.open(Grid).iter()]]

    assert [("a", "b"), ("a", "b")] == asyncio.run(rows())


def test_a_decoder_may_give_parts(registered: tuple[GridEncoder, GridDecoder]) -> None:
    registered[1].in_parts = True
    handle = back(DataFrame.wrap_df(Grid("a", "b")), DataFrame).open(Grid)

    async def rows() -> list[Any]:
        return [part.rows async for part in handle.iter()]

    assert [("a",), ("b",)] == asyncio.run(rows())
    with pytest.raises(ValueError, match=r"in 2 parts[\s\S]*hint: read it with `iter\(\)`"):
        handle.all_sync()


def test_the_place_a_user_wants_reaches_the_encoder(
    registered: tuple[GridEncoder, GridDecoder], tmp_path: Path
) -> None:
    handle = back(DataFrame.wrap_df(Grid("a"), uri=str(tmp_path / "mine")), DataFrame)
    assert str(tmp_path / "mine") == handle.uri


def test_the_last_registered_counts_and_protocols_come_first(registered: tuple[GridEncoder, GridDecoder]) -> None:
    other, remote = GridEncoder(), GridEncoder("s3://", "columns")
    Engine.register(other)
    assert Engine.get_encoder(Grid, "file", "grid") is other
    Engine.register(remote, default_for_type=True)
    assert ("s3", "columns") == (Engine.DEFAULT_PROTOCOLS[Grid], Engine.DEFAULT_FORMATS[Grid])
    assert Engine.get_encoder(Grid, "s3", "columns") is remote
    assert Engine.get_encoder(Grid, "s3", "grid") is other
    assert Engine.get_decoder(Grid, "grid", "grid") is Engine.get_decoder(Grid, "gs", "grid") is registered[1]
    for verb, find in (("written", Engine.get_encoder), ("read", Engine.get_decoder)):
        with pytest.raises(ValueError, match=rf"Grid` cannot be {verb} as `feather`[\s\S]*hint: formats of this type"):
            find(Grid, "file", "feather")
        with pytest.raises(ValueError, match="hint: pass a pandas or pyarrow frame"):
            find(int, "file", "")


def test_what_cannot_be_registered_is_refused() -> None:
    with pytest.raises(TypeError, match="neither a `DataFrameEncoder` nor"):
        Engine.register(3)
    with pytest.raises(ValueError, match="for all protocols"):
        Engine.register(GridEncoder(), default_for_type=True)


def test_the_engine_is_a_transformer(registered: tuple[GridEncoder, GridDecoder]) -> None:
    engine = Engine()
    expected = engine.get_literal_type(Annotated[DataFrame, {"a": int}, "grid"])
    assert expected.structured_dataset_type == engine.get_structured_dataset_type("grid", None, {"a": int})
    assert engine.guess_python_type(expected) is DataFrame
    assert ("DataFrame Transformer", DataFrame) == (engine.name, engine.python_type)
    assert engine.schema_match(DataFrame.model_json_schema())
    assert not engine.schema_match({"title": "DataFrame", "properties": {"x": {}}})

    async def run() -> Any:
        literal = await engine.to_literal(Grid("a", "b"), Grid, engine.get_literal_type(Grid))
        dataset = literal.scalar.structured_dataset
        read = await engine.open_as(dataset, Grid, dataset.metadata)
        parts = [part.rows async for part in engine.iter_as(dataset, Grid, dataset.metadata)]
        encoded = await engine.encode(DataFrame.wrap_df(Grid("z")), Grid, "file", "grid", StructuredDatasetType())
        assert "grid" == read_literal(encoded.SerializeToString()).spec.format
        return read.rows, parts, (await engine.to_python_value(encoded, Grid)).rows

    assert (("a", "b"), [("a", "b")], ("z",)) == asyncio.run(run())


def test_reports_draw_frames(registered: tuple[GridEncoder, GridDecoder]) -> None:
    class Renderer:
        def to_html(self, value: Grid) -> str:
            return f"<b>{len(value.rows)}</b>"

    engine = Engine()
    with pytest.raises(NotImplementedError, match="hint: register one"):
        engine.to_html(Grid(), Grid)
    Engine.register_renderer(Grid, Renderer())
    assert (
        "<b>2</b>"
        == engine.to_html(Grid("a", "b"), Grid)
        == engine.to_html(DataFrame.wrap_df(Grid("a", "b")), DataFrame)
    )
    assert "s3://b/&lt;" in engine.to_html(DataFrame(uri="s3://b/<"), DataFrame)


def test_reports_draw_pandas_and_arrow() -> None:
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    engine = Engine()
    for frame in (pd.DataFrame({"<c>": ["<v>"] * 50}), pa.table({"<c>": ["<v>"] * 50})):
        drawn = engine.to_html(frame, type(frame))
        assert "&lt;c&gt;" in drawn
        assert drawn.count("&lt;v&gt;") <= 10
        assert "<c>" not in drawn


def test_our_handlers_work_as_those_of_others_do() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1]})
    encoder, decoder = Engine.get_encoder(pd.DataFrame, "s3", ""), Engine.get_decoder(pd.DataFrame, "file", "parquet")

    async def run() -> Any:
        dataset = await encoder.encode(DataFrame.wrap_df(frame), StructuredDatasetType())
        assert "parquet" == dataset.metadata.structured_dataset_type.format
        return await decoder.decode(dataset, dataset.metadata)

    pd.testing.assert_frame_equal(frame, asyncio.run(run()))


def test_a_type_with_a_protocol_of_its_own_is_written_and_read_there(
    registered: tuple[GridEncoder, GridDecoder],
) -> None:
    encoder = GridEncoder("grid")
    Engine.register(encoder, default_for_type=True)
    assert ("a",) == back(Grid("a"), Grid).rows
    assert 1 == len(encoder.seen)
    assert 0 == len(registered[0].seen)


def test_blocking_faces_may_be_nested(registered: tuple[GridEncoder, GridDecoder]) -> None:
    """A decoder that opens another frame with the blocking face, called where a loop runs."""
    import flyte_syncify

    inner = back(DataFrame.wrap_df(Grid("inner")), DataFrame)

    class Nested(GridDecoder):
        async def decode(self, flyte_value: Any, current_task_metadata: Any) -> Any:
            if "nested" not in flyte_value.uri:
                return await super().decode(flyte_value, current_task_metadata)
            return inner.open(Grid).all_sync()

    Engine.register(Nested())
    outer = DataFrame(uri="nested", format="grid").open(Grid)

    async def on_the_loop() -> Any:
        return outer.all_sync().rows

    assert ("inner",) == outer.all_sync().rows
    assert ("inner",) == flyte_syncify.syncify.loop.run(on_the_loop())
    assert ("inner",) == asyncio.run(on_the_loop())


def test_frames_are_opened_as_classes() -> None:
    for handle in (DataFrame(uri="x"), DataFrame.wrap_df(Grid())):
        with pytest.raises(TypeError, match="opened as a class"):
            handle.open("pandas").all_sync()
