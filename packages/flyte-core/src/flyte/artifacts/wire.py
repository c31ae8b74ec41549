"""Declarations of artifacts as a control plane reads them: at the end of `Outputs`, and in the context of a child's inputs."""

import base64
from collections.abc import Mapping
from typing import Any

from flyteidl2.core import types_pb2
from flyteidl2.task import common_pb2

from flyte_models.artifacts import Metadata
from flyte_remote.artifact_messages import content_version, info_of, parents_of
from flyte_remote.partitions import set_partitions

__all__ = ["CONTEXT_KEY", "as_context", "as_outputs", "from_context"]

CONTEXT_KEY = "_u_produced_artifacts"


def as_outputs(
    declared: Mapping[str, Metadata], types: Mapping[str, types_pb2.LiteralType] | None = None, outputs: bytes = b""
) -> bytes:
    """Give the bytes that, behind those of `Outputs`, declare artifacts; messages of one kind can be joined so.

    Args:
        declared: The metadata by the name of the output.
        types: The types of the outputs, where they are known.
        outputs: The bytes of the outputs, for versions that are those of the content.
    """
    made = common_pb2.Outputs(
        produced_artifacts=[_message(name, each, (types or {}).get(name)) for name, each in declared.items()]
    )
    by_content = {name for name, each in declared.items() if each.version_from_content and not each.version}
    if by_content and outputs:
        literals = {pair.name: pair.value for pair in common_pb2.Outputs.FromString(outputs).literals}
        for each in made.produced_artifacts:
            if each.output in by_content and each.output in literals:
                each.version = content_version(literals[each.output])
    return made.SerializeToString(deterministic=True)


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
    made.info.CopyFrom(info_of(metadata.description, metadata.attrs, metadata.kind, metadata.card))
    made.type.CopyFrom(kind if kind is not None else types_pb2.LiteralType())
    made.parent_artifacts.extend(parents_of(metadata.parents or ()))
    set_partitions(made, metadata.partitions or {})
    return made
