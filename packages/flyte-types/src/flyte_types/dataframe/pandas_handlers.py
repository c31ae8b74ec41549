"""pandas frames as parquet and csv. Imported once the program has imported pandas."""

from importlib import import_module
from typing import IO, Any, ClassVar

from flyte_types.dataframe.handlers import FrameDecoder, FrameEncoder

__all__ = ["HANDLERS"]

# Loaded by name, because it is no dependency: its types are not there when ours are checked.
pd: Any = import_module("pandas")


class _ToParquet(FrameEncoder[Any]):
    FILE_NAME: ClassVar[str] = "00000"

    def write(self, frame: Any, stream: IO[bytes]) -> None:
        frame.to_parquet(stream)


class _ToCsv(FrameEncoder[Any]):
    FILE_NAME: ClassVar[str] = "data.csv"

    def write(self, frame: Any, stream: IO[bytes]) -> None:
        frame.to_csv(stream, index=False)


class _FromParquet(FrameDecoder[Any]):
    def read(self, stream: IO[bytes], columns: list[str] | None) -> Any:
        return pd.read_parquet(stream, columns=columns)

    def join(self, parts: list[Any]) -> Any:
        return pd.concat(parts)


class _FromCsv(FrameDecoder[Any]):
    def read(self, stream: IO[bytes], columns: list[str] | None) -> Any:
        return pd.read_csv(stream, usecols=columns)

    def join(self, parts: list[Any]) -> Any:
        return pd.concat(parts, ignore_index=True)


HANDLERS: tuple[Any, ...] = (
    _ToParquet(pd.DataFrame, supported_format="parquet"),
    _FromParquet(pd.DataFrame, supported_format="parquet"),
    _ToCsv(pd.DataFrame, supported_format="csv"),
    _FromCsv(pd.DataFrame, supported_format="csv"),
)
"""Our encoders and decoders of frames."""
