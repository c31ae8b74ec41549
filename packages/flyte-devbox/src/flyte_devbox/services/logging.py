"""Logs of attempts as the protocol sends them."""

import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from flyteidl2.logs.dataplane import payload_pb2

from flyte_devbox import rows
from flyte_devbox.errors import not_found
from flyte_devbox.services.lookups import attempts

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["log_lines"]

_BATCH = 1000


async def log_lines(devbox: "Devbox", action: sqlite3.Row, number: int) -> AsyncGenerator[list[payload_pb2.LogLine]]:
    """Yield the lines of an attempt's log, following it to its end; waits for an attempt that has not begun.

    Raises:
        ServiceError: NOT_FOUND: there is no such attempt and there never will be.
    """
    await _until_begun(devbox, action, number)
    key = f"{action['project']}/{action['domain']}/{action['run_name']}"
    path = devbox.logs.path(key, action["name"], number)

    def is_over() -> bool:
        return _is_over(devbox, action["id"], number)

    short = f"{action['name']}-{number - 1}"
    # Closed at once when nobody listens any more: what it holds back is freed then.
    async with aclosing(devbox.logs.parts(path, is_over)) as parts:
        async for part in parts:
            # The file has no times: a line that is followed has the present one, an old one the file's.
            at = rows.timestamp(_time_of(devbox, action["id"], number))
            originator = payload_pb2.SYSTEM if part.is_notice else payload_pb2.USER
            for begin in range(0, len(part.lines), _BATCH):
                yield [
                    payload_pb2.LogLine(timestamp=at, message=f"{line}\n", originator=originator, short_pod_name=short)
                    for line in part.lines[begin : begin + _BATCH]
                ]


async def _until_begun(devbox: "Devbox", action: sqlite3.Row, number: int) -> None:
    with devbox.hub.subscribe(action["run_id"]) as subscription:
        while True:
            if any(attempt["number"] == number for attempt in attempts(devbox.database, action["id"])):
                return
            row = devbox.database.read_one("SELECT phase, attempt FROM actions WHERE id = ?", (action["id"],))
            if row is None or row["phase"] in rows.TERMINAL or number > row["attempt"]:
                raise not_found(f"action `{action['name']}` has no attempt {number}, so there is no log of it")
            await subscription.changes(5.0)


def _is_over(devbox: "Devbox", action: int, number: int) -> bool:
    row = devbox.database.read_one(
        "SELECT t.ended_at AS ended_at, t.phase AS phase, a.phase AS action_phase, a.attempt AS attempt FROM attempts t"
        " JOIN actions a ON a.id = t.action_id WHERE t.action_id = ? AND t.number = ?",
        (action, number),
    )
    if row is None:
        return True
    return row["ended_at"] is not None or row["attempt"] > number or row["action_phase"] in rows.TERMINAL


def _time_of(devbox: "Devbox", action: int, number: int) -> float:
    row = devbox.database.read_one("SELECT ended_at FROM attempts WHERE action_id = ? AND number = ?", (action, number))
    return time.time() if row is None or row["ended_at"] is None else float(row["ended_at"])
