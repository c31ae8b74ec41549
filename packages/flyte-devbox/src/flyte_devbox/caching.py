"""Outputs of earlier actions by key, and who computes one now. The scheduler and the cache service share these tables."""

import json
import sqlite3
import time

from flyteidl2.core import catalog_pb2

from flyte_devbox.database import Database, DatabaseError

__all__ = ["RESERVATION_SECONDS", "CacheTable"]

RESERVATION_SECONDS = 30 * 24 * 3600.0
"""How long a reservation of the scheduler is valid at most; it is given up when the action ends, or this server starts anew."""
_ACTION = b"action:"


class CacheTable:
    """Outputs are kept by the URI of their `outputs.pb`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, project: str, domain: str, key: str, max_age: float | None) -> str | None:
        """Return the URI of cached outputs, or `None` if there are none, or they are too old."""
        row = self._database.read_one(
            "SELECT output, created_at FROM cache WHERE scope = ? AND key = ?", (_scope(project, domain), key)
        )
        if row is None or not row["output"].startswith(_ACTION):
            return None
        if max_age is not None and time.time() - row["created_at"] > max_age:
            return None
        return str(json.loads(row["output"][len(_ACTION) :])["uri"])

    async def keep(self, project: str, domain: str, key: str, uri: str, owner: str) -> int:
        """Keep outputs, free the reservation, and return the cache status of the action."""
        scope, now = _scope(project, domain), time.time()
        content = _ACTION + json.dumps({"uri": uri}).encode()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO cache (scope, key, output, created_at, updated_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (scope, key) DO UPDATE SET output = excluded.output, created_at = excluded.created_at,"
                " updated_at = excluded.updated_at",
                (scope, key, content, now, now),
            )
            connection.execute(
                "DELETE FROM reservations WHERE scope = ? AND key = ? AND owner = ?", (scope, key, owner)
            )

        try:
            await self._database.write(work)
        except DatabaseError:
            return catalog_pb2.CACHE_PUT_FAILURE
        return catalog_pb2.CACHE_POPULATED

    async def reserve(
        self, project: str, domain: str, key: str, owner: str, seconds: float = RESERVATION_SECONDS
    ) -> bool:
        """Reserve a key unless somebody else has; tell whether it is the owner's now."""
        scope, now = _scope(project, domain), time.time()

        def work(connection: sqlite3.Connection) -> bool:
            connection.execute(
                "INSERT INTO reservations (scope, key, owner, expires_at, heartbeat) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (scope, key) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at,"
                " heartbeat = excluded.heartbeat WHERE owner = excluded.owner OR expires_at < ?",
                (scope, key, owner, now + seconds, seconds, now),
            )
            row = connection.execute(
                "SELECT owner FROM reservations WHERE scope = ? AND key = ?", (scope, key)
            ).fetchone()
            return bool(row["owner"] == owner)

        return await self._database.write(work)

    def holder(self, project: str, domain: str, key: str) -> str | None:
        """Return who has reserved a key."""
        row = self._database.read_one(
            "SELECT owner FROM reservations WHERE scope = ? AND key = ?", (_scope(project, domain), key)
        )
        return None if row is None else str(row["owner"])

    async def clear(self) -> None:
        """Give up the reservations of the scheduler, whose actions ask again after a start."""
        await self._database.write(
            lambda connection: connection.execute(
                "DELETE FROM reservations WHERE heartbeat = ?", (RESERVATION_SECONDS,)
            )
        )

    async def release(self, project: str, domain: str, key: str, owner: str) -> None:
        """Give a reservation up."""
        scope = _scope(project, domain)
        await self._database.write(
            lambda connection: connection.execute(
                "DELETE FROM reservations WHERE scope = ? AND key = ? AND owner = ?", (scope, key, owner)
            )
        )


def _scope(project: str, domain: str) -> str:
    return f"{project}/{domain}"
