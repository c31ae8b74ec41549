"""A store that lives as long as the process: for runs that are not recorded, and for tests."""

import threading
from typing import TypeVar

from flyte_engine.records import ActionRecord, AttemptRecord, LogRecord, ProcessRecord, RunRecord, TraceRecord
from flyte_engine.store import (
    ActionChange,
    CacheNoteChange,
    Change,
    LogChange,
    ReportChange,
    RunChange,
    SignalChange,
    StoreClosedError,
    TraceChange,
)

_T = TypeVar("_T")


class _ActionEntry:
    """All that is known of one action."""

    __slots__ = ("attempts", "inputs", "outputs", "record")

    def __init__(self, record: ActionRecord) -> None:
        self.record = record
        self.attempts: tuple[AttemptRecord, ...] = ()
        self.inputs: bytes | None = None
        self.outputs: bytes | None = None


class MemoryStore:
    """Keeps everything in dictionaries; a change is visible as soon as it is recorded.

    Args:
        keep_data: keep inputs and outputs too. Without them a large map costs no memory per value, and `inputs` and
            `outputs` return `None`.
    """

    def __init__(self, *, keep_data: bool = True) -> None:
        self._runs: dict[str, RunRecord] = {}
        self._actions: dict[str, dict[str, _ActionEntry]] = {}
        self._owners: dict[str, ProcessRecord] = {}
        self._traces: dict[tuple[str, str], dict[str, TraceRecord]] = {}
        self._logs: dict[str, list[LogRecord]] = {}
        self._reports: dict[tuple[str, str], bytes] = {}
        self._signals: dict[tuple[str, str], bytes] = {}
        self._notes: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()
        self._keep_data = keep_data
        self._closed = False

    def record(self, change: Change) -> None:
        """Take a change; see `ActionStore.record`."""
        if self._closed:
            raise _closed_error()
        with self._lock:
            if isinstance(change, ActionChange):
                self._record_action(change)
            elif isinstance(change, RunChange):
                self._runs[change.run.run_name] = change.run
                if change.owner is not None:
                    self._owners[change.run.run_name] = change.owner
            elif isinstance(change, LogChange):
                self._logs.setdefault(change.log.run_name, []).append(change.log)
            elif isinstance(change, ReportChange):
                self._reports[change.run_name, change.action_name] = change.html
            elif isinstance(change, CacheNoteChange):
                self._notes[change.run_name, change.action_name] = change.note
            elif isinstance(change, SignalChange):
                self._signals[change.run_name, change.action_name] = change.answer
            else:
                trace = change.trace
                self._traces.setdefault((trace.run_name, trace.action_name), {})[trace.name] = trace

    def _record_action(self, change: ActionChange) -> None:
        record = change.action
        actions = self._actions.get(record.run_name)
        if actions is None:
            actions = self._actions[record.run_name] = {}
        entry = actions.get(record.name)
        if entry is None:
            entry = actions[record.name] = _ActionEntry(record)
        else:
            entry.record = record
        attempt = change.attempt
        if attempt is not None:
            attempts = entry.attempts
            if not attempts or attempts[-1].number < attempt.number:
                entry.attempts = (*attempts, attempt)
            elif attempts[-1].number == attempt.number:
                entry.attempts = (*attempts[:-1], attempt)
            else:
                others = (known for known in attempts if known.number != attempt.number)
                entry.attempts = tuple(sorted((*others, attempt), key=lambda known: known.number))
        if self._keep_data:
            if change.inputs is not None:
                entry.inputs = change.inputs
            if change.outputs is not None:
                entry.outputs = change.outputs

    async def flush(self) -> None:
        """Return at once: nothing here outlives the process."""
        if self._closed:
            raise _closed_error()

    def run(self, run_name: str) -> RunRecord | None:
        """Return a run; see `ActionStore.run`."""
        return self._open(self._runs).get(run_name)

    def runs(self, limit: int = 100, *, project: str | None = None, domain: str | None = None) -> list[RunRecord]:
        """Return the latest runs; see `ActionStore.runs`."""
        runs = self._open(self._runs)
        with self._lock:
            found = [run for run in runs.values() if project in (None, run.project) and domain in (None, run.domain)]
        found.reverse()
        found.sort(key=lambda run: run.created_at, reverse=True)
        return found[: max(limit, 0)]

    def action(self, run_name: str, name: str) -> ActionRecord | None:
        """Return an action; see `ActionStore.action`."""
        entry = self._entry(run_name, name)
        return entry.record if entry is not None else None

    def actions(self, run_name: str, parent: str | None = None) -> list[ActionRecord]:
        """Return actions of a run; see `ActionStore.actions`."""
        actions = self._open(self._actions)
        with self._lock:
            records = [entry.record for entry in actions.get(run_name, {}).values()]
        return records if parent is None else [record for record in records if record.parent_name == parent]

    def attempts(self, run_name: str, name: str) -> list[AttemptRecord]:
        """Return the attempts of an action; see `ActionStore.attempts`."""
        entry = self._entry(run_name, name)
        return list(entry.attempts) if entry is not None else []

    def inputs(self, run_name: str, name: str) -> bytes | None:
        """Return inputs; see `ActionStore.inputs`."""
        entry = self._entry(run_name, name)
        return entry.inputs if entry is not None else None

    def outputs(self, run_name: str, name: str) -> bytes | None:
        """Return outputs; see `ActionStore.outputs`."""
        entry = self._entry(run_name, name)
        return entry.outputs if entry is not None else None

    def report(self, run_name: str, name: str) -> bytes | None:
        """Return a report; see `ActionStore.report`."""
        return self._open(self._reports).get((run_name, name))

    def signal(self, run_name: str, name: str) -> bytes | None:
        """Return an answer; see `ActionStore.signal`."""
        return self._open(self._signals).get((run_name, name))

    def cache_note(self, run_name: str, name: str) -> bytes | None:
        """Return a note; see `ActionStore.cache_note`."""
        return self._open(self._notes).get((run_name, name))

    def logs(
        self, run_name: str, name: str | None = None, *, attempt: int | None = None, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, LogRecord]]:
        """Return lines; see `ActionStore.logs`."""
        logs = self._open(self._logs)
        with self._lock:
            lines = list(logs.get(run_name, ()))
        found = [
            (number, line)
            for number, line in enumerate(lines, 1)
            if number > after and name in (None, line.action_name) and attempt in (None, line.attempt)
        ]
        return found[:limit]

    def delete_run(self, run_name: str) -> bool:
        """Forget a run; see `ActionStore.delete_run`."""
        runs = self._open(self._runs)
        with self._lock:
            self._actions.pop(run_name, None)
            self._owners.pop(run_name, None)
            self._logs.pop(run_name, None)
            for table in (self._traces, self._reports, self._signals, self._notes):
                for key in [key for key in table if key[0] == run_name]:
                    del table[key]
            return runs.pop(run_name, None) is not None

    def add_run(self, run: RunRecord, owner: ProcessRecord) -> bool:
        """Record a new run; see `ActionStore.add_run`."""
        runs = self._open(self._runs)
        with self._lock:
            if run.run_name in runs:
                return False
            runs[run.run_name] = run
            self._owners[run.run_name] = owner
            return True

    def owner(self, run_name: str) -> ProcessRecord | None:
        """Return the owner of a run; see `ActionStore.owner`."""
        return self._open(self._owners).get(run_name)

    def take_over(self, run_name: str, process: ProcessRecord, known: ProcessRecord | None) -> bool:
        """Change the owner of a run; see `ActionStore.take_over`."""
        owners = self._open(self._owners)
        with self._lock:
            if owners.get(run_name) != known:
                return False
            owners[run_name] = process
            return True

    def record_trace(self, trace: TraceRecord) -> None:
        """Take a traced call; see `ActionStore.record_trace`."""
        self.record(TraceChange(trace))

    def trace(self, run_name: str, action_name: str, name: str) -> TraceRecord | None:
        """Return a traced call; see `ActionStore.trace`."""
        return self._open(self._traces).get((run_name, action_name), {}).get(name)

    def traces(self, run_name: str, action_name: str) -> list[TraceRecord]:
        """Return the traced calls of an action; see `ActionStore.traces`."""
        traces = self._open(self._traces)
        with self._lock:
            return list(traces.get((run_name, action_name), {}).values())

    def close(self) -> None:
        """Forget everything."""
        self._closed = True
        with self._lock:
            self._owners.clear()
            self._traces.clear()
            self._runs.clear()
            self._actions.clear()
            self._logs.clear()
            self._reports.clear()
            self._signals.clear()
            self._notes.clear()

    def _entry(self, run_name: str, name: str) -> _ActionEntry | None:
        return self._open(self._actions).get(run_name, {}).get(name)

    def _open(self, table: _T) -> _T:
        if self._closed:
            raise _closed_error()
        return table


def _closed_error() -> StoreClosedError:
    return StoreClosedError("the store is closed\nhint: keep it open until the last run is finished and read")
