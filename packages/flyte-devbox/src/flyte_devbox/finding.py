"""Looking up the run that a request names."""

import sqlite3

from flyteidl2.common import identifier_pb2

from flyte_devbox.database import Database
from flyte_devbox.errors import not_found

__all__ = ["find_run_row"]


def find_run_row(database: Database, run: identifier_pb2.RunIdentifier) -> sqlite3.Row:
    """Return the row of a run.

    Raises:
        ServiceError: NOT_FOUND.
    """
    row = database.read_one(
        "SELECT * FROM runs WHERE project = ? AND domain = ? AND name = ?", (run.project, run.domain, run.name)
    )
    if row is None:
        raise not_found(
            f"there is no run `{run.name}` in `{run.project}/{run.domain}`\nhint: `flyte get run` lists them"
        )
    return row
