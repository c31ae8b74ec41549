"""Messages between a devbox and the processes that carry its attempts out: a JSON object, and bytes that go with it. Pure.

A message is two numbers of four bytes, big-endian, the lengths of both parts; then the parts.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["MessageCutter", "MessageError", "pack_message"]

_HEAD = struct.Struct(">II")
_MOST_BYTES = 16 * 1024 * 1024


class MessageError(ValueError):
    """The other side does not keep to the form; the connection is of no use any more."""


def pack_message(message: Mapping[str, Any], content: bytes = b"") -> bytes:
    """Return the bytes of a message."""
    text = json.dumps(message).encode()
    return b"".join((_HEAD.pack(len(text), len(content)), text, content))


class MessageCutter:
    """Cuts pieces of any size, as the socket delivers them, into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield the messages that are complete, each with its bytes; what is not waits for the next piece.

        Raises:
            MessageError: one is too large, or not JSON.
        """
        data = self._rest + piece if self._rest else piece
        place, end = 0, len(data)
        while end - place >= _HEAD.size:
            size, more = _HEAD.unpack_from(data, place)
            if size + more > _MOST_BYTES:
                raise MessageError(f"a message has {size + more:,} bytes, allowed are {_MOST_BYTES:,}")
            middle = place + _HEAD.size + size
            if middle + more > end:
                break
            try:
                message: dict[str, Any] = json.loads(data[place + _HEAD.size : middle])
            except ValueError as error:
                raise MessageError(str(error)) from None
            yield message, data[middle : middle + more]
            place = middle + more
        self._rest = data[place:]
