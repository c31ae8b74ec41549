"""Streams whose lines appear above a live picture instead of within it, as long as there is one."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

__all__ = ["LinesAbove"]


class LinesAbove:
    """A text stream on the terminal of a picture: whole lines go above it, and directly to `inner` while there is none.

    Args:
        inner: The stream behind.
        print_above: Prints a line above the picture; returns False, and prints nothing, while there is none.
        has_picture: Tells whether there is one.
        shows_prompts: Whether a flush shows a line that was begun above the picture: a question waits for its answer there.
    """

    def __init__(
        self,
        inner: TextIO,
        print_above: Callable[[str], bool],
        has_picture: Callable[[], bool],
        *,
        shows_prompts: bool,
    ) -> None:
        self._inner = inner
        self._print_above = print_above
        self._has_picture = has_picture
        self._shows_prompts = shows_prompts
        self._lock = threading.Lock()
        self._begun = ""
        self._is_within_line = False
        """Whether the stream behind ends within a line, as far as this one has written to it."""

    @property
    def inner(self) -> TextIO:
        """The stream behind."""
        return self._inner

    def write(self, text: str) -> int:
        """Write; a line that has not ended yet appears when it ends."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            for number, line in enumerate(lines):
                if not self._print_above(line):
                    # There is no picture, yet or any more: everything that is left goes out as it is.
                    self._pass_on("\n".join([*lines[number:], self._begun]))
                    self._begun = ""
                    break
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind; what was begun appears if there is no picture, or if it may be a question."""
        with self._lock:
            if self._begun and (self._shows_prompts or not self._has_picture()):
                begun, self._begun = self._begun, ""
                if not self._has_picture() or not self._print_above(begun):
                    self._pass_on(begun)
        self._inner.flush()

    def end(self) -> None:
        """Write what was begun and never ended: the picture is gone."""
        with self._lock:
            begun, self._begun = self._begun, ""
            if begun:
                self._pass_on(begun)

    def end_line(self) -> None:
        """End the line that the stream behind is within: a picture would wipe it out."""
        with self._lock:
            if self._is_within_line:
                self._pass_on("\n")
                self._inner.flush()

    def writelines(self, lines: Iterator[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def _pass_on(self, text: str) -> None:
        self._inner.write(text)
        if text:
            self._is_within_line = not text.endswith("\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._inner)
