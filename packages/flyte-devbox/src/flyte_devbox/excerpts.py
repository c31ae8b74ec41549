"""Inputs and outputs that may be large: what of them is small, with the sizes of the rest; or all of them as they are.

To make objects of 50 MB takes seconds in which nothing else runs, in whichever thread: messages are taken apart here by the
lengths in them, and what is large is skipped, or handed on as bytes.
"""

import os
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from flyteidl2.task import common_pb2
from google.protobuf.message import DecodeError

from flyte_models.values import value

__all__ = ["DamagedError", "Excerpt", "check_records", "excerpt_of", "wrapped"]

MOST_OF_ONE = 256 * 1024
"""How many bytes a value may have that is read."""
MOST_OF_ALL = 1024 * 1024
_MOST_VALUES = 2000
_HEAD = 4096
"""Where the name of a value is: at its beginning."""
_LITERALS = 1
_LENGTHS = {1: 8, 5: 4}
_DELIMITED = 2


class DamagedError(Exception):
    """The bytes are no message."""


@value
class Excerpt:
    """What of inputs or outputs is small enough to be read."""

    literals: list[common_pb2.NamedLiteral]
    """All values in their order; of those that are too large only the names."""
    large: dict[str, int]
    """The sizes of those that are too large, in bytes, by name."""
    left: int
    """How many more values there are, of which nothing is known."""

    @property
    def is_cut(self) -> bool:
        """Whether it is not all there is."""
        return bool(self.large or self.left)


def excerpt_of(file: BinaryIO) -> Excerpt:
    """Read what is small of `Inputs` or `Outputs`, which both begin with their literals.

    Raises:
        DamagedError: it is neither.
    """
    literals: list[common_pb2.NamedLiteral] = []
    large: dict[str, int] = {}
    rest, left = MOST_OF_ALL, 0
    for number, length in _records(file):
        if number != _LITERALS:
            continue
        if len(literals) >= _MOST_VALUES:
            left += 1
        elif length <= min(MOST_OF_ONE, rest):
            rest -= length
            literals.append(_parsed(file.read(length)))
        else:
            name = _name_in(file.read(min(length, _HEAD)))
            literals.append(common_pb2.NamedLiteral(name=name))
            large[name] = length
    return Excerpt(literals, large, left)


def check_records(content: bytes) -> None:
    """Check that bytes are a message as far as lengths tell.

    Raises:
        DamagedError: they are not.
    """
    for _ in _records(BytesIO(content)):
        pass


def wrapped(number: int, content: bytes) -> tuple[bytes, bytes]:
    """Return what makes a serialized message a field of another one, and its content, to be joined by the caller."""
    return _varint_of(number << 3 | _DELIMITED) + _varint_of(len(content)), content


def _parsed(content: bytes) -> common_pb2.NamedLiteral:
    try:
        return common_pb2.NamedLiteral.FromString(content)
    except DecodeError as error:
        raise DamagedError(str(error)) from None


def _name_in(head: bytes) -> str:
    file = BytesIO(head)
    try:
        tag, length = _read_varint(file), _read_varint(file)
    except DamagedError:
        return ""
    return file.read(length).decode(errors="replace") if tag == 1 << 3 | _DELIMITED else ""


def _records(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the fields of a message that have a length, with the file at their beginning: number, and how many bytes."""
    size = file.seek(0, os.SEEK_END)
    place = file.seek(0)
    while place < size:
        tag = _read_varint(file)
        kind = tag & 7
        if tag >> 3 == 0:
            raise DamagedError("a field has the number 0")
        if kind == 0:
            _read_varint(file)
            place = file.tell()
            continue
        length = _read_varint(file) if kind == _DELIMITED else _LENGTHS.get(kind)
        if length is None:
            raise DamagedError(f"a field is of kind {kind}")
        begin = file.tell()
        place = begin + length
        if place > size:
            raise DamagedError("a field is longer than the message")
        if kind == _DELIMITED:
            yield tag >> 3, length
        file.seek(place)


def _read_varint(file: BinaryIO) -> int:
    number = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise DamagedError("the message ends within a field")
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return number
    raise DamagedError("a number has more than 10 bytes")


def _varint_of(number: int) -> bytes:
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
