"""What events say of attempts: kept beside what the devbox knows itself. Phases of tracked runs come from here alone."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal

from flyteidl2.workflow import run_definition_pb2

from flyte_devbox import rows
from flyte_devbox.services.lookups import find_action

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["merge_event", "record_events"]

_SINGLE: Final[tuple[Literal["log_context", "outputs", "cache_metadata"], ...]] = (
    "log_context",
    "outputs",
    "cache_metadata",
)


async def record_events(devbox: "Devbox", events: Iterable[run_definition_pb2.ActionEvent]) -> None:
    """Keep events of actions that exist, all or none.

    Raises:
        ServiceError: NOT_FOUND: there is no such action.
    """
    found = [(find_action(devbox.database, event.id), event) for event in events]

    def work(connection: sqlite3.Connection) -> None:
        for row, event in found:
            merge_event(connection, row["id"], event)

    await devbox.database.write(work)
    for row, _ in found:
        devbox.hub.publish(row["run_id"], row["id"], row["parent"])


def merge_event(connection: sqlite3.Connection, action: int, event: run_definition_pb2.ActionEvent) -> None:
    """Add what an event brings to the attempt that it is about; what is known already is not added again."""
    known: sqlite3.Row | None = connection.execute(
        "SELECT event FROM attempts WHERE action_id = ? AND number = ?", (action, event.attempt)
    ).fetchone()
    kept = run_definition_pb2.ActionEvent()
    if known is not None and known["event"] is not None:
        # Lists in it are of the devbox itself, or of earlier releases: they do not grow.
        kept.ParseFromString(known["event"])
    parts = [
        *(run_definition_pb2.ActionEvent(log_info=[one]) for one in event.log_info if one not in kept.log_info),
        *(
            run_definition_pb2.ActionEvent(cluster_events=[one])
            for one in event.cluster_events
            if one not in kept.cluster_events
        ),
    ]
    if known is None:
        _add_attempt(connection, action, event)
    elif _take_over(kept, event):
        connection.execute(
            "UPDATE attempts SET event = ? WHERE action_id = ? AND number = ?",
            (kept.SerializeToString(), action, event.attempt),
        )
    contents = [part.SerializeToString(deterministic=True) for part in parts]
    connection.executemany(
        "INSERT OR IGNORE INTO attempt_events (action_id, number, digest, event) VALUES (?, ?, ?, ?)",
        [(action, event.attempt, hashlib.sha256(content).digest(), content) for content in contents],
    )


def _take_over(kept: run_definition_pb2.ActionEvent, event: run_definition_pb2.ActionEvent) -> bool:
    """Let the latest of what there is once take the place of the earlier; tell whether there is any."""
    given = [name for name in _SINGLE if event.HasField(name)]
    for name in given:
        getattr(kept, name).CopyFrom(getattr(event, name))
    return bool(given)


def _add_attempt(connection: sqlite3.Connection, action: int, event: run_definition_pb2.ActionEvent) -> None:
    kept = run_definition_pb2.ActionEvent()
    _take_over(kept, event)
    at = rows.seconds_of(event.updated_time if event.HasField("updated_time") else event.reported_time)
    connection.execute(
        "INSERT INTO attempts (action_id, number, phase, output_uri, transitions, worker, cache_status, event)"
        " VALUES (?, ?, ?, ?, ?, '', ?, ?)",
        (
            action,
            event.attempt,
            int(event.phase),
            event.outputs.output_uri.removesuffix("/outputs.pb"),
            json.dumps([(int(event.phase), at)]),
            int(event.cache_status),
            kept.SerializeToString(),
        ),
    )
