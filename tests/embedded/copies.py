"""Very many runs and actions of a devbox, made at once in its records: copies of one that it has carried out."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
SUCCEEDED = 5


def copy_actions(records: Path, run: str, many: int) -> None:
    """Give a run children `c0`, `c1`, ..., which are over."""
    changed = {"name": "'c' || n", "parent": "'a0'", "phase": str(SUCCEEDED), "depth": "1", "ended_at": "started_at"}
    place = "name = 'a0' AND run_id = (SELECT id FROM runs WHERE name = ?)"
    _copy(records, "actions", changed, f"actions, numbers WHERE {place}", (many - 1, run))


def copy_runs(records: Path, run: str, many: int) -> None:
    """Make runs `copy0`, `copy1`, ..., each a second younger than the one before, all of them over."""
    changed = {"name": "'copy' || n", "created_at": "created_at + n + 1", "phase": str(SUCCEEDED)}
    _copy(records, "runs", changed, "runs, numbers WHERE name = ?", (many - 1, run))
    changed = {"run_id": "r.id", "phase": str(SUCCEEDED), "ended_at": "a.started_at"}
    roots = "actions a, runs r WHERE a.name = 'a0' AND r.name LIKE 'copy%' AND ? >= 0"
    source = f"{roots} AND a.run_id = (SELECT id FROM runs WHERE name = ?)"
    _copy(records, "actions", changed, source, (many - 1, run), of="a.")


def _copy(
    records: Path, table: str, changed: Mapping[str, str], source: str, values: tuple[int, str], of: str = ""
) -> None:
    connection = sqlite3.connect(records, timeout=60)
    with connection:
        columns: list[str] = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
        chosen = ", ".join(changed.get(column, of + column) for column in columns)
        numbers = _NUMBERS if not of else ""
        connection.execute(
            f"{numbers} INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {source}", values
        )
    connection.close()
