"""Parts of a log as a page asks for them: the end of it first, then what has been added since."""

import os
from collections.abc import Sequence
from pathlib import Path

from flyte_models.values import value

__all__ = ["LogPiece", "is_log_name", "read_part"]

_MOST_BYTES = 256 * 1024
_FAR_BYTES = 2 * _MOST_BYTES
"""Who is so far behind goes on at the end: a log that grows too large loses what is in between (see `flyte_devbox.logs`)."""


@value
class LogPiece:
    """A piece of a log."""

    text: str
    next: int
    """Where the following piece begins, in bytes."""
    has_more: bool
    """Whether there is a following piece already."""
    skipped: int
    """How many bytes before it are not shown; not known where another piece came before."""
    is_new: bool
    """Whether it is the beginning of what is to be shown, and nothing that came before is."""


def is_log_name(parts: Sequence[str], attempt: str) -> bool:
    """Tell whether project, domain, run and action, and the attempt, can be those of a log."""
    is_number = attempt.isascii() and attempt.isdigit() and len(attempt) < 7
    return is_number and not any(part in {"", ".", ".."} or "/" in part or "\0" in part for part in parts)


def read_part(path: Path, start: int | None) -> LogPiece:
    """Read a piece of a log, whole lines where that is possible.

    Args:
        path: of the log, which may not exist.
        start: where it begins; `None` for the end of what is there.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            is_new = start is None or start > size or size - start > _FAR_BYTES
            begin = max(0, size - _MOST_BYTES) if start is None or is_new else start
            file.seek(begin)
            data = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return LogPiece("", 0, False, 0, True)
    if is_new and begin:
        cut = data.find(b"\n") + 1
        data, begin = data[cut:], begin + cut
    is_last = begin + len(data) >= size
    if not is_last:
        data = data[: data.rfind(b"\n") + 1] or data
    # A character that is not all there yet comes with the next piece.
    kept = len(data)
    while kept and len(data) - kept < 3 and data[kept - 1] & 0xC0 == 0x80:
        kept -= 1
    if kept and data[kept - 1] >= 0xC0:
        need = 2 if data[kept - 1] < 0xE0 else 3 if data[kept - 1] < 0xF0 else 4
        if len(data) - kept + 1 < need:
            data = data[: kept - 1]
    text = data.decode(errors="replace")
    return LogPiece(text, begin + len(data), not is_last, begin if is_new else 0, is_new)
