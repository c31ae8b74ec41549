"""Ctrl-c in moments in which Python makes a traceback of it: while an object is disposed of, and while a command ends."""

import _thread
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from flyte_cli import exit_codes

if TYPE_CHECKING:
    # There only when types are checked.
    from sys import UnraisableHookArgs

__all__ = ["end_at_the_next", "lose_none", "note_told"]

_is_told = False


def lose_none() -> None:
    """Raise an interrupt again that came while an object was disposed of: Python shows and then drops what is raised there."""
    usual, main_thread = sys.unraisablehook, _thread.get_ident()

    def raise_again(dropped: "UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            # By another thread, so that it comes when this one is out of here, and ends what that waits for by then.
            _thread.start_new_thread(signal.pthread_kill, (main_thread, signal.SIGINT))
        else:
            usual(dropped)

    sys.unraisablehook = raise_again


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
