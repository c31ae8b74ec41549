"""Small protobuf writers for types and interfaces, so that a local run never imports protobuf.

Field numbers are those of `flyteidl2.core` types and interface, and of `google.protobuf.Struct`. The bytes are the deterministic
form of upb, the protobuf runtime: what the reference registers and hashes. Literals are written by `flyte_native`.
"""

import functools
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

__all__ = [
    "blob_type", "collection_type", "enum_type", "fields", "literal_type", "map_type", "named_literals", "simple_type",
    "tag_structure", "typed_interface", "union_type", "with_metadata",
]  # fmt: skip

SIMPLE = {
    "none": 0, "integer": 1, "float": 2, "string": 3, "boolean": 4, "datetime": 5, "duration": 6, "binary": 7, "struct": 9,
}  # fmt: skip
"""`flyteidl2.core.SimpleType` by name."""


def varint(value: int) -> bytes:
    """Write a number that is not negative."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(number: int, content: bytes) -> bytes:
    """Write a length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def text(number: int, value: str) -> bytes:
    """Write a string field, left out when empty."""
    return message(number, value.encode()) if value else b""


def _compare_keys(left: bytes, right: bytes) -> int:
    # upb: bytewise, but a key stands after all longer keys that begin with it.
    common = min(len(left), len(right))
    if left[:common] != right[:common]:
        return -1 if left[:common] < right[:common] else 1
    return len(right) - len(left)


_by_key = functools.cmp_to_key(_compare_keys)


def struct_message(fields: Mapping[str, Any]) -> bytes:
    """Write a `google.protobuf.Struct` of plain data; numbers become doubles."""
    entries = sorted(((key.encode(), value) for key, value in fields.items()), key=lambda item: _by_key(item[0]))
    return b"".join(message(1, message(1, key) + message(2, _value(value))) for key, value in entries)


def _value(value: Any) -> bytes:
    match value:
        case None:
            return b"\x08\x00"
        case bool():
            return b"\x20\x01" if value else b"\x20\x00"
        case int() | float():
            return b"\x11" + struct.pack("<d", value)
        case str():
            return message(3, value.encode())
        case dict():
            return message(5, struct_message(cast("dict[str, Any]", value)))
        case list() | tuple():
            return message(6, b"".join(message(1, _value(item)) for item in cast("Sequence[Any]", value)))
        case _:
            raise TypeError(f"{value!r} ({type(value).__name__}) does not fit a JSON schema")


def literal_type(
    kind: bytes,
    *,
    metadata: Mapping[str, Any] | None = None,
    annotation: Mapping[str, Any] | None = None,
    tag: str = "",
) -> bytes:
    """Write a `LiteralType` of an already written `type` field; the oneof's numbers 7 to 10 must not meet `metadata`."""
    out = kind
    if metadata is not None:
        out += message(6, struct_message(metadata))
    if annotation is not None:
        out += message(9, message(1, struct_message(annotation)))
    return tag_structure(out, tag) if tag else out


def with_metadata(kind: bytes, metadata: Mapping[str, Any]) -> bytes:
    """Give a `LiteralType` other metadata; `{}` is written as an empty message, which is not the same as none."""
    kept = [(number, raw) for number, _, raw in fields(kind) if number != 6]
    kept.append((6, message(6, struct_message(metadata))))
    return b"".join(raw for _, raw in sorted(kept, key=lambda item: item[0]))


def fields(data: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """Read a message field by field: number, value (a number, or the content of what has a length) and the bytes of the whole.

    Raises:
        ValueError: The bytes are not a message.
    """
    position = 0
    while position < len(data):
        start = position
        key, position = _varint(data, position)
        match key & 7:
            case 0:
                value, position = _varint(data, position)
            case 1 | 5 as width:
                size = 8 if width == 1 else 4
                value, position = data[position : position + size], position + size
            case 2:
                size, position = _varint(data, position)
                value, position = data[position : position + size], position + size
            case other:
                raise ValueError(f"wire type {other} is not used by the protocol")
        if position > len(data):
            raise ValueError("the message ends too early")
        yield key >> 3, value, data[start:position]


def named_literals(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Read the names and literals of `Inputs` or `Outputs`.

    Raises:
        ValueError: The bytes are not such a message.
    """
    for number, entry, _ in fields(data):
        if number == 1 and isinstance(entry, bytes):
            parts = {at: part for at, part, _ in fields(entry) if isinstance(part, bytes)}
            yield parts.get(1, b"").decode(), parts.get(2, b"")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ValueError("a number ends too early or is too long")
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7


def tag_structure(kind: bytes, tag: str) -> bytes:
    """Add `structure.tag` to a `LiteralType` without one."""
    return kind + message(11, text(1, tag))


def simple_type(name: str) -> bytes:
    """Write a `LiteralType` of one of `SIMPLE`."""
    return bytes((0x08, SIMPLE[name]))


def collection_type(item: bytes) -> bytes:
    """Write the type of a list."""
    return message(3, item)


def map_type(item: bytes) -> bytes:
    """Write the type of a map from strings."""
    return message(4, item)


def blob_type(file_format: str = "", *, multipart: bool = False) -> bytes:
    """Write the type of a file, or with `multipart` of a folder."""
    return message(5, text(1, file_format) + (b"\x10\x01" if multipart else b""))


def enum_type(names: Iterable[str]) -> bytes:
    """Write the type of an enum."""
    return message(7, b"".join(message(1, name.encode()) for name in names))


def union_type(variants: Iterable[bytes]) -> bytes:
    """Write the type of a union of tagged variants."""
    return message(10, b"".join(message(1, variant) for variant in variants))


def typed_interface(inputs: Mapping[str, bytes], outputs: Mapping[str, bytes]) -> bytes:
    """Write a `TypedInterface`: both maps are always present, variables sorted by name, descriptions left out."""
    return message(1, _variables(inputs)) + message(2, _variables(outputs))


def _variables(types: Mapping[str, bytes]) -> bytes:
    return b"".join(message(1, text(1, name) + message(2, message(1, kind))) for name, kind in sorted(types.items()))
