"""What events say of attempts: kept beside what the devbox knows itself. Phases of tracked runs come from here alone."""

import json
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flyteidl2.workflow import run_definition_pb2

from flyte_devbox import rows
from flyte_devbox.services.lookups import find_action

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["merge_event", "record_events"]


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
    """Add what an event brings to the attempt that it is about."""
    known: sqlite3.Row | None = connection.execute(
        "SELECT * FROM attempts WHERE action_id = ? AND number = ?", (action, event.attempt)
    ).fetchone()
    kept = run_definition_pb2.ActionEvent()
    if known is not None and known["event"] is not None:
        kept.ParseFromString(known["event"])
    for name in ("log_info", "cluster_events"):
        new = [item for item in getattr(event, name) if item not in getattr(kept, name)]
        getattr(kept, name).extend(new)
    for name in ("log_context", "outputs", "cache_metadata"):
        if event.HasField(name):  # type: ignore[arg-type]
            getattr(kept, name).CopyFrom(getattr(event, name))
    if known is not None:
        connection.execute(
            "UPDATE attempts SET event = ? WHERE action_id = ? AND number = ?",
            (kept.SerializeToString(), action, event.attempt),
        )
        return
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
