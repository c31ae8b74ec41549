"""A file that processes append to loses its middle: its blocks are given back, and nothing is moved, copied or cut off.

Whoever writes notices nothing, and may outlive whoever drops. A mark in the file itself, at the beginning of what is gone, says
how far that goes, so that it takes no room of its own on a full disk and cannot be parted from the file. It is written first:
what is read beside it is checked against it afterwards.
"""

import ctypes
import errno
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable
from functools import cache

from flyte_models.values import value

__all__ = ["MARK_BYTES", "Gap", "drop", "can_drop", "read_gap"]

_MAGIC = b"\0flyte log gap\n\0"
_FIELDS = struct.Struct("<16sQQ")
MARK_BYTES = _FIELDS.size + 4
"""What the mark takes of the file."""
_BLOCK = 4096
_ROUNDS = 50
_PAUSE = 0.002
# Of Linux's fallocate and of macOS's fcntl.
_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_F_PUNCHHOLE = 99
_BEYOND = 1 << 30


@value
class Gap:
    """What is gone: from a place that reader and writer know up to here."""

    end: int
    """The first byte after it."""
    lines: int
    """How many lines ended in it."""


def read_gap(descriptor: int, begin: int) -> Gap | None:
    """Return what is gone of a file, `None` if it is whole.

    Args:
        descriptor: open for reading.
        begin: where the mark would be.
    """
    for _ in range(_ROUNDS):
        content = os.pread(descriptor, MARK_BYTES, begin)
        if len(content) < MARK_BYTES or not content.startswith(_MAGIC):
            return None
        _, end, lines = _FIELDS.unpack(content[: _FIELDS.size])
        if int.from_bytes(content[_FIELDS.size :], "little") == zlib.crc32(content[: _FIELDS.size]):
            return Gap(end, lines)
        # It is being written.
        time.sleep(_PAUSE)
    return None


def can_drop(descriptor: int) -> bool:
    """Tell whether the file system of a file, open for writing, gives back the middle of it."""
    try:
        _release(descriptor, os.fstat(descriptor).st_size + _BEYOND, _BLOCK)
    except OSError:
        return False
    return True


def drop(descriptor: int, begin: int, gap: Gap) -> None:
    """Drop the part of a file from `begin` to the end of a gap, that of an earlier one with it.

    Args:
        descriptor: open for reading and writing, and not for appending.
        begin: where the mark goes; at least `MARK_BYTES` before the end of the gap.
        gap: what is gone then.

    Raises:
        OSError: it was not dropped; it may be marked as gone.
    """
    fields = _FIELDS.pack(_MAGIC, gap.end, gap.lines)
    os.pwrite(descriptor, fields + zlib.crc32(fields).to_bytes(4, "little"), begin)
    first = -(-(begin + MARK_BYTES) // _BLOCK) * _BLOCK
    length = gap.end // _BLOCK * _BLOCK - first
    if length > 0:
        _release(descriptor, first, length)


def _release(descriptor: int, offset: int, length: int) -> None:
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not on every system

        fcntl.fcntl(descriptor, _F_PUNCHHOLE, struct.pack("IIqq", 0, 0, offset, length))
        return
    function = _fallocate()
    if function is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    while function(descriptor, _KEEP_SIZE | _PUNCH_HOLE, offset, length) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


@cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).fallocate
    except (OSError, AttributeError, TypeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    function.restype = ctypes.c_int
    return function
