"""Declarations of artifacts as a control plane reads them: at the end of `Outputs`, and in the context of a child's inputs."""

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from flyteidl2.core import artifact_id_pb2, types_pb2
from flyteidl2.task import common_pb2

from flyte_models.artifacts import KIND_KEY, Metadata, TimePartition

__all__ = ["CONTEXT_KEY", "as_context", "as_outputs", "from_context"]

CONTEXT_KEY = "_u_produced_artifacts"

_GRANULARITIES = {"hour": "HOUR", "day": "DAY", "week": "WEEK", "month": "MONTH"}


def as_outputs(declared: Mapping[str, Metadata], types: Mapping[str, types_pb2.LiteralType] | None = None) -> bytes:
    """Give the bytes that, behind those of `Outputs`, declare artifacts; messages of one kind can be joined so.

    Args:
        declared: The metadata by the name of the output.
        types: The types of the outputs, where they are known.
    """
    outputs = common_pb2.Outputs(
        produced_artifacts=[_message(name, each, (types or {}).get(name)) for name, each in declared.items()]
    )
    return outputs.SerializeToString(deterministic=True)


def as_context(declared: Mapping[str, Metadata]) -> str:
    """Give what a caller declares of a child's outputs as text for the child's inputs."""
    return base64.b64encode(as_outputs(declared)).decode()


def from_context(text: str, types: Mapping[str, types_pb2.LiteralType]) -> bytes:
    """Complete what a caller declares by the types of the outputs, as bytes to stand behind those of `Outputs`.

    Raises:
        ValueError: It is no text of `as_context`.
    """
    try:
        outputs = common_pb2.Outputs.FromString(base64.b64decode(text, validate=True))
    except Exception as error:  # protobuf's own kinds differ between its implementations
        raise ValueError(f"the declaration of artifacts in the inputs cannot be read: {error}") from error
    for each in outputs.produced_artifacts:
        if each.output in types:
            each.type.CopyFrom(types[each.output])
    return outputs.SerializeToString(deterministic=True)


def _message(output: str, metadata: Metadata, kind: types_pb2.LiteralType | None) -> Any:
    made = common_pb2.ProducedArtifact(output=output, name=metadata.name, version=metadata.version or "")
    made.info.SetInParent()
    made.type.CopyFrom(kind if kind is not None else types_pb2.LiteralType())
    if metadata.description:
        made.info.description = metadata.description
    attributes = dict(metadata.attrs or {})
    if metadata.kind:
        attributes[KIND_KEY] = metadata.kind
    for key, text in attributes.items():
        made.info.user_metadata[key] = text
    if metadata.card is not None:
        made.info.card.uri = metadata.card.uri
        made.info.card.format = metadata.card.format
        made.info.card.type = metadata.card.card_type
    for parent in metadata.parents or ():
        if isinstance(parent, str):
            made.parent_artifacts.add(version=parent)
        else:
            made.parent_artifacts.add().CopyFrom(parent)
    for key, item in (metadata.partitions or {}).items():
        if isinstance(item, date | TimePartition):
            _set_time(made.time_partition, key, item)
        else:
            made.partitions.value[key].static_value = str(item)
    return made


def _set_time(message: Any, key: str, item: date | TimePartition) -> None:
    if isinstance(item, TimePartition):
        moment, granularity = item.value, item.granularity
    else:
        moment, granularity = item, "hour" if isinstance(item, datetime) else "day"
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    message.key = key
    message.granularity = artifact_id_pb2.Granularity.Value(_GRANULARITIES[granularity])
    message.value.time_value.FromDatetime(_begin(moment.astimezone(UTC), granularity))


def _begin(moment: datetime, granularity: str) -> datetime:
    """Give the beginning of the hour, day, week (on Monday) or month."""
    start = moment.replace(minute=0, second=0, microsecond=0)
    if granularity == "hour":
        return start
    start = start.replace(hour=0)
    if granularity == "week":
        return datetime.fromordinal(start.toordinal() - start.weekday()).replace(tzinfo=UTC)
    return start.replace(day=1) if granularity == "month" else start
