"""`DataFrameEncoder` and `DataFrameDecoder`, the base classes of what writes and reads frames of one type in one format."""

import typing
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import IO, TYPE_CHECKING, ClassVar, Generic, TypeVar

from flyte_storage import tree
from flyte_types.dataframe.places import new_frame_uri
from flyte_types.dataframe.spec import FrameSpec, StoredFrame, read_type, write_literal
from flyte_types.handle import in_thread, last_part
from flyte_types.type_transformer import wire_objects

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
    from flyteidl2.core.types_pb2 import StructuredDatasetType

    from flyte_types.dataframe.handle import DataFrame

__all__ = ["DataFrameDecoder", "DataFrameEncoder", "FrameDecoder", "FrameEncoder"]

T = TypeVar("T")
DF = TypeVar("DF")


class _Handler(Generic[T]):
    """Which frames a handler is for."""

    def __init__(self, python_type: type[T], protocol: str | None, supported_format: str | None) -> None:
        self._python_type = python_type
        self._protocol = protocol.replace("://", "") if protocol else None
        self._supported_format = supported_format or ""

    @property
    def python_type(self) -> type[T]:
        """The type of the frames."""
        return self._python_type

    @property
    def protocol(self) -> str | None:
        """The scheme of the URIs, such as `s3`; None for all that storage knows."""
        return self._protocol

    @property
    def supported_format(self) -> str:
        """The format, such as `parquet`; empty for any."""
        return self._supported_format


class DataFrameEncoder(_Handler[T], ABC):
    """Writes frames of one type. Give an instance to `DataFrameTransformerEngine.register`."""

    def __init__(self, python_type: type[T], protocol: str | None = None, supported_format: str | None = None) -> None:
        """Say what it is for.

        Args:
            python_type: The type of the frames.
            protocol: The scheme of the URIs it writes to, such as `s3`; all that storage knows otherwise.
            supported_format: The format it writes, such as `parquet`; any otherwise.
        """
        super().__init__(python_type, protocol, supported_format)

    @abstractmethod
    async def encode(
        self, dataframe: "DataFrame", structured_dataset_type: "StructuredDatasetType"
    ) -> "StructuredDataset":
        """Write a frame.

        Args:
            dataframe: Holds the frame as `val`, and as `uri` the place where the user wants it, if any.
            structured_dataset_type: Columns and format that were declared.

        Returns:
            Where it is, and what is known of it.
        """


class DataFrameDecoder(_Handler[DF], ABC):
    """Reads frames of one type. Give an instance to `DataFrameTransformerEngine.register`."""

    def __init__(
        self,
        python_type: type[DF],
        protocol: str | None = None,
        supported_format: str | None = None,
        additional_protocols: list[str] | None = None,
    ) -> None:
        """Say what it is for.

        Args:
            python_type: The type of the frames.
            protocol: The scheme of the URIs it reads, such as `s3`; all that storage knows otherwise.
            supported_format: The format it reads, such as `parquet`; any otherwise.
            additional_protocols: More schemes.
        """
        super().__init__(python_type, protocol, supported_format)
        self.additional_protocols: tuple[str, ...] = tuple(
            name.replace("://", "") for name in additional_protocols or ()
        )

    @abstractmethod
    async def decode(
        self, flyte_value: "StructuredDataset", current_task_metadata: "StructuredDatasetMetadata"
    ) -> DF | AsyncIterator[DF]:
        """Read a frame, or its parts one by one.

        Args:
            flyte_value: Where it is.
            current_task_metadata: The columns that are wanted; all if it names none.
        """
        raise NotImplementedError


# Ours: without protobuf, in threads


class FrameEncoder(DataFrameEncoder[T]):
    """Writes a frame as one file; a subclass says how."""

    FILE_NAME: ClassVar[str]
    """Name of the file in the frame's folder."""

    @abstractmethod
    def write(self, frame: T, stream: IO[bytes]) -> None:
        """Write the frame to an open file."""

    def store(self, frame: T, uri: str) -> None:
        """Write the frame under a URI; it appears whole."""
        with tree.open_writer(tree.join(uri, self.FILE_NAME)) as stream:
            self.write(frame, stream)

    async def encode(
        self, dataframe: "DataFrame", structured_dataset_type: "StructuredDatasetType"
    ) -> "StructuredDataset":
        """Write a frame, in a thread."""
        uri = dataframe.uri or new_frame_uri()
        await in_thread(self.store, typing.cast("T", dataframe.val), uri)
        spec = read_type(wire_objects().to_bytes(structured_dataset_type)).with_format(self.supported_format)
        return wire_objects().Literal.FromString(write_literal(StoredFrame(uri, spec))).scalar.structured_dataset


class FrameDecoder(DataFrameDecoder[DF]):
    """Reads frames of one or more files; a subclass says how."""

    @abstractmethod
    def read(self, stream: IO[bytes], columns: list[str] | None) -> DF:
        """Read one open file.

        Args:
            stream: The file.
            columns: What is wanted; None for all.
        """

    @abstractmethod
    def join(self, parts: list[DF]) -> DF:
        """Put the frames of several files together."""

    def parts(self, uri: str, columns: list[str]) -> Iterator[DF]:
        """Read the files of a frame one by one.

        Args:
            uri: A file, or a folder of them; names that begin with `_` or `.` do not count.
            columns: The columns that are wanted; all if it is empty.

        Raises:
            FileNotFoundError: There is none.
        """
        for file in part_files(uri):
            with tree.open_reader(file) as stream:
                yield self.read(stream, columns or None)

    def load(self, uri: str, columns: list[str]) -> DF:
        """Read a whole frame: see `parts`."""
        parts = list(self.parts(uri, columns))
        return parts[0] if len(parts) == 1 else self.join(parts)

    async def decode(
        self, flyte_value: "StructuredDataset", current_task_metadata: "StructuredDatasetMetadata"
    ) -> DF | AsyncIterator[DF]:
        """Read a frame, in a thread."""
        spec: FrameSpec = read_type(wire_objects().to_bytes(current_task_metadata.structured_dataset_type))
        return await in_thread(self.load, flyte_value.uri, spec.names)


def part_files(uri: str) -> list[str]:
    """Name the files of a frame.

    Raises:
        FileNotFoundError: There is none.
    """
    if tree.is_file(uri):
        return [uri]
    files = [file for file in tree.list_files(uri) if not last_part(file).startswith(("_", "."))]
    if not files:
        raise FileNotFoundError(f"there is no frame at `{uri}`")
    return files
