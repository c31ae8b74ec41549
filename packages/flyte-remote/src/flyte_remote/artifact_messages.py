"""What is said of an artifact beside its value, as protocol messages."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flyteidl2.core import artifact_id_pb2, literals_pb2

from flyte_models.artifacts import KIND_KEY, MAX_PARENTS, Card, Metadata
from flyte_models.context import current_context

__all__ = ["content_version", "info_of", "metadata_of", "parents_of", "set_source"]


def metadata_of(value: Any) -> tuple[Metadata | None, Any]:
    """Return what is said of a value, and the value without it.

    Raises:
        TypeError: It is no reference to stored data.
    """
    from flyte_types.handle import Handle  # noqa: PLC0415 - only values need types

    if not isinstance(value, Handle):
        raise TypeError(
            f"a {type(value).__name__} cannot be an artifact: {value!r:.80}\n"
            "hint: artifacts are stored data: `flyte.io.File`, `Dir` or `DataFrame` (`DataFrame.from_df(frame)` of a frame)"
        )
    tell: Callable[[], Metadata] | None = getattr(value, "get_artifact_metadata", None)
    return (tell(), getattr(value, "plain", value)) if tell is not None else (None, value)


def set_source(spec: Any, external_ref: str | None) -> None:
    """Say in an `ArtifactSpec` what it comes from: what is given, or the action that runs here."""
    context = current_context()
    if external_ref:
        spec.source.external_ref = external_ref
    elif context and context.is_in_cluster():
        action, source = context.action, spec.source.task_action
        source.action.name = action.name
        source.action.run.org = action.org or ""
        source.action.run.project = action.project or ""
        source.action.run.domain = action.domain or ""
        source.action.run.name = action.run_name or ""
        source.attempt = context.attempt_number + 1


def info_of(
    description: str | None, attrs: Mapping[str, str] | None, kind: str | None, card: Card | None
) -> "artifact_id_pb2.ArtifactInfo":
    """Give description, attributes, kind and card as a message."""
    info = artifact_id_pb2.ArtifactInfo(description=description or "")
    attributes = dict(attrs or {})
    if kind:
        attributes[KIND_KEY] = kind
    for key, text in attributes.items():
        info.user_metadata[key] = text
    if card is not None:
        info.card.uri = card.uri
        info.card.format = card.format
        info.card.type = card.card_type
    return info


def parents_of(parents: Iterable[Any]) -> "list[artifact_id_pb2.ArtifactVersionId]":
    """Give the versions that an artifact was made of.

    Raises:
        TypeError: One is neither a version nor an `ArtifactVersionId`.
        ValueError: There are too many, or one is empty.
    """
    made: list[artifact_id_pb2.ArtifactVersionId] = []
    for index, parent in enumerate(parents):
        if isinstance(parent, artifact_id_pb2.ArtifactVersionId):
            made.append(parent)
        elif not isinstance(parent, str):
            raise TypeError(
                f"`parents[{index}]` is a version, or an `ArtifactVersionId` such as `artifact.artifact_version_id`, "
                f"got {parent!r:.80}"
            )
        elif not parent:
            raise ValueError(f"`parents[{index}]` is empty")
        else:
            made.append(artifact_id_pb2.ArtifactVersionId(version=parent))
    if len(made) > MAX_PARENTS:
        raise ValueError(f"an artifact names at most {MAX_PARENTS} versions as its parents, got {len(made)}")
    return made


def content_version(literal: literals_pb2.Literal) -> str:
    """Give the version that equal content has: its hash, or where it is."""
    return literal.hash or hashlib.sha256(literal.SerializeToString(deterministic=True)).hexdigest()[:32]
