"""pyarrow tables as parquet and csv. Imported once the program has imported pyarrow."""

from importlib import import_module
from typing import IO, Any, ClassVar

from flyte_types.dataframe.handlers import FrameDecoder, FrameEncoder

__all__ = ["HANDLERS", "to_table"]

# Loaded by name, because it is no dependency: its types are not there when ours are checked.
pa: Any = import_module("pyarrow")
csv: Any = import_module("pyarrow.csv")
parquet: Any = import_module("pyarrow.parquet")


class _ToParquet(FrameEncoder[Any]):
    FILE_NAME: ClassVar[str] = "00000"

    def write(self, frame: Any, stream: IO[bytes]) -> None:
        parquet.write_table(frame, stream)


class _ToCsv(FrameEncoder[Any]):
    FILE_NAME: ClassVar[str] = "data.csv"

    def write(self, frame: Any, stream: IO[bytes]) -> None:
        csv.write_csv(frame, stream)


class _FromParquet(FrameDecoder[Any]):
    def read(self, stream: IO[bytes], columns: list[str] | None) -> Any:
        return parquet.read_table(stream, columns=columns)

    def join(self, parts: list[Any]) -> Any:
        return pa.concat_tables(parts)


class _FromCsv(_FromParquet):
    def read(self, stream: IO[bytes], columns: list[str] | None) -> Any:
        return csv.read_csv(stream, convert_options=csv.ConvertOptions(include_columns=columns))


def to_table(frame: Any) -> Any:
    """Make a table of anything with `__arrow_c_stream__`, such as a frame of pandas, polars or duckdb."""
    return frame if isinstance(frame, pa.Table) else pa.table(frame)


HANDLERS: tuple[Any, ...] = (
    _ToParquet(pa.Table, supported_format="parquet"),
    _FromParquet(pa.Table, supported_format="parquet"),
    _ToCsv(pa.Table, supported_format="csv"),
    _FromCsv(pa.Table, supported_format="csv"),
)
"""Our encoders and decoders of tables."""
