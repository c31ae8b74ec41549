"""`ArtifactService`: named, versioned values with partitions. A new one starts the triggers that wait for it."""

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from flyteidl2.artifact import artifact_pb2, artifact_service_pb2
from flyteidl2.common import list_pb2
from flyteidl2.core import artifact_id_pb2

from flyte_devbox import rows
from flyte_devbox.database import reading
from flyte_devbox.errors import already_exists, failed_precondition, not_found
from flyte_devbox.services.listing import compare, conditions_of, page_of
from flyte_devbox.services.run import check_project
from flyte_devbox.triggering import partition_values

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_COMPLETED = 500
_COLUMNS = {"name": "name", "version": "version", "created_at": "created_at"}
_VALUE_AT = "(SELECT value FROM json_each({}) WHERE key = ?)"
_NAME = "project = ? AND domain = ? AND name = ?"


class Service:
    """Answers the calls of `ArtifactService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox
        self._database = devbox.database
        self._has_facts = False

    async def create_artifact(
        self, request: artifact_service_pb2.CreateArtifactRequest
    ) -> artifact_service_pb2.CreateArtifactResponse:
        """Keep a version of an artifact; a version does not change afterwards."""
        check_project(self._devbox, request.artifact_id.name.project)
        artifact = artifact_pb2.Artifact(artifact_id=request.artifact_id, spec=request.spec, created_by=rows.IDENTITY)
        now = time.time()
        await self._database.write(lambda connection: publish(connection, artifact, now))
        await self._devbox.triggers.on_artifact(artifact)
        return artifact_service_pb2.CreateArtifactResponse(artifact=artifact)

    async def get_artifact(
        self, request: artifact_service_pb2.GetArtifactRequest
    ) -> artifact_service_pb2.GetArtifactResponse:
        """Return a version of an artifact, the latest if none is named."""
        sql, values = f"SELECT artifact FROM artifacts WHERE {_NAME}", list[Any](_key(request.name))
        if request.version:
            sql += " AND version = ?"
            values.append(request.version)
        row = self._database.read_one(f"{sql} ORDER BY id DESC LIMIT 1", values)
        if row is None:
            which = f"version `{request.version}` of " if request.version else ""
            raise not_found(
                f"there is no {which}artifact `{request.name.name}` in `{request.name.project}/{request.name.domain}`\n"
                "hint: `flyte get artifact` lists them"
            )
        return artifact_service_pb2.GetArtifactResponse(artifact=artifact_pb2.Artifact.FromString(row["artifact"]))

    async def delete_artifact(
        self, request: artifact_service_pb2.DeleteArtifactRequest
    ) -> artifact_service_pb2.DeleteArtifactResponse:
        """Forget a version of an artifact; what it refers to stays."""
        key = (*_key(request.artifact_id.name), request.artifact_id.version)
        sql = f"DELETE FROM artifacts WHERE {_NAME} AND version = ?"
        if not await self._database.write(lambda connection: connection.execute(sql, key).rowcount):
            raise not_found(
                f"there is no version `{key[3]}` of artifact `{key[2]}`\nhint: `flyte get artifact {key[2]}` lists them"
            )
        return artifact_service_pb2.DeleteArtifactResponse()

    async def list_artifacts(
        self, request: artifact_service_pb2.ListArtifactsRequest
    ) -> artifact_service_pb2.ListArtifactsResponse:
        """List versions, the latest first; only the latest of each partition if that is asked for."""
        await self._complete_facts()
        conditions, parameters = conditions_of(request.request.filters, _COLUMNS, special=_condition)
        scope, values = ["project = ?", "domain = ?"], [request.project_id.name, request.project_id.domain]
        if request.name:
            scope.append("name = ?")
            values.append(request.name)
        where = " AND ".join([*scope, *conditions])
        parameters = [*values, *parameters]
        if request.latest_per_partition:
            # The latest of those that are asked for, which need not be the latest of all.
            where = f"id IN (SELECT max(id) FROM artifacts WHERE {where} GROUP BY name, partition)"
        page = page_of(request.request, _COLUMNS, default="created_at DESC", unique="id DESC")
        sql = f"SELECT artifact FROM artifacts WHERE {where} {page.tail}"

        def work(connection: sqlite3.Connection) -> artifact_service_pb2.ListArtifactsResponse:
            found, token = page.cut(reading(connection)(sql, parameters))
            artifacts = [artifact_pb2.Artifact.FromString(row["artifact"]) for row in found]
            return artifact_service_pb2.ListArtifactsResponse(artifacts=artifacts, token=token)

        return await self._database.read_aside(work)

    async def list_artifact_names(
        self, request: artifact_service_pb2.ListArtifactNamesRequest
    ) -> artifact_service_pb2.ListArtifactNamesResponse:
        """List artifacts by name, each with its latest version."""
        conditions, parameters = conditions_of(request.request.filters, {"name": "name"})
        where = " AND ".join(["project = ?", "domain = ?", *conditions])
        page = page_of(request.request, _COLUMNS, default="name ASC", unique="name")
        sql = (
            f"SELECT name, count(*) AS versions, max(id) AS latest, max(created_at) AS created_at FROM artifacts"
            f" WHERE {where} GROUP BY name {page.tail}"
        )
        scope = (request.project_id.name, request.project_id.domain)

        def work(connection: sqlite3.Connection) -> artifact_service_pb2.ListArtifactNamesResponse:
            read = reading(connection)
            found, token = page.cut(read(sql, [*scope, *parameters]))
            groups = [_group(connection, scope, row) for row in found]
            return artifact_service_pb2.ListArtifactNamesResponse(groups=groups, token=token)

        return await self._database.read_aside(work)

    async def list_artifact_metadata_keys(
        self, request: artifact_service_pb2.ListArtifactMetadataKeysRequest
    ) -> artifact_service_pb2.ListArtifactMetadataKeysResponse:
        """List the keys of the users' metadata of the latest thousand versions."""
        values = [request.project_id.name, request.project_id.domain]
        # In the order of an index: there may be very many versions.
        where, order = "project = ? AND domain = ?", "created_at DESC, id DESC"
        if request.name:
            where, order = _NAME, "id DESC"
            values.append(request.name)
        sql = f"SELECT artifact FROM artifacts WHERE {where} ORDER BY {order} LIMIT 1000"

        def work(connection: sqlite3.Connection) -> set[str]:
            keys: set[str] = set()
            for row in connection.execute(sql, values):
                keys |= set(artifact_pb2.Artifact.FromString(row["artifact"]).spec.info.user_metadata)
            return keys

        keys = await self._database.read_aside(work)
        return artifact_service_pb2.ListArtifactMetadataKeysResponse(keys=sorted(keys))

    async def declare_artifact(
        self, request: artifact_service_pb2.DeclareArtifactRequest
    ) -> artifact_service_pb2.DeclareArtifactResponse:
        """Say how an artifact is partitioned, once."""
        key, wanted = _key(request.name), request.partition_schema
        check_project(self._devbox, request.name.project)

        def work(connection: sqlite3.Connection) -> None:
            known = _stored_schema(connection, key)
            if known is not None and not _is_same(known, wanted):
                raise failed_precondition(
                    f"artifact `{request.name.name}` is partitioned by {_shown(known)} already, not by {_shown(wanted)}"
                )
            _keep_schema(connection, key, wanted, is_declared=True)

        await self._database.write(work)
        return artifact_service_pb2.DeclareArtifactResponse(partition_schema=wanted)

    async def get_artifact_schema(
        self, request: artifact_service_pb2.GetArtifactSchemaRequest
    ) -> artifact_service_pb2.GetArtifactSchemaResponse:
        """Return how an artifact is partitioned."""
        found = self._schema(_key(request.name))
        if found is None:
            raise not_found(
                f"there is no artifact `{request.name.name}` in `{request.name.project}/{request.name.domain}`\n"
                "hint: `flyte get artifact` lists them"
            )
        return artifact_service_pb2.GetArtifactSchemaResponse(partition_schema=found[0], declared=found[1])

    async def list_partition_values(
        self, request: artifact_service_pb2.ListPartitionValuesRequest
    ) -> artifact_service_pb2.ListPartitionValuesResponse:
        """List the values that a partition has, sorted; those of the versions that the filters ask for."""
        await self._complete_facts()
        conditions, parameters = conditions_of(request.request.filters, _COLUMNS, special=_condition)
        where = " AND ".join(["project = ?", "domain = ?", "name = ?", "value IS NOT NULL", *conditions])
        page = page_of(request.request, {}, default="value ASC", unique="value")
        sql = f"SELECT DISTINCT {_VALUE_AT.format('partition')} AS value FROM artifacts WHERE {where} {page.tail}"
        values = [request.key, request.project_id.name, request.project_id.domain, request.name, *parameters]
        found, _ = page.cut(await self._database.read_aside(lambda connection: reading(connection)(sql, values)))
        return artifact_service_pb2.ListPartitionValuesResponse(values=[str(row["value"]) for row in found])

    async def _complete_facts(self) -> None:
        """Fill in what versions are selected by that an earlier release has published."""
        if self._has_facts:
            return

        def work(connection: sqlite3.Connection) -> int:
            missing = connection.execute(f"SELECT id, artifact FROM artifacts WHERE facts IS NULL LIMIT {_COMPLETED}")
            facts = [(_facts(artifact_pb2.Artifact.FromString(row["artifact"]).spec), row["id"]) for row in missing]
            connection.executemany("UPDATE artifacts SET facts = ? WHERE id = ?", facts)
            return len(facts)

        # Bit by bit, so that nobody else waits long to write.
        while await self._database.write(work) == _COMPLETED:
            pass
        self._has_facts = True

    def _schema(self, key: tuple[str, str, str]) -> tuple[artifact_pb2.ArtifactPartitionSchema, bool] | None:
        row = self._database.read_one(f"SELECT * FROM artifact_schemas WHERE {_NAME}", key)
        if row is None:
            return None
        return artifact_pb2.ArtifactPartitionSchema.FromString(row["schema"]), bool(row["is_declared"])


def _group(
    connection: sqlite3.Connection, scope: tuple[str, str], row: sqlite3.Row
) -> artifact_service_pb2.ArtifactGroup:
    group = artifact_service_pb2.ArtifactGroup(versions=row["versions"])
    latest = connection.execute("SELECT artifact FROM artifacts WHERE id = ?", (row["latest"],)).fetchone()
    if latest is not None:
        group.latest.ParseFromString(latest["artifact"])
        if group.latest.spec.time_partition.value.HasField("time_value"):
            group.latest_time_partition.CopyFrom(group.latest.spec.time_partition.value.time_value)
        if group.latest.spec.partitions.value:
            group.latest_partitions.append(group.latest.spec.partitions)
    schema = _stored_schema(connection, (*scope, row["name"]))
    if schema is not None:
        group.partition_schema.CopyFrom(schema)
    return group


def publish(connection: sqlite3.Connection, artifact: artifact_pb2.Artifact, now: float) -> None:
    """Record a version; what is wrong with its partitions is put into `artifact`.

    Raises:
        ServiceError: ALREADY_EXISTS: there is such a version.
    """
    identifier, spec = artifact.artifact_id, artifact.spec
    artifact.created_at.CopyFrom(rows.timestamp(now))
    key, actual = _key(identifier.name), _schema_of(spec)
    schema = _stored_schema(connection, key)
    if schema is not None and not _is_same(schema, actual):
        artifact.partition_schema_mismatch.expected.CopyFrom(schema)
        artifact.partition_schema_mismatch.actual.CopyFrom(actual)
        artifact.partition_schema_mismatch.message = (
            f"artifact `{identifier.name.name}` is partitioned by {_shown(schema)}, this version by {_shown(actual)}"
        )
    if schema is None:
        _keep_schema(connection, key, actual, is_declared=False)
    try:
        connection.execute(
            "INSERT INTO artifacts (project, domain, name, version, artifact, partition, facts, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, identifier.version, artifact.SerializeToString(), _partition(spec), _facts(spec), now),
        )
    except sqlite3.IntegrityError:
        raise already_exists(
            f"version `{identifier.version}` of artifact `{identifier.name.name}` exists\n"
            "hint: create it under another version"
        ) from None


def _facts(spec: artifact_pb2.ArtifactSpec) -> str:
    """Give what a version is selected by, beside its partitions."""
    facts: dict[str, Any] = {"user_metadata": dict(spec.info.user_metadata)}
    if spec.time_partition.value.HasField("time_value"):
        facts["time"] = rows.seconds_of(spec.time_partition.value.time_value)
    if spec.source.HasField("task_action"):
        action = spec.source.task_action.action
        facts |= {"source_run": action.run.name, "source_action": action.name}
    elif spec.source.external_ref:
        facts["source_external_ref"] = spec.source.external_ref
    return json.dumps(facts, sort_keys=True)


def _condition(one: list_pb2.Filter) -> tuple[str, list[Any]] | None:
    """Select by a partition, by a fact, or by what a version comes from."""
    if one.field.startswith("partition."):
        return _at(one, "partition", one.field.removeprefix("partition."))
    if one.field.startswith("user_metadata."):
        return _at(one, "facts, '$.user_metadata'", one.field.removeprefix("user_metadata."))
    if one.field in {"source_run", "source_action", "source_external_ref"}:
        return _at(one, "facts", one.field)
    if one.field == "time_partition":
        # Times are compared as numbers: the name tells the listing what the values are.
        return _at(list_pb2.Filter(function=one.function, field="partition_time", values=one.values), "facts", "time")
    return None


def _at(one: list_pb2.Filter, of: str, key: str) -> tuple[str, list[Any]]:
    condition, parameters = compare(one, _VALUE_AT.format(of), is_text=key != "time" or of != "facts")
    # The key stands before the values in all comparisons. It is a parameter, since paths cannot name every key.
    return condition, [key, *parameters]


def _key(name: artifact_pb2.ArtifactName) -> tuple[str, str, str]:
    return name.project, name.domain, name.name


def _partition(spec: artifact_pb2.ArtifactSpec) -> str:
    values = partition_values(spec)
    if spec.time_partition.value.HasField("time_value"):
        values[spec.time_partition.key or "time"] = spec.time_partition.value.time_value.ToJsonString()
    return json.dumps(values, sort_keys=True)


def _schema_of(spec: artifact_pb2.ArtifactSpec) -> artifact_pb2.ArtifactPartitionSchema:
    schema = artifact_pb2.ArtifactPartitionSchema(partition_keys=sorted(spec.partitions.value))
    if spec.HasField("time_partition"):
        schema.time_partition.key = spec.time_partition.key or "time"
        schema.time_partition.granularity = spec.time_partition.granularity
    return schema


def _is_same(one: artifact_pb2.ArtifactPartitionSchema, other: artifact_pb2.ArtifactPartitionSchema) -> bool:
    return sorted(one.partition_keys) == sorted(other.partition_keys) and one.time_partition == other.time_partition


def _shown(schema: artifact_pb2.ArtifactPartitionSchema) -> str:
    keys = [f"`{key}`" for key in sorted(schema.partition_keys)]
    if schema.HasField("time_partition"):
        granularity = artifact_id_pb2.Granularity.Name(schema.time_partition.granularity)
        keys.append(f"`{schema.time_partition.key}` ({granularity})")
    return ", ".join(keys) or "nothing"


def _stored_schema(
    connection: sqlite3.Connection, key: tuple[str, str, str]
) -> artifact_pb2.ArtifactPartitionSchema | None:
    row: sqlite3.Row | None = connection.execute(f"SELECT schema FROM artifact_schemas WHERE {_NAME}", key).fetchone()
    return None if row is None else artifact_pb2.ArtifactPartitionSchema.FromString(row["schema"])


def _keep_schema(
    connection: sqlite3.Connection,
    key: tuple[str, str, str],
    schema: artifact_pb2.ArtifactPartitionSchema,
    *,
    is_declared: bool,
) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO artifact_schemas (project, domain, name, schema, is_declared) VALUES (?, ?, ?, ?, ?)",
        (*key, schema.SerializeToString(), is_declared),
    )
