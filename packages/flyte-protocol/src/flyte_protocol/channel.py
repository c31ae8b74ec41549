"""The channel between a devbox and the actions on its machine: frames on a Unix socket. Pure; no protobuf is loaded.

It carries what `ActionsService` carries, for children of one parent, at a tenth of the cost of HTTP: requests are not waited for
one by one, a specification is sent once, and small inputs and outputs come along instead of as files. It is no part of the wire
protocol: a parent that finds no channel, or loses it, calls the service.

A frame is four bytes of length, one of its kind, then the content. Numbers are little-endian.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

from flyte_models.values import value

__all__ = [
    "CHANNEL_VARIABLE",
    "MAX_INLINE_BYTES",
    "SILENCE_SECONDS",
    "ChannelError",
    "Enqueued",
    "FrameCutter",
    "Kind",
    "pack",
    "pack_enqueue",
    "pack_update",
    "unpack_enqueue",
    "unpack_update",
]

CHANNEL_VARIABLE = "FLYTE_DEVBOX_CHANNEL"
"""Environment variable of an attempt: the path of the socket."""
MAX_INLINE_BYTES = 64 * 1024
"""Larger inputs and outputs are files."""
SILENCE_SECONDS = 30.0
"""The devbox sends something three times in that time; a channel that is silent for longer is lost."""
_MOST_BYTES = 64 * 1024 * 1024
_HEAD = struct.Struct("<IB")
_ENQUEUE = struct.Struct("<IIIB")
_UPDATE = struct.Struct("<IB")


class ChannelError(ValueError):
    """The other side does not keep to the form; the connection is of no use any more."""


class Kind(IntEnum):
    """What a frame is."""

    HELLO = 1
    """From a parent, first: JSON with `token` and the names of the parent: `project`, `domain`, `run`, `action`."""
    SPEC = 2
    """From a parent: four bytes with a number of its choice, then the `TaskSpec` that it stands for from then on."""
    ENQUEUE = 3
    """From a parent: see `pack_enqueue`."""
    WATCH = 4
    """From a parent: tell all children as they are, then `SYNCED`, then how they end."""
    ABORT = 5
    """From a parent: four bytes with a number of its choice, then an `AbortRequest`. What was asked for before comes first."""
    TAKEN = 6
    """From the devbox: the number of an `ENQUEUE` or `ABORT`, four bytes, and JSON with `code` and `message` if it is refused."""
    UPDATE = 7
    """From the devbox: see `pack_update`."""
    SYNCED = 8
    """From the devbox: nothing more is known."""
    BEAT = 9
    """From the devbox: it lives."""
    REFUSED = 10
    """From the devbox, last: JSON with `code` and `message`; the watch or the whole channel is refused."""


@value
class Enqueued:
    """The content of an `ENQUEUE`."""

    number: int
    """Of the request; its `TAKEN` has the same."""
    spec: int
    """Which `SPEC` the action is of; 0 for a trace, a condition, or a specification that is in the action."""
    action: bytes
    """An `actions.Action`, without its specification if `spec` names one."""
    inputs: bytes | None
    """Content of its `input_uri`; None when there is a file."""


def pack(kind: Kind, *parts: bytes) -> bytes:
    """Return the bytes of a frame."""
    return b"".join((_HEAD.pack(sum(map(len, parts)), kind), *parts))


def pack_enqueue(request: Enqueued) -> bytes:
    """Return the frame of an `ENQUEUE`."""
    inputs = request.inputs
    head = _ENQUEUE.pack(request.number, request.spec, len(request.action), inputs is not None)
    return pack(Kind.ENQUEUE, head, request.action, inputs or b"")


def unpack_enqueue(content: bytes) -> Enqueued:
    """Read the content of an `ENQUEUE`.

    Raises:
        ChannelError: it is none.
    """
    try:
        number, spec, size, has_inputs = _ENQUEUE.unpack_from(content)
    except struct.error as error:
        raise ChannelError(str(error)) from None
    start = _ENQUEUE.size
    action = content[start : start + size]
    if len(action) != size:
        raise ChannelError(f"an action of {size} bytes has {len(action)}")
    return Enqueued(number, spec, action, content[start + size :] if has_inputs else None)


def pack_update(update: bytes, outputs: bytes | None) -> bytes:
    """Return the frame of an `UPDATE`: a `workflow.ActionUpdate`, and the content of its outputs unless they are a file."""
    return pack(Kind.UPDATE, _UPDATE.pack(len(update), outputs is not None), update, outputs or b"")


def unpack_update(content: bytes) -> tuple[bytes, bytes | None]:
    """Read the content of an `UPDATE`.

    Raises:
        ChannelError: it is none.
    """
    try:
        size, has_outputs = _UPDATE.unpack_from(content)
    except struct.error as error:
        raise ChannelError(str(error)) from None
    start = _UPDATE.size
    update = content[start : start + size]
    if len(update) != size:
        raise ChannelError(f"an update of {size} bytes has {len(update)}")
    return update, content[start + size :] if has_outputs else None


class FrameCutter:
    """Cuts pieces of any size, as the socket delivers them, into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[tuple[Kind, bytes]]:
        """Yield the frames that are complete; what is not waits for the next piece.

        Raises:
            ChannelError: a frame is of no known kind, or too large.
        """
        data = self._rest + piece if self._rest else piece
        place, end = 0, len(data)
        while end - place >= _HEAD.size:
            size, number = _HEAD.unpack_from(data, place)
            if size > _MOST_BYTES:
                raise ChannelError(f"a frame has {size:,} bytes, allowed are {_MOST_BYTES:,}")
            after = place + _HEAD.size + size
            if after > end:
                break
            try:
                kind = Kind(number)
            except ValueError:
                raise ChannelError(f"there is no frame of kind {number}") from None
            yield kind, data[place + _HEAD.size : after]
            place = after
        self._rest = data[place:]
