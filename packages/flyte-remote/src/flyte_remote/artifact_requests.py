"""What is asked of a control plane about artifacts, by several of the calls of `Artifact`."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from flyte_remote.connection import Connection
from flyte_remote.identifiers import project_identifier
from flyte_remote.listing import pages, request_of
from flyte_remote.partitions import PartitionSchema

if TYPE_CHECKING:
    from flyteidl2.artifact import artifact_pb2

__all__ = ["latest_first", "name_of", "schema_of_artifact", "versions"]


def name_of(at: Connection, name: str, project: str | None, domain: str | None) -> "artifact_pb2.ArtifactName":
    """Name an artifact, by default of the configured project and domain."""
    from flyteidl2.artifact import artifact_pb2  # noqa: PLC0415 - messages load when used

    return artifact_pb2.ArtifactName(org=at.org, project=at.project(project), domain=at.domain(domain), name=name)


async def schema_of_artifact(at: Connection, name: str, project: str | None, domain: str | None) -> PartitionSchema:
    """Ask by which keys an artifact is partitioned.

    Raises:
        RpcError: There is no such artifact.
    """
    from flyteidl2.artifact import artifact_service_pb2  # noqa: PLC0415 - messages load when used

    request = artifact_service_pb2.GetArtifactSchemaRequest(name=name_of(at, name, project, domain))
    answer = await at.call("ArtifactService", "GetArtifactSchema", request)
    return PartitionSchema.from_pb2(answer.partition_schema, answer.declared)


async def versions(  # noqa: PLR0917 - of one request
    at: Connection,
    name: str,
    filters: Sequence[Any],
    limit: int,
    project: str | None,
    domain: str | None,
    *,
    latest_per_partition: bool = False,
) -> AsyncIterator[Any]:
    """Yield messages of versions, the latest first; without a name those of all artifacts."""
    from flyteidl2.artifact import artifact_service_pb2  # noqa: PLC0415 - messages load when used

    async def fetch(request: Any) -> tuple[Any, str]:
        asked = artifact_service_pb2.ListArtifactsRequest(
            request=request,
            project_id=project_identifier(project, domain, at=at),
            name=name,
            latest_per_partition=latest_per_partition,
        )
        answer = await at.call("ArtifactService", "ListArtifacts", asked)
        return answer.artifacts, answer.token

    async for found in pages(fetch, latest_first(filters), limit):
        yield found


def latest_first(filters: Sequence[Any] = ()) -> Any:
    """Ask in the order of the server, which is the latest first."""
    request = request_of(filters)
    request.ClearField("sort_by")
    return request
