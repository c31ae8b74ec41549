"""What has happened so far in a run, folded into rows: actions of one task under one parent row share a row. Pure."""

from collections.abc import Iterator

from flyte_engine.engine import EngineEvent
from flyte_models.phases import ActionPhase

RowKey = tuple[str, ...]
"""Short names from the root down."""


class Row:
    """All actions of one task below the same row."""

    def __init__(self, label: str, depth: int) -> None:
        """Begin a row without actions."""
        self.label = label
        self.depth = depth
        self.total = self.running = self.waiting = self.succeeded = self.failed = self.retries = 0
        self.waiting_for = ""
        """What those that wait were last said to wait for."""
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.children: dict[str, Row] = {}

    @property
    def is_over(self) -> bool:
        """Whether no action of the row is waiting or running."""
        return self.total == self.succeeded + self.failed

    def describe(self) -> str:
        """Return the state as words: `17/20 done, 3 running, 1 retried`."""
        done = self.succeeded + self.failed
        parts: list[str] = []
        if self.total > 1:
            parts.append(f"{done}/{self.total} done" if not self.is_over else f"{self.succeeded} done")
        elif self.succeeded:
            parts.append("done")
        if self.failed:
            parts.append(f"{self.failed} failed" if self.total > 1 else "failed")
        if self.running:
            parts.append(f"{self.running} running" if self.total > 1 else "running")
        if self.waiting and not self.running and not done:
            parts.append(f"waiting: {self.waiting_for}" if self.waiting_for else "waiting")
        if self.retries:
            parts.append(f"{self.retries} {'retry' if self.retries == 1 else 'retries'}")
        return ", ".join(parts)

    def seconds(self, now: float) -> float:
        """Return how long the row has been, or was, at work."""
        if self.started_at is None:
            return 0.0
        return (self.ended_at if self.is_over and self.ended_at is not None else now) - self.started_at


class ProgressModel:
    """Follows the engine's events. One instance per run; not safe to share between threads without a lock."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.root: Row | None = None
        self._row_of: dict[str, Row] = {}
        self._phases: dict[str, ActionPhase] = {}
        self._attempts: dict[str, int] = {}

    def apply(self, event: EngineEvent) -> Row:
        """Take one event and return the row it changed."""
        record = event.record
        row = self._row_of.get(record.name)
        if row is None:
            row = self._row(record.parent_name, record.short_name or record.task_name)
            self._row_of[record.name] = row
            row.total += 1
            row.waiting += 1
        else:
            self._count(row, self._phases[record.name], -1)
            self._count(row, record.phase, +1)
        if record.waiting_for or not row.waiting:
            row.waiting_for = record.waiting_for
        self._phases[record.name] = record.phase
        if record.attempt > self._attempts.get(record.name, 1):
            row.retries += 1
        self._attempts[record.name] = max(record.attempt, 1)
        if record.started_at is not None and (row.started_at is None or record.started_at < row.started_at):
            row.started_at = record.started_at
        if record.ended_at is not None:
            row.ended_at = max(record.ended_at, row.ended_at or 0.0)
        return row

    def rows(self) -> Iterator[Row]:
        """Yield the rows from the root down, children below their parents."""
        pending = [self.root] if self.root is not None else []
        while pending:
            row = pending.pop()
            yield row
            pending.extend(reversed(row.children.values()))

    def _row(self, parent_name: str | None, label: str) -> Row:
        parent = self._row_of.get(parent_name) if parent_name is not None else None
        if parent is None:
            self.root = self.root or Row(label, 0)
            return self.root
        return parent.children.setdefault(label, Row(label, parent.depth + 1))

    @staticmethod
    def _count(row: Row, phase: ActionPhase, step: int) -> None:
        if phase in {ActionPhase.SUCCEEDED, ActionPhase.RECOVERED}:
            row.succeeded += step
        elif phase.is_terminal:
            row.failed += step
        elif phase is ActionPhase.RUNNING:
            row.running += step
        else:
            row.waiting += step
