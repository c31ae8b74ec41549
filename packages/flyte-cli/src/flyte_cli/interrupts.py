"""Ctrl-c while a command ends: what is left to do is not worth a traceback, so that it ends at once."""

import os
import signal
from types import FrameType

from flyte_cli import exit_codes

__all__ = ["end_at_the_next", "note_told"]

_is_told = False


def end_at_the_next() -> None:
    """Let ctrl-c end the process at once from here on. Where it is ignored, or the user's program handles it, that stays."""
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        try:
            signal.signal(signal.SIGINT, _leave)
        except KeyboardInterrupt:
            # Changing the handler first does what has come before. That is not the first one, which is being told already.
            continue


def note_told() -> None:
    """Note that standard error says how the command has ended: an interrupt has nothing to add."""
    global _is_told  # noqa: PLW0603 - a fact of the process
    _is_told = True


def _leave(_number: int, _frame: FrameType | None) -> None:
    if not _is_told:
        os.write(2, b"error: interrupted\n")
    os._exit(exit_codes.INTERRUPTED)
