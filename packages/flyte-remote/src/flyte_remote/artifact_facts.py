"""What a version of an artifact says of itself: names, partitions, where it comes from, and its value. Nothing is asked for."""

from typing import TYPE_CHECKING, Any

from flyte_models.artifacts import KIND_KEY
from flyte_remote.console import console_url
from flyte_remote.messages import OfMessage
from flyte_remote.partitions import partitions_of
from flyte_types.stored import StoredValue

if TYPE_CHECKING:
    from flyteidl2.artifact import artifact_pb2
    from flyteidl2.core import artifact_id_pb2, literals_pb2

__all__ = ["ArtifactFacts"]


class ArtifactFacts(OfMessage, StoredValue):
    """A version of an artifact, as a message has it."""

    def __init__(self, pb2: "artifact_pb2.Artifact") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    def __repr__(self) -> str:
        return f"<artifact `{self.name}@{self.version}`>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactFacts) and self.pb2 == other.pb2

    def __hash__(self) -> int:
        return hash(self.tracker)

    async def coerce_to_literal(self, python_type: Any = None) -> "literals_pb2.Literal":
        """Give it as the literal of an input of a type, with what it is.

        Raises:
            InputTypeError: It is not of that type.
        """
        from flyteidl2.core import literals_pb2  # noqa: PLC0415 - messages load when used

        from flyte_types.codec import encode_literal_async  # noqa: PLC0415 - only values need types

        return literals_pb2.Literal.FromString(await encode_literal_async(self, python_type or self._type()))

    async def to_python(self, python_type: Any = None) -> Any:
        """Give what it stands for: a `File`, a `Dir` or a `DataFrame`. Nothing is downloaded.

        Args:
            python_type: As which type; default: what it was published as.

        Raises:
            InputTypeError: It is not of that type.
        """
        from flyte_types.codec import decode_literal_async  # noqa: PLC0415 - only values need types

        return await decode_literal_async(self.stored_literal(), python_type or self._type())

    def stored_literal(self) -> bytes:
        """Give what is stored, as bytes of a literal."""
        return self.pb2.spec.value.SerializeToString(deterministic=True)

    def stored_identity(self) -> bytes:
        """Give what it is, as bytes of an `ArtifactVersionId`."""
        return self.artifact_version_id.SerializeToString(deterministic=True)

    @property
    def name(self) -> str:
        """What it is published under."""
        return self.pb2.artifact_id.name.name

    @property
    def version(self) -> str:
        """The version."""
        return self.pb2.artifact_id.version

    @property
    def artifact_version_id(self) -> "artifact_id_pb2.ArtifactVersionId":
        """What names it as a parent of others."""
        from flyteidl2.core import artifact_id_pb2  # noqa: PLC0415 - messages load when used

        name = self.pb2.artifact_id.name
        key = artifact_id_pb2.ArtifactKey(project=name.project, domain=name.domain, name=name.name, org=name.org)
        return artifact_id_pb2.ArtifactVersionId(key=key, version=self.version)

    @property
    def kind(self) -> str | None:
        """`model`, `data`, `generic`, or what else somebody called it."""
        return self.pb2.spec.info.user_metadata.get(KIND_KEY)

    @property
    def partitions(self) -> dict[str, Any]:
        """Which part of a larger whole it is: texts, and a `date`, or for hours a `datetime`, by key."""
        return partitions_of(self.pb2.spec)

    @property
    def time_partition(self) -> "artifact_id_pb2.TimePartition | None":
        """The partition that holds a time."""
        return self.pb2.spec.time_partition if self.pb2.spec.HasField("time_partition") else None

    @property
    def created_by(self) -> str:
        """Who published it."""
        identity = self.pb2.created_by
        return identity.user.id.subject or identity.application.id.subject

    @property
    def source(self) -> str | None:
        """What it comes from: an action of a run, or what was said of it."""
        source = self.pb2.spec.source
        if source.HasField("task_action"):
            action = source.task_action.action
            return f"run {action.run.name}/{action.name} (attempt {source.task_action.attempt})"
        return source.external_ref or None

    @property
    def source_run_url(self) -> str | None:
        """The page of the run that it comes from."""
        return self._source_url(None)

    @property
    def source_action_url(self) -> str | None:
        """The page of the action that it comes from."""
        return self._source_url(self.pb2.spec.source.task_action.action.name)

    @property
    def tracker(self) -> str:
        """Its whole name: `org/project/domain/name@version`."""
        name = self.pb2.artifact_id.name
        return f"{name.org}/{name.project}/{name.domain}/{name.name}@{self.version}"

    @property
    def url(self) -> str:
        """The address of the artifact's page."""
        name = self.pb2.artifact_id.name
        return console_url("artifacts", name.name, project=name.project, domain=name.domain)

    def _source_url(self, action: str | None) -> str | None:
        source = self.pb2.spec.source
        if not source.HasField("task_action"):
            return None
        run, name = source.task_action.action.run, self.pb2.artifact_id.name
        return console_url(
            "runs", run.name, project=run.project or name.project, domain=run.domain or name.domain, action=action
        )

    def _type(self) -> Any:
        from flyte_types.reverse import python_type_of  # noqa: PLC0415 - only values need types

        return python_type_of(self.pb2.spec.type)
