"""`CacheService` v2: outputs by key, and reservations of who computes them."""

import json
import sqlite3
import time
from typing import TYPE_CHECKING

from flyteidl2.cacheservice import cacheservice_pb2
from flyteidl2.cacheservice.v2 import cacheservice_pb2 as v2

from flyte_devbox import rows
from flyte_devbox.errors import already_exists, invalid_argument, not_found

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_LONGEST_RESERVATION = 3600.0
_USUAL_HEARTBEAT = 10.0
_HEARTBEATS = 3
_ACTION = b"action:"


class Service:
    """Answers the calls of `CacheService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._database = devbox.database

    async def get(self, request: v2.GetCacheRequest) -> cacheservice_pb2.GetCacheResponse:
        """Return what is kept under a key."""
        key = _key(request.identifier, request.base_request.key)
        row = self._database.read_one("SELECT * FROM cache WHERE scope = ? AND key = ?", key)
        if row is None:
            raise not_found(f"nothing is cached under `{key[1][:100]}`")
        output = cacheservice_pb2.CachedOutput()
        if row["output"].startswith(_ACTION):
            output.output_uri = json.loads(row["output"][len(_ACTION) :])["uri"]
        else:
            output.ParseFromString(row["output"])
        output.metadata.created_at.CopyFrom(rows.timestamp(row["created_at"]))
        output.metadata.last_updated_at.CopyFrom(rows.timestamp(row["updated_at"]))
        return cacheservice_pb2.GetCacheResponse(output=output)

    async def put(self, request: v2.PutCacheRequest) -> cacheservice_pb2.PutCacheResponse:
        """Keep an output; one that is kept already stays unless it is to be overwritten or is too old."""
        scope, key = _key(request.identifier, request.base_request.key)
        overwrite = request.base_request.overwrite
        if request.base_request.output.WhichOneof("output") is None:
            raise invalid_argument("the output to cache is missing: `output_literals` or `output_uri`")
        content = request.base_request.output.SerializeToString()
        oldest = overwrite.max_age.seconds + overwrite.max_age.nanos / 1e9

        def work(connection: sqlite3.Connection) -> None:
            now = time.time()
            row: sqlite3.Row | None = connection.execute(
                "SELECT updated_at FROM cache WHERE scope = ? AND key = ?", (scope, key)
            ).fetchone()
            is_stale = row is not None and oldest > 0 and now - row["updated_at"] > oldest
            if row is not None and not overwrite.overwrite and not is_stale:
                raise already_exists(f"an output is cached under `{key[:100]}`\nhint: `overwrite` replaces it")
            connection.execute(
                "INSERT INTO cache (scope, key, output, created_at, updated_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (scope, key) DO UPDATE SET output = excluded.output, updated_at = excluded.updated_at",
                (scope, key, content, now, now),
            )

        await self._database.write(work)
        return cacheservice_pb2.PutCacheResponse()

    async def delete(self, request: v2.DeleteCacheRequest) -> cacheservice_pb2.DeleteCacheResponse:
        """Forget what is kept under a key."""
        key = _key(request.identifier, request.base_request.key)
        sql = "DELETE FROM cache WHERE scope = ? AND key = ?"
        if not await self._database.write(lambda connection: connection.execute(sql, key).rowcount):
            raise not_found(f"nothing is cached under `{key[1][:100]}`")
        return cacheservice_pb2.DeleteCacheResponse()

    async def get_or_extend_reservation(
        self, request: v2.GetOrExtendReservationRequest
    ) -> cacheservice_pb2.GetOrExtendReservationResponse:
        """Reserve a key for an owner, or tell who has it."""
        scope, key = _key(request.identifier, request.base_request.key)
        owner = request.base_request.owner_id
        if not owner:
            raise invalid_argument("a reservation has an owner: `owner_id` is empty")
        asked = request.base_request.heartbeat_interval
        heartbeat = min(asked.seconds + asked.nanos / 1e9 or _USUAL_HEARTBEAT, _LONGEST_RESERVATION / _HEARTBEATS)

        def work(connection: sqlite3.Connection) -> sqlite3.Row:
            now = time.time()
            connection.execute(
                "INSERT INTO reservations (scope, key, owner, expires_at, heartbeat) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (scope, key) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at,"
                " heartbeat = excluded.heartbeat WHERE owner = excluded.owner OR expires_at <= ?",
                (scope, key, owner, now + _HEARTBEATS * heartbeat, heartbeat, now),
            )
            found: sqlite3.Row = connection.execute(
                "SELECT * FROM reservations WHERE scope = ? AND key = ?", (scope, key)
            ).fetchone()
            return found

        row = await self._database.write(work)
        reservation = cacheservice_pb2.Reservation(
            key=key, owner_id=row["owner"], expires_at=rows.timestamp(row["expires_at"])
        )
        reservation.heartbeat_interval.FromNanoseconds(int(row["heartbeat"] * 1e9))
        return cacheservice_pb2.GetOrExtendReservationResponse(reservation=reservation)

    async def release_reservation(
        self, request: v2.ReleaseReservationRequest
    ) -> cacheservice_pb2.ReleaseReservationResponse:
        """Give a reservation up; one of somebody else stays."""
        key = (*_key(request.identifier, request.base_request.key), request.base_request.owner_id)
        sql = "DELETE FROM reservations WHERE scope = ? AND key = ? AND owner = ?"
        await self._database.write(lambda connection: connection.execute(sql, key).rowcount)
        return cacheservice_pb2.ReleaseReservationResponse()


def _key(identifier: v2.Identifier, key: str) -> tuple[str, str]:
    if not key:
        raise invalid_argument("the cache key is empty")
    return f"{identifier.project}/{identifier.domain}", key
