"""SIGTERM ends a blocking run as ctrl-c does: bodies clean up, and the record says that the run was aborted."""

import os
import signal
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from flyte_syncify import Syncified, syncify

__all__ = ["orderly", "orderly_termination"]

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def orderly_termination() -> Generator[None]:
    """Take SIGTERM within the block for an interrupt, and end the process by it after the block.

    Nothing changes outside the main thread, or where the program handles SIGTERM itself.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    is_terminated = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        nonlocal is_terminated
        if not is_terminated:
            # Once: a second one must not cut the clean-up short.
            is_terminated = True
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if is_terminated:
            os.kill(os.getpid(), signal.SIGTERM)


class _Orderly(Syncified[P, R]):
    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with orderly_termination():
            return super().call(args, kwargs)


def orderly(function: Callable[P, Coroutine[Any, Any, R]]) -> Syncified[P, R]:
    """Do as `syncify`, with `orderly_termination` around the blocking form."""
    return _Orderly(function, syncify.loop)
