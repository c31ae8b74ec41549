"""Who draws the progress of a run: nobody, plain lines, or a live tree."""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from flyte_cli.progress.above import LinesAbove
from flyte_cli.progress.model import ProgressModel, Row
from flyte_engine.engine import EngineEvent
from flyte_models.phases import ActionPhase

if TYPE_CHECKING:
    from flyte_cli.progress.tree import LiveTree

_GRACE_SECONDS = 0.3
"""A run that is over sooner than this shows no tree, and does not pay for importing what draws it."""

_MOST_FAILURES = 10
"""Failures that plain lines name one by one; the rest is counted."""

_MOST_LINES = 1000
"""Plain lines of rows; those of runs with more say so once, and show how the run ends."""

_MOST_ROWS = 100
"""Rows of the tree on a terminal."""


class Display(Protocol):
    """Takes the engine's events while a run is going on."""

    def on_event(self, event: EngineEvent) -> None:
        """Take one event; called in the engine's loop."""
        ...


class NoDisplay:
    """Shows nothing."""

    def on_event(self, event: EngineEvent) -> None:
        """Ignore the event."""


class PlainDisplay:
    """Writes a line when a row of actions waits or is done, when an attempt is tried again, and when an action fails."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream
        self._model = ProgressModel()
        self._started = time.monotonic()
        self._announced: dict[int, int] = {}
        self._waits: dict[int, str] = {}
        self._failures = self._lines = 0

    def on_event(self, event: EngineEvent) -> None:
        """Write what the event is worth."""
        row = self._model.apply(event)
        record = event.record
        if event.previous is ActionPhase.RUNNING and not record.phase.is_terminal:
            most = f" of {record.max_attempts}" if record.max_attempts else ""
            self._line(row, f"attempt {record.attempt - 1}{most} failed, trying again")
        elif record.phase.is_terminal and record.error is not None and record.phase is not ActionPhase.ABORTED:
            self._failures += 1
            if self._failures <= _MOST_FAILURES:
                first = record.error.message.split("\n", 1)[0]
                self._line(row, f"{record.phase.value}: {record.error.code}: {first}")
        elif record.waiting_for and self._waits.get(id(row)) != record.waiting_for:
            self._waits[id(row)] = record.waiting_for
            self._line(row, f"waiting: {record.waiting_for}")
        if record.parent_name is None and record.phase.is_terminal:
            self._write_ends()
        if row.is_over and row.total >= 2 * self._announced.get(id(row), 0):
            self._announced[id(row)] = row.total
            if row.total > 1 or not row.failed:
                self._line(row, row.describe())

    def _write_ends(self) -> None:
        """Write how the rows ended that have grown since their last line."""
        for row in self._model.rows():
            if row.is_over and row.total > self._announced.get(id(row), 0) > 0:
                self._line(row, row.describe())

    def _line(self, row: Row, text: str) -> None:
        self._lines += 1
        if self._lines > _MOST_LINES and row.depth:
            return
        label = row.label
        if self._lines == _MOST_LINES and row.depth:
            label, text = "…", "further lines are left out"
        self._stream.write(f"{time.monotonic() - self._started:7.1f}s  {label}  {text}\n")
        self._stream.flush()


class LiveDisplay:
    """Draws a tree of rows that moves, on a terminal, from a thread of its own."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on `stream`, once there is something to draw; nothing is started yet."""
        self._stream = stream
        self._tree: LiveTree | None = None
        self.streams: list[LinesAbove] = []
        """The streams on the same terminal."""
        self._model = ProgressModel()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="flyte-progress", daemon=True)

    def on_event(self, event: EngineEvent) -> None:
        """Take the event; it is drawn with the next picture."""
        with self._lock:
            self._model.apply(event)

    def start(self) -> None:
        """Start to draw, after a moment of grace."""
        self._thread.start()

    def stop(self) -> None:
        """Draw the last picture and end the thread."""
        self._over.set()
        self._thread.join(5.0)

    def _draw(self) -> None:
        if self._over.wait(_GRACE_SECONDS):
            return
        # rich is loaded only here: most runs on a terminal are over before there is anything to draw.
        from flyte_cli.progress.tree import LiveTree  # noqa: PLC0415

        for stream in self.streams:
            stream.end_line()
        with LiveTree(self._stream) as tree:
            self._tree = tree
            while True:
                is_over = self._over.wait(0.1)
                with self._lock:
                    found = list(self._model.rows())
                    rows = [_line_of(row) for row in found[:_MOST_ROWS]]
                if len(found) > _MOST_ROWS:
                    rows.append((1, "…", f"{len(found) - _MOST_ROWS} further rows", 0.0, "waiting"))
                tree.show(rows)
                if is_over:
                    self._tree = None
                    return

    def has_picture(self) -> bool:
        """Tell whether the tree is on the terminal."""
        return self._tree is not None

    def print_above(self, line: str) -> bool:
        """Print a line above the picture; return False, and print nothing, while there is none."""
        tree = self._tree
        if tree is None:
            return False
        tree.print_above(line)
        return True


def _line_of(row: Row) -> tuple[int, str, str, float, str]:
    state = "failed" if row.failed else "done" if row.is_over else "running" if row.running else "waiting"
    return row.depth, row.label, row.describe(), row.seconds(time.time()), state


@contextmanager
def progress(*, enabled: bool) -> Generator[Display]:
    """Yield the display that fits standard error, and end it with the block."""
    if not enabled:
        yield NoDisplay()
    elif sys.stderr.isatty():
        display = LiveDisplay(sys.stderr)
        display.start()
        try:
            with _above(display):
                yield display
        finally:
            display.stop()
    else:
        yield PlainDisplay(sys.stderr)


@contextmanager
def _above(display: LiveDisplay) -> Generator[None]:
    """Let what is written to the terminal during the block appear above the picture of `display`."""
    # Before anything else wraps the streams: what records their lines must not see the picture.
    usual = sys.stdout, sys.stderr
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and stream.isatty():
            above = LinesAbove(stream, display.print_above, display.has_picture, shows_prompts=name == "stderr")
            display.streams.append(above)
            setattr(sys, name, above)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = usual
        display.stop()
        for stream in display.streams:
            stream.end()
