"""What the bodies of a recorded run print, line by line into its store, told apart by the task context."""

import logging
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from flyte_engine.records import LogRecord, LogStream
from flyte_engine.store import ActionStore, LogChange, StoreError
from flyte_models.context import current_context
from flyte_models.task_context import TaskContext

_MOST_BYTES = 8 * 1024 * 1024
"""Characters that are kept of one action; what it prints beyond still reaches the terminal."""
_LONGEST_LINE = 32 * 1024

_Key = tuple[str, int, LogStream]


class LineRecorder:
    """Puts lines together from what bodies write, and records each with its action and attempt. Safe from any thread."""

    def __init__(self, store: ActionStore) -> None:
        """Record in `store`."""
        self._store = store
        self._lock = threading.Lock()
        self._begun: dict[_Key, str] = {}
        self._kept: dict[str, int] = {}

    def write(self, context: TaskContext, stream: LogStream, text: str) -> None:
        """Take what the body of an action wrote; a line counts when it ends, or grows very long."""
        action = context.action
        key = (action.name, (context.local_attempt or 0) + 1, stream)
        with self._lock:
            lines = (self._begun.pop(key, "") + text).split("\n")
            rest = lines.pop()
            if len(rest) > _LONGEST_LINE:
                lines.append(rest)
            elif rest:
                self._begun[key] = rest
            for line in lines:
                self._record(action.run_name or "", key, line)

    def end(self, run_name: str) -> None:
        """Record the lines that were begun and never ended."""
        with self._lock:
            begun, self._begun = self._begun, {}
            for key, line in begun.items():
                self._record(run_name, key, line)

    def _record(self, run_name: str, key: _Key, line: str) -> None:
        name, attempt, stream = key
        kept = self._kept[name] = self._kept.get(name, 0) + len(line) + 1
        if kept > _MOST_BYTES:
            if kept - len(line) - 1 > _MOST_BYTES:
                return
            line = f"(what this action prints beyond {_MOST_BYTES >> 20} MiB is not recorded)"
        # A progress bar draws itself anew after each return: its last picture counts.
        shown = line.removesuffix("\r").rpartition("\r")[2]
        try:
            self._store.record(LogChange(LogRecord(run_name, name, attempt, time.time(), stream, shown)))
        except StoreError:
            pass  # whoever waits for the store hears of it; printing must not fail


class Tee:
    """A text stream that also hands to the recorder of the run what is written in the body of an action."""

    def __init__(self, inner: TextIO, stream: LogStream) -> None:
        """Write to `inner` first."""
        self._inner = inner
        self._stream: LogStream = stream

    @property
    def inner(self) -> TextIO:
        """The stream behind."""
        return self._inner

    def write(self, text: str) -> int:
        """Write, and record if an action of a captured run does it."""
        written = self._inner.write(text)
        context = current_context()
        if context and (recorder := _recorders.get(context.action.run_name or "")) is not None:
            recorder.write(context, self._stream, text)
        return written

    def writelines(self, lines: Iterator[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._inner)


_recorders: dict[str, LineRecorder] = {}
"""By run: several runs may go on in one process."""
_lock = threading.Lock()


@contextmanager
def captured(store: ActionStore, run_name: str) -> Generator[None]:
    """Record what the bodies of a run print during the block. What is printed still reaches the terminal."""
    recorder = LineRecorder(store)
    with _lock:
        if not _recorders:
            _install()
        _recorders[run_name] = recorder
    try:
        yield
    finally:
        with _lock:
            _recorders.pop(run_name, None)
            if not _recorders:
                _remove()
        recorder.end(run_name)


def _install() -> None:
    for name in ("stdout", "stderr"):
        inner = getattr(sys, name)
        if inner is not None and not isinstance(inner, Tee):
            tee = Tee(inner, name)
            setattr(sys, name, tee)
            move_log_handlers(inner, cast("TextIO", tee))


def _remove() -> None:
    for name in ("stdout", "stderr"):
        tee = getattr(sys, name)
        if isinstance(tee, Tee):
            setattr(sys, name, tee.inner)
            move_log_handlers(cast("TextIO", tee), tee.inner)


def move_log_handlers(old: TextIO, new: TextIO) -> None:
    """Let log handlers that hold `old` write to `new`: they keep the stream that was there when they were made."""
    for logger in (logging.root, *list(logging.root.manager.loggerDict.values())):
        if isinstance(logger, logging.Logger):
            for handler in logger.handlers:
                if isinstance(handler, logging.StreamHandler):
                    holder = cast("logging.StreamHandler[TextIO]", handler)
                    if holder.stream is old:
                        holder.stream = new
