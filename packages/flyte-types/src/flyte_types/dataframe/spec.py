"""What an annotation says of a frame, and frames on the wire: `structured_dataset` types and literals as bytes.

Field numbers are those of `flyteidl2.core.StructuredDatasetType`, `StructuredDataset`, `Scalar` and `Literal`. A local run writes
and reads them here, without protobuf.
"""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from flyte_types import wire
from flyte_types.errors import UnsupportedTypeError
from flyte_types.hashing import HashMethod
from flyte_types.names import describe_type
from flyte_types.registry import plan_of

__all__ = ["FrameSpec", "StoredFrame", "read_literal", "read_type", "spec_of", "write_literal"]


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """Columns, format and schema of a frame: a `StructuredDatasetType`."""

    columns: tuple[tuple[str, bytes], ...] = ()
    """Names with their `LiteralType` bytes."""
    format: str = ""
    """Such as `parquet`; empty when nobody said."""
    schema_type: str = ""
    """`arrow` where there is a schema."""
    schema_bytes: bytes = b""
    """The schema's text in UTF-8."""

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [name for name, _ in self.columns]

    def to_bytes(self) -> bytes:
        """Write the `StructuredDatasetType`."""
        columns = (wire.message(1, wire.text(1, name) + wire.message(2, kind)) for name, kind in self.columns)
        schema = wire.message(4, self.schema_bytes) if self.schema_bytes else b""
        return b"".join(columns) + wire.text(2, self.format) + wire.text(3, self.schema_type) + schema

    def with_format(self, file_format: str) -> "FrameSpec":
        """Give a copy of another format."""
        return replace(self, format=file_format)


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A `structured_dataset` literal: where a frame is and what is known of it."""

    uri: str
    spec: FrameSpec
    hash: str | None = None


def spec_of(t: Any) -> tuple[Any, FrameSpec, HashMethod | None]:
    """Split a declared type: the type of the frame, what the notes of `Annotated` say, and how it is hashed.

    Notes may be columns (names with types), a format, a `pyarrow.Schema` and a hash method, in any order; others say nothing.

    Raises:
        UnsupportedTypeError: A column's type has no literal, or a note is one of pydantic.
    """
    if typing.get_origin(t) is not typing.Annotated:
        return t, FrameSpec(), None
    base, *notes = typing.get_args(t)
    spec, method = FrameSpec(), None
    for note in notes:
        if isinstance(note, str):
            spec = replace(spec, format=note)
        elif isinstance(note, Mapping):
            spec = replace(spec, columns=_columns(cast("Mapping[str, Any]", note)))
        elif isinstance(note, HashMethod):
            method = note
        elif type(note).__module__.startswith("pyarrow") and type(note).__name__ == "Schema":
            spec = replace(spec, schema_type="arrow", schema_bytes=str(note).encode())
        elif type(note).__module__.startswith("pydantic"):
            raise UnsupportedTypeError(
                f"a frame cannot be annotated with {note!r:.80}\n"
                "hint: notes of a frame are columns, a format, a `pyarrow.Schema` or a hash method"
            )
    return base, spec, method


def _columns(given: Mapping[str, Any]) -> tuple[tuple[str, bytes], ...]:
    columns: list[tuple[str, bytes]] = []
    for name, kind in given.items():
        try:
            columns.append((name, plan_of(kind).literal_type))
        except UnsupportedTypeError as error:
            raise UnsupportedTypeError(f"column `{name}` ({describe_type(kind)}): {error}") from None
    return tuple(columns)


# Writing and reading


def write_literal(stored: StoredFrame) -> bytes:
    """Write the `Literal`."""
    dataset = wire.text(1, stored.uri) + wire.message(2, wire.message(1, stored.spec.to_bytes()))
    return wire.message(1, wire.message(8, dataset)) + wire.text(4, stored.hash or "")


def read_literal(data: bytes) -> StoredFrame:
    """Read a `Literal` that holds a `structured_dataset`.

    Raises:
        ValueError: It holds something else, or the bytes are damaged.
    """
    literal = _last_fields(data)
    scalar = _last_fields(_bytes(literal.get(1), "a scalar"))
    if 8 not in scalar:
        raise ValueError("the literal must be a frame (`structured_dataset`), got something else")
    dataset = _last_fields(_bytes(scalar[8], "a frame"))
    metadata = _last_fields(_bytes(dataset.get(2, b""), "metadata of a frame"))
    found = _text(literal.get(4, b""))
    return StoredFrame(_text(dataset.get(1, b"")), read_type(_bytes(metadata.get(1, b""), "a type")), found or None)


def read_type(data: bytes) -> FrameSpec:
    """Read a `StructuredDatasetType`.

    Raises:
        ValueError: The bytes are damaged.
    """
    columns: list[tuple[str, bytes]] = []
    single: dict[int, int | bytes] = {}
    for number, value in _fields(data):
        if number == 1:
            column = _last_fields(_bytes(value, "a column"))
            columns.append((_text(column.get(1, b"")), _bytes(column.get(2, b""), "a column's type")))
        else:
            single[number] = value
    return FrameSpec(
        tuple(columns),
        _text(single.get(2, b"")),
        _text(single.get(3, b"")),
        _bytes(single.get(4, b""), "a schema"),
    )


def _bytes(value: int | bytes | None, what: str) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError(  # noqa: TRY004  # what is wrong is the data
            f"the literal must be a frame (`structured_dataset`): there is no field with {what}"
        )
    return value


def _text(value: int | bytes) -> str:
    return _bytes(value, "text").decode()


def _last_fields(data: bytes) -> dict[int, int | bytes]:
    return dict(_fields(data))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Split a message in field numbers and values; fixed-size values are left out."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"the literal is damaged: wire type {kind} at byte {at}")
        if at + size > len(data):
            raise ValueError(f"the literal is damaged: it ends in the middle of a field, at byte {len(data)}")
        if kind == 2:
            yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError(f"the literal is damaged: a number has no end, at byte {at}")
