"""`Artifact`: stored data that is published under a name and a version; `ArtifactGroup`: the versions of a name."""

import logging
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from flyte_models.artifacts import KIND_KEY
from flyte_remote.artifact_facts import ArtifactFacts
from flyte_remote.artifact_requests import latest_first, name_of, schema_of_artifact, versions
from flyte_remote.connection import connection
from flyte_remote.identifiers import project_identifier
from flyte_remote.listing import contains, equals, filters_after, one_of, pages
from flyte_remote.local_data import upload_literals
from flyte_remote.messages import OfMessage
from flyte_remote.partitions import (
    PartitionSchema,
    filters_of_partitions,
    partition_of,
    schema_of,
    set_partitions,
)
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.artifact import artifact_service_pb2
    from flyteidl2.core import artifact_id_pb2

    from flyte_models.artifacts import Card, Kind

__all__ = ["Artifact", "ArtifactGroup", "ArtifactNotFoundError"]

_logger = logging.getLogger("flyte")


class ArtifactNotFoundError(LookupError, ValueError):
    """No version of an artifact is what was asked for."""


class Artifact(ArtifactFacts):
    """A version of an artifact.

    It can be given to a task in place of the `File`, `Dir` or `DataFrame` that it is: `flyte.run(use, data=artifact)`; the run
    then says what its input came from.
    """

    @syncify.class_method
    @classmethod
    async def create(
        cls,
        value: Any,
        *,
        name: str | None = None,
        version: str | None = None,
        description: str | None = None,
        attrs: Mapping[str, str] | None = None,
        kind: "Kind | None" = None,
        card: "Card | None" = None,
        python_type: Any = None,
        project: str | None = None,
        domain: str | None = None,
        external_ref: str | None = None,
        partitions: Mapping[str, Any] | None = None,
        parents: "Sequence[str | artifact_id_pb2.ArtifactVersionId] | None" = None,
    ) -> "Artifact":
        """Publish stored data. Triggers that wait for it start their tasks.

        What `flyte.artifacts.new` says of a value counts where nothing else is given here.

        Args:
            value: A `File`, a `Dir` or a `DataFrame`; local ones are uploaded.
            name: What it is published under.
            version: Default: one that nothing else has, or the hash of the content if the metadata asks for it.
            description: What it is.
            attrs: Any other facts.
            kind: `model`, `data` or `generic`.
            card: A document that describes it.
            python_type: The type of the value, if it is not its class.
            project: Default: the configured one.
            domain: Default: the configured one.
            external_ref: What it comes from, if that is no action. Inside a task it comes from the action that runs it.
            partitions: Which part of a larger whole it is: texts, and at most one time.
            parents: The versions that it was made of.

        Raises:
            TypeError: The value is no reference to stored data, or something else is not of its type.
            ValueError: It has no name, or partitions or parents are wrong.
            RpcError: The control plane refuses, for example since there is such a version.
        """
        from flyteidl2.artifact import artifact_pb2, artifact_service_pb2  # noqa: PLC0415 - messages load when used
        from flyteidl2.core import interface_pb2, literals_pb2  # noqa: PLC0415

        from flyte_remote.artifact_messages import (  # noqa: PLC0415 - as above
            content_version,
            info_of,
            metadata_of,
            parents_of,
            set_source,
        )
        from flyte_types.codec import encode_literal_async, literal_type_of  # noqa: PLC0415 - only values need types

        said, plain = metadata_of(value)
        name = name or (said.name if said is not None else None)
        if not name:
            raise ValueError(
                'an artifact has a name\nhint: `Artifact.create(value, name="...")`, or say it with `flyte.artifacts.new`'
            )
        spec = artifact_pb2.ArtifactSpec(
            info=info_of(
                description or (said.description if said is not None else None),
                attrs if attrs is not None else (said.attrs if said is not None else None),
                kind or (said.kind if said is not None else None),
                card or (said.card if said is not None else None),
            ),
            parent_artifacts=parents_of(parents if parents is not None else (said.parents or () if said else ())),
        )
        set_partitions(spec, partitions if partitions is not None else (said.partitions or {} if said else {}))
        set_source(spec, external_ref)
        declared: Any = python_type or plain.__class__
        spec.type.CopyFrom(interface_pb2.Variable().type.FromString(literal_type_of(declared)))
        spec.value.CopyFrom(literals_pb2.Literal.FromString(await encode_literal_async(plain, declared)))
        await upload_literals([("value", spec.value)], project=project, domain=domain)
        chosen = version or (said.version if said is not None else None)
        if not chosen and said is not None and said.version_from_content:
            chosen = content_version(spec.value)
        at = connection()
        identifier = artifact_pb2.ArtifactIdentifier(
            name=name_of(at, name, project, domain), version=chosen or uuid.uuid4().hex
        )
        request = artifact_service_pb2.CreateArtifactRequest(artifact_id=identifier, spec=spec)
        made = (await at.call("ArtifactService", "CreateArtifact", request)).artifact
        if made.HasField("partition_schema_mismatch"):
            _logger.warning(
                "version `%s` of artifact `%s` is published, and has other partitions than the versions before it: %s",
                identifier.version,
                name,
                made.partition_schema_mismatch.message,
            )
        return cls(made)

    @syncify.class_method
    @classmethod
    async def get(
        cls,
        name: str,
        version: str = "latest",
        *,
        project: str | None = None,
        domain: str | None = None,
        partitions: Mapping[str, Any] | None = None,
        **partition_kwargs: Any,
    ) -> "Artifact":
        """Fetch a version of an artifact: the one that is named, or the latest, or the latest of some partitions.

        Args:
            name: Of the artifact.
            version: Of it.
            project: Default: the configured one.
            domain: Default: the configured one.
            partitions: Keys with what they hold, in place of a version.
            partition_kwargs: The same by name.

        Raises:
            ValueError: A version and partitions are given.
            ArtifactNotFoundError: No version has such partitions; a `ValueError` too.
            RpcError: There is no such artifact or version.
        """
        from flyteidl2.artifact import artifact_service_pb2  # noqa: PLC0415 - messages load when used

        wanted = {**(partitions or {}), **partition_kwargs}
        if wanted and version != "latest":
            raise ValueError(
                f"artifact `{name}`: version `{version}` is one version already, whatever its partitions\n"
                "hint: give either a version or partitions"
            )
        at = connection()
        if wanted:
            found = [one async for one in versions(at, name, filters_of_partitions(wanted), 1, project, domain)]
            if not found:
                shown = ", ".join(f"{key}={item!r}" for key, item in wanted.items())
                raise ArtifactNotFoundError(
                    f"no version of artifact `{name}` has the partitions {shown}\n"
                    f'hint: `Artifact.partition_values("{name}", "{next(iter(wanted))}")` lists what there is'
                )
            return cls(found[0])
        request = artifact_service_pb2.GetArtifactRequest(
            name=name_of(at, name, project, domain), version=None if version == "latest" else version
        )
        return cls((await at.call("ArtifactService", "GetArtifact", request)).artifact)

    @syncify.class_method
    @classmethod
    async def listall(
        cls,
        name: str | None = None,
        created_after: datetime | None = None,
        limit: int = -1,
        *,
        project: str | None = None,
        domain: str | None = None,
        source_run: str | None = None,
        source_action: str | None = None,
        source_external_ref: str | None = None,
        kind: "Kind | None" = None,
        attrs: Mapping[str, str | Sequence[str]] | None = None,
        latest_per_partition: bool = False,
        partitions: Mapping[str, Any] | None = None,
        **partition_kwargs: Any,
    ) -> AsyncIterator["Artifact"]:
        """List versions, the latest first.

        Args:
            name: Only of this artifact.
            created_after: Only those that are younger.
            limit: How many at most; less than 0 for all.
            project: Default: the configured one.
            domain: Default: the configured one.
            source_run: Only those that this run has made.
            source_action: Only those that this action has made.
            source_external_ref: Only those that come from there.
            kind: Only those of this kind.
            attrs: Only those with these facts; a list asks for one of several.
            latest_per_partition: Only the latest version of each partition.
            partitions: Only those whose keys hold this: a text, a list of texts, a time, or a pair of times for all between.
            partition_kwargs: The same by name.

        Raises:
            ValueError: Partitions are asked for in a way that control planes do not know.
        """
        sources = {
            "source_run": source_run,
            "source_action": source_action,
            "source_external_ref": source_external_ref,
        }
        filters = [equals(field, text) for field, text in sources.items() if text]
        facts: dict[str, str | Sequence[str]] = {**({KIND_KEY: kind} if kind else {}), **(attrs or {})}
        for key, texts in facts.items():
            filters.append(one_of(f"user_metadata.{key}", *([texts] if isinstance(texts, str) else texts)))
        filters += filters_after("created_at", created_after)
        filters += filters_of_partitions({**(partitions or {}), **partition_kwargs})
        async for found in versions(
            connection(), name or "", filters, limit, project, domain, latest_per_partition=latest_per_partition
        ):
            yield cls(found)

    @syncify.class_method
    @classmethod
    async def list_names(
        cls, search: str | None = None, limit: int = -1, *, project: str | None = None, domain: str | None = None
    ) -> AsyncIterator["ArtifactGroup"]:
        """List artifacts by name.

        Args:
            search: Only those with this in their name.
            limit: How many at most; less than 0 for all.
            project: Default: the configured one.
            domain: Default: the configured one.
        """
        from flyteidl2.artifact import artifact_service_pb2  # noqa: PLC0415 - messages load when used

        at = connection()

        async def fetch(request: Any) -> tuple[Any, str]:
            asked = artifact_service_pb2.ListArtifactNamesRequest(
                request=request, project_id=project_identifier(project, domain, at=at)
            )
            answer = await at.call("ArtifactService", "ListArtifactNames", asked)
            return answer.groups, answer.token

        async for found in pages(fetch, latest_first([contains("name", search)] if search else []), limit):
            yield ArtifactGroup(found)

    @syncify.class_method
    @classmethod
    async def partition_values(
        cls,
        name: str,
        key: str,
        *,
        project: str | None = None,
        domain: str | None = None,
        limit: int = 1000,
        partitions: Mapping[str, Any] | None = None,
        **fixed: Any,
    ) -> list[Any]:
        """Return what a partition key holds in the versions of an artifact, each once.

        Args:
            name: Of the artifact.
            key: The key.
            project: Default: the configured one.
            domain: Default: the configured one.
            limit: How many at most.
            partitions: Only in versions whose other keys hold this.
            fixed: The same by name.

        Returns:
            Texts; of the key that holds a time `date`s, or for hours `datetime`s.

        Raises:
            RpcError: There is no such artifact.
        """
        from flyteidl2.artifact import artifact_service_pb2  # noqa: PLC0415 - messages load when used

        at = connection()
        schema = await schema_of_artifact(at, name, project, domain)
        filters = filters_of_partitions({**(partitions or {}), **fixed})
        request = latest_first(filters)
        request.limit = limit
        asked = artifact_service_pb2.ListPartitionValuesRequest(
            request=request, project_id=project_identifier(project, domain, at=at), name=name, key=key
        )
        texts = list((await at.call("ArtifactService", "ListPartitionValues", asked)).values)[:limit]
        if key != schema.time_key:
            return texts
        return [partition_of(datetime.fromisoformat(text).astimezone(UTC), schema.granularity) for text in texts]

    @syncify.class_method
    @classmethod
    async def declare(
        cls, name: str, partitions: Mapping[str, Any], *, project: str | None = None, domain: str | None = None
    ) -> PartitionSchema:
        """Say by which keys an artifact is partitioned, before it has a version.

        Args:
            name: Of the artifact.
            partitions: `str` for each key that holds texts; for one that holds a time `date`, `datetime`, or the span: `hour`,
                `day`, `week`, `month`.
            project: Default: the configured one.
            domain: Default: the configured one.

        Raises:
            ValueError: A key is declared as something else, or two hold times.
            RpcError: It is partitioned otherwise already.
        """
        from flyteidl2.artifact import artifact_service_pb2  # noqa: PLC0415 - messages load when used

        at = connection()
        request = artifact_service_pb2.DeclareArtifactRequest(
            name=name_of(at, name, project, domain), partition_schema=schema_of(partitions).to_pb2()
        )
        answer = await at.call("ArtifactService", "DeclareArtifact", request)
        return PartitionSchema.from_pb2(answer.partition_schema, declared=True)

    @syncify.class_method
    @classmethod
    async def get_schema(cls, name: str, *, project: str | None = None, domain: str | None = None) -> PartitionSchema:
        """Return by which keys an artifact is partitioned.

        Raises:
            RpcError: There is no such artifact.
        """
        return await schema_of_artifact(connection(), name, project, domain)

    @syncify
    async def delete(self) -> None:
        """Let the control plane forget this version; the data that it stands for stays.

        Raises:
            RpcError: There is no such version any more, or the control plane keeps what it has.
        """
        from flyteidl2.artifact import artifact_service_pb2  # noqa: PLC0415 - messages load when used

        request = artifact_service_pb2.DeleteArtifactRequest(artifact_id=self.pb2.artifact_id)
        await connection().call("ArtifactService", "DeleteArtifact", request)


class ArtifactGroup(OfMessage):
    """An artifact with all its versions."""

    def __init__(self, pb2: "artifact_service_pb2.ArtifactGroup") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    def __repr__(self) -> str:
        return f"<artifact `{self.name}`, {self.versions} versions>"

    @property
    def name(self) -> str:
        """What its versions are published under."""
        return self.pb2.latest.artifact_id.name.name

    @property
    def versions(self) -> int:
        """How many there are."""
        return self.pb2.versions

    @property
    def latest(self) -> Artifact:
        """The latest version."""
        return Artifact(self.pb2.latest)

    @property
    def partition_schema(self) -> PartitionSchema:
        """By which keys it is partitioned."""
        return PartitionSchema.from_pb2(self.pb2.partition_schema)

    @property
    def latest_time_partition(self) -> date | datetime | None:
        """The latest time that a version stands for."""
        if not self.pb2.HasField("latest_time_partition"):
            return None
        return partition_of(self.pb2.latest_time_partition.ToDatetime(UTC), self.partition_schema.granularity)
