"""Streams that hold what is written while an interface has the terminal, and write it when that is gone."""

import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, TextIO, cast

from flyte.running.capture import move_log_handlers

__all__ = ["Held", "held_streams"]

_MOST_CHARACTERS = 256 * 1024


class Held:
    """What several streams were given, in its order; the oldest is dropped where it is too much."""

    def __init__(self, most: int = _MOST_CHARACTERS) -> None:
        """Hold as many characters at most."""
        self._most = most
        self._lock = threading.Lock()
        self._chunks: deque[tuple[TextIO, str]] = deque()
        self._count = 0
        self._is_holding = True
        self.is_dropped = False
        """Whether there was too much."""

    def write(self, inner: TextIO, text: str) -> None:
        """Take a text for a stream, which gets it later, or at once when nothing is held any more."""
        with self._lock:
            if not self._is_holding:
                inner.write(text)
                return
            self._chunks.append((inner, text))
            self._count += len(text)
            while self._count > self._most and len(self._chunks) > 1:
                self._count -= len(self._chunks.popleft()[1])
                self.is_dropped = True

    def release(self) -> None:
        """Write all that is held, and hold no more."""
        with self._lock:
            self._is_holding = False
            for inner, text in self._chunks:
                inner.write(text)
            self._chunks.clear()


class HeldStream:
    """A text stream whose texts are held."""

    def __init__(self, inner: TextIO, held: Held) -> None:
        """Stand for `inner`."""
        self._inner = inner
        self._held = held

    def write(self, text: str) -> int:
        """Write, later."""
        self._held.write(self._inner, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts, later."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@contextmanager
def held_streams(note: str) -> Generator[None]:
    """Hold what is written to standard output and error in the block; at its end it is written.

    Args:
        note: What to say where it was too much to hold.
    """
    held = Held()
    usual = sys.stdout, sys.stderr
    streams = tuple(cast("TextIO", HeldStream(stream, held)) for stream in usual)
    # First this: the handler of the SDK's own log looks where standard error is, and cannot be given another stream.
    sys.stdout, sys.stderr = streams
    for stream, holding in zip(usual, streams, strict=True):
        move_log_handlers(stream, holding)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = usual
        for stream, holding in zip(usual, streams, strict=True):
            move_log_handlers(holding, stream)
        if held.is_dropped:
            sys.stderr.write(f"{note}\n")
        held.release()
