"""Questions on the terminal: one at a time, each line that is typed answers the oldest one that is still open."""

import os
import select
import sys
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["TerminalAnswers", "parse_answer"]

_YES = frozenset({"y", "yes", "true", "t", "1", "on"})
_NO = frozenset({"n", "no", "false", "f", "0", "off"})


def parse_answer(text: str, kind: type[Any]) -> Any:
    """Read an answer as `bool`, `int`, `float` or `str`.

    Raises:
        ValueError: It is not one.
    """
    word = text.strip()
    if kind is str:
        return text.rstrip("\n")
    if kind is bool:
        if word.lower() in _YES:
            return True
        if word.lower() in _NO:
            return False
        raise ValueError(f"the answer must be yes or no, got {word!r}")
    try:
        return kind(word)
    except ValueError:
        raise ValueError(f"the answer must be a number of type {kind.__name__}, got {word!r}") from None


class _Question:
    def __init__(self, name: str, prompt: str, kind: type[Any], deliver: Callable[[Any], object]) -> None:
        self.name = name
        self.prompt = prompt
        self.kind = kind
        self.deliver = deliver
        self.is_shown = False
        self.is_told = False


class TerminalAnswers:
    """Asks on standard error and reads standard input, on a thread of its own, until `close`.

    Where nothing can be read (no terminal, the end of a file, a process in the background) questions wait for a signal instead.

    Args:
        run_name: For the hint how to answer from elsewhere.
    """

    def __init__(self, run_name: str) -> None:
        self._run_name = run_name
        self._lock = threading.Lock()
        self._open: list[_Question] = []
        self._lines: list[str] = []
        """What was typed, or was in the file, before it was asked for."""
        self._thread: threading.Thread | None = None
        self._wake: tuple[int, int] | None = None
        self._is_ended = not _can_read()

    def ask(self, name: str, prompt: str, kind: type[Any], deliver: Callable[[Any], object]) -> Callable[[], None]:
        """Put a question, and return what withdraws it.

        Args:
            name: Of the condition.
            prompt: The question.
            kind: What the answer is.
            deliver: Called with the answer, on any thread; it must not block.
        """
        question = _Question(name, prompt, kind, deliver)
        with self._lock:
            self._open.append(question)
            if self._thread is None and not self._is_ended:
                self._wake = os.pipe()
                self._thread = threading.Thread(target=self._read, name="flyte-answers", daemon=True)
                self._thread.start()
            self._go_on()

        def withdraw() -> None:
            with self._lock:
                if question in self._open:
                    self._open.remove(question)
                    self._go_on()

        return withdraw

    def close(self) -> None:
        """Stop reading, and end the thread. Repeating it does nothing."""
        thread, self._thread = self._thread, None
        if thread is None or self._wake is None:
            return
        os.write(self._wake[1], b"x")
        thread.join()
        for end in self._wake:
            os.close(end)
        self._wake = None

    def _read(self) -> None:
        assert self._wake is not None  # made before the thread
        begun = b""
        descriptor = sys.stdin.fileno()
        while True:
            readable, _, _ = select.select([descriptor, self._wake[0]], [], [])
            if self._wake[0] in readable:
                return
            try:
                # Not by `sys.stdin`, whose lock a thread that waits would hold at the interpreter's exit.
                data = os.read(descriptor, 4096)
            except OSError:
                data = b""
            *lines, begun = (begun + data).split(b"\n")
            if not data and begun:
                lines.append(begun)
            with self._lock:
                self._lines += [line.decode(errors="replace") for line in lines]
                self._is_ended = not data
                self._go_on()
            if not data:
                return

    def _go_on(self) -> None:
        """Match what was typed with the open questions, the oldest first, and show the one that is next."""
        while self._open:
            question = self._open[0]
            if not question.is_shown:
                question.is_shown = True
                choices = " [y/n]" if question.kind is bool else ""
                _write(f"condition `{question.name}`: {question.prompt}{choices} ")
            if not self._lines:
                break
            try:
                answer = parse_answer(self._lines.pop(0), question.kind)
            except ValueError as error:
                question.is_shown = False
                _write(f"{error}\n")
                continue
            del self._open[0]
            question.deliver(answer)
        if self._is_ended:
            for question in self._open:
                self._tell_elsewhere(question)

    def _tell_elsewhere(self, question: _Question) -> None:
        if question.is_told:
            return
        question.is_told = True
        _write(
            f"\nhint: nobody can be asked here; `flyte signal condition {self._run_name} {question.name} VALUE` answers it\n"
        )


def _write(text: str) -> None:
    if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]  # there is none under pythonw
        sys.stderr.write(text)
        sys.stderr.flush()


def _can_read() -> bool:
    try:
        descriptor = sys.stdin.fileno()
        if os.name != "posix":
            return False
        # A process in the background that reads its terminal is stopped.
        return not os.isatty(descriptor) or os.tcgetpgrp(descriptor) == os.getpgrp()
    except (AttributeError, OSError, ValueError):
        return False
