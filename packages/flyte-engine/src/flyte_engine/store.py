"""Where records are kept: the changes a store takes, the `ActionStore` protocol and its errors. No implementation lives here."""

import os
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from flyte_engine.records import ActionRecord, AttemptRecord, LogRecord, ProcessRecord, RunRecord, TraceRecord
from flyte_models.values import value


@value
class RunChange:
    """A run is now as `run` says."""

    run: RunRecord
    owner: ProcessRecord | None = None
    """The process that carries it out; `None` leaves the known one."""


@value
class ActionChange:
    """An action is now as `action` says; what comes with it becomes durable together with it or not at all."""

    action: ActionRecord
    attempt: AttemptRecord | None = None
    """The attempt that changed; `None` leaves the attempts as they are."""
    inputs: bytes | None = None
    """`None` leaves the stored inputs as they are."""
    outputs: bytes | None = None
    """`None` leaves the stored outputs as they are."""


@value
class TraceChange:
    """A traced call has ended."""

    trace: TraceRecord


@value
class LogChange:
    """The body of an action has written a line."""

    log: LogRecord


@value
class ReportChange:
    """The report of an action is now as `html` says."""

    run_name: str
    action_name: str
    html: bytes
    """UTF-8."""


@value
class SignalChange:
    """Somebody has answered a condition, which waits as an action of its own. Any process may record it; the latest counts."""

    run_name: str
    action_name: str
    answer: bytes
    """What the one who waits understands."""


@value
class CacheNoteChange:
    """What the cache key of an action was made of, for people who ask why it missed."""

    run_name: str
    action_name: str
    """An action, or a name that no action has, for what several of them share."""
    note: bytes
    """What whoever made the key understands."""


Change: TypeAlias = RunChange | ActionChange | TraceChange | LogChange | ReportChange | SignalChange | CacheNoteChange


class StoreError(Exception):
    """The store cannot do what was asked; the message says what to do.

    Args:
        message: what happened, and a hint.
        path: the store's file, where it has one.
    """

    def __init__(self, message: str, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(message)
        self.path = path


class StoreCorruptError(StoreError):
    """The file is not a store, or is damaged."""


class StoreVersionError(StoreError):
    """The file was written by a newer version of this package."""


class StoreWriteError(StoreError):
    """Changes could not be made durable. The store takes no further changes."""


class StoreClosedError(StoreError):
    """The store was closed before."""


class RunOwnedError(StoreError):
    """The run is carried out by a process that lives.

    Args:
        message: what happened, and a hint.
        owner: the process.
        path: the store's file, where it has one.
    """

    def __init__(self, message: str, owner: ProcessRecord, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(message, path)
        self.owner = owner


class ActionStore(Protocol):
    """Keeps runs, actions, attempts and their data.

    Reads are plain calls, safe from any thread. They see at least what was recorded before the last `flush` that
    returned, and never a part of a change.
    """

    def record(self, change: Change) -> None:
        """Take a change, in order, without waiting for it to be durable. Safe from any thread.

        Raises:
            StoreClosedError: the store is closed.
            StoreWriteError: an earlier change could not be written.
        """
        ...

    async def flush(self) -> None:
        """Return when everything recorded so far is durable.

        Raises:
            StoreClosedError: the store is closed.
            StoreWriteError: a change could not be written; changes of its batch and later ones are lost.
        """
        ...

    def run(self, run_name: str) -> RunRecord | None:
        """Return a run, or `None` if there is none of that name."""
        ...

    def runs(self, limit: int = 100, *, project: str | None = None, domain: str | None = None) -> list[RunRecord]:
        """Return the latest runs, newest first, at most `limit`, only those of `project` and `domain` if given."""
        ...

    def action(self, run_name: str, name: str) -> ActionRecord | None:
        """Return an action, or `None` if there is none of that name."""
        ...

    def actions(self, run_name: str, parent: str | None = None) -> Sequence[ActionRecord]:
        """Return the actions of a run, or only the children of `parent`, in the order they were first recorded."""
        ...

    def attempts(self, run_name: str, name: str) -> Sequence[AttemptRecord]:
        """Return the attempts of an action by number."""
        ...

    def inputs(self, run_name: str, name: str) -> bytes | None:
        """Return the inputs of an action, or `None` if none were recorded."""
        ...

    def outputs(self, run_name: str, name: str) -> bytes | None:
        """Return the outputs of an action, or `None` if none were recorded."""
        ...

    def report(self, run_name: str, name: str) -> bytes | None:
        """Return the report of an action as HTML in UTF-8, or `None` if it made none."""
        ...

    def signal(self, run_name: str, name: str) -> bytes | None:
        """Return the answer to the condition that an action is, or `None` if nobody has answered."""
        ...

    def cache_note(self, run_name: str, name: str) -> bytes | None:
        """Return what was noted of a cache key under this name, or `None`."""
        ...

    def logs(
        self, run_name: str, name: str | None = None, *, attempt: int | None = None, after: int = 0, limit: int = 1000
    ) -> Sequence[tuple[int, LogRecord]]:
        """Return lines of a run, or only of one action or attempt of it, in the order they were recorded.

        Each line comes with its number. Numbers grow: `after` gives only lines with greater ones, to go on reading.
        """
        ...

    def delete_run(self, run_name: str) -> bool:
        """Forget a run with all that belongs to it, durable when this returns; tell whether there was one.

        Raises:
            StoreError: the store cannot be written.
        """
        ...

    def add_run(self, run: RunRecord, owner: ProcessRecord) -> bool:
        """Record a new run and its owner, durable when this returns; tell whether the name was free.

        Of several processes that try at once one succeeds.

        Raises:
            StoreError: the store cannot be written.
        """
        ...

    def owner(self, run_name: str) -> ProcessRecord | None:
        """Return the process that carries a run out, or last did, or `None` if that is not known."""
        ...

    def take_over(self, run_name: str, process: ProcessRecord, known: ProcessRecord | None) -> bool:
        """Make `process` the owner of a run, durably, if `known` still is; tell whether it is now.

        Of several processes that try at once one succeeds.

        Raises:
            StoreError: the store cannot be written.
        """
        ...

    def record_trace(self, trace: TraceRecord) -> None:
        """Take the result of a traced call; durable after the next `flush`. Raises as `record` does."""
        ...

    def trace(self, run_name: str, action_name: str, name: str) -> TraceRecord | None:
        """Return a traced call, or `None` if it has not ended."""
        ...

    def traces(self, run_name: str, action_name: str) -> Sequence[TraceRecord]:
        """Return the traced calls of an action in the order they were first recorded."""
        ...

    def close(self) -> None:
        """Make everything recorded durable and free what the store holds. Repeating it does nothing.

        Raises:
            StoreWriteError: changes are lost that no `flush` has complained about.
        """
        ...
