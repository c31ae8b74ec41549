"""The frames of a stream: five bytes of flags and length, then the message. Pure; no protobuf is loaded."""

import json
import zlib
from collections.abc import Iterator
from typing import Any, cast

from flyte_models.values import value
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError, error_of_json

__all__ = ["End", "FrameReader", "inflate", "write_frame"]

_HEAD = 5
_COMPRESSED = 1
_END = 2


@value
class End:
    """The last frame of a stream."""

    error: RpcError | None
    """Why the stream ended, or None when all of it was sent."""
    metadata: dict[str, list[str]]
    """Trailers."""


def write_frame(message: bytes, *, flags: int = 0) -> bytes:
    """Put the head before a message."""
    return flags.to_bytes(1, "big") + len(message).to_bytes(4, "big") + message


class FrameReader:
    """Cuts pieces of any size, as the network delivers them, into messages.

    A message that is larger than `max_bytes`, packed or unpacked, is refused before it is kept.
    """

    def __init__(self, *, max_bytes: int, method: str = "", is_gzip: bool = False) -> None:
        """Read the frames of one stream; `is_gzip` says whether its headers announced gzip."""
        self._max_bytes = max_bytes
        self._method = method
        self._is_gzip = is_gzip
        self._buffer = bytearray()
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether the last frame was read."""
        return self._is_over

    def feed(self, piece: bytes | bytearray | memoryview) -> Iterator[bytes | End]:
        """Add a piece and yield what is complete: messages, and at last an `End`.

        Raises:
            RpcError: the bytes are no frames, or a message is too large.
        """
        self._buffer += piece
        while len(self._buffer) >= _HEAD:
            if self._is_over:
                raise self._broken("the stream goes on after its last frame")
            flags, size = self._buffer[0], int.from_bytes(self._buffer[1:_HEAD], "big")
            if flags & ~(_COMPRESSED | _END):
                raise self._broken(f"a frame begins with the flags {flags:#04x}, which the protocol does not have")
            if size > self._max_bytes:
                raise self._too_large(size)
            if len(self._buffer) < _HEAD + size:
                return
            content = bytes(self._buffer[_HEAD : _HEAD + size])
            del self._buffer[: _HEAD + size]
            if flags & _COMPRESSED:
                content = self._unpack(content)
            if flags & _END:
                self._is_over = True
                yield self._end(content)
            else:
                yield content
        if self._is_over and self._buffer:
            raise self._broken("the stream goes on after its last frame")

    def close(self) -> None:
        """Say that no piece follows.

        Raises:
            RpcError: UNAVAILABLE, when the stream was cut before its last frame.
        """
        if not self._is_over:
            within = " within a message" if self._buffer else ""
            raise RpcError(
                Code.UNAVAILABLE, f"the stream of `{self._method}` was cut{within}, before its end", method=self._method
            )

    def _unpack(self, content: bytes) -> bytes:
        if not self._is_gzip:
            raise self._broken("a frame is compressed, but the stream did not announce how")
        unpacked = inflate(content, self._max_bytes)
        if unpacked is None:
            raise self._too_large(None)
        return unpacked

    def _end(self, content: bytes) -> End:
        try:
            parsed: object = json.loads(content or b"{}")
        except (ValueError, RecursionError):
            raise self._broken("the last frame is no JSON") from None
        fields = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
        error = None
        if "error" in fields:
            error = error_of_json(json.dumps(fields["error"]).encode(), method=self._method) or RpcError(
                Code.UNKNOWN, f"`{self._method}` ended with an error without a code", method=self._method
            )
        trailers = fields.get("metadata")
        metadata = cast("dict[str, list[str]]", trailers) if isinstance(trailers, dict) else {}
        return End(error, metadata)

    def _broken(self, problem: str) -> RpcError:
        return RpcError(
            Code.INTERNAL, f"`{self._method}` answered with a broken stream: {problem}", method=self._method
        )

    def _too_large(self, size: int | None) -> RpcError:
        named = f"{size:,} bytes" if size is not None else "more"
        return RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"a message of `{self._method}` has {named}, allowed are {self._max_bytes:,}\n"
            "hint: ask for less at once, or raise the limit of the client",
            method=self._method,
        )


def inflate(packed: bytes, max_bytes: int) -> bytes | None:
    """Unpack gzip; None when there are more than `max_bytes`.

    Raises:
        RpcError: INTERNAL, when it is no gzip or incomplete.
    """
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise RpcError(Code.INTERNAL, f"a message cannot be decompressed: {error}") from None
    if len(unpacked) > max_bytes:
        return None
    if not unpacker.eof:
        raise RpcError(Code.INTERNAL, "a message cannot be decompressed: it is incomplete")
    return unpacked
