"""Outputs that are published under a name and a version: `flyte.artifacts`. Its names load when they are used.

A task declares an artifact by returning `new(file, metadata)`, or its caller does with `produces`. Only handles to stored data
can be artifacts: `File`, `Dir` and `DataFrame`. A control plane publishes them; a local run only checks them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyteidl2.core.artifact_id_pb2 import ArtifactKey, ArtifactVersionId

    from flyte.artifacts.cards import Card
    from flyte.artifacts.declaring import new, produces
    from flyte_models.artifacts import (
        KIND_KEY,
        MAX_PARENTS,
        Artifact,
        CardFormat,
        CardType,
        Granularity,
        Kind,
        Metadata,
        TimePartition,
    )
else:
    _MODELS = "flyte_models.artifacts"
    _EXPORTS = {
        "Artifact": _MODELS,
        "ArtifactKey": "flyteidl2.core.artifact_id_pb2",
        "ArtifactVersionId": "flyteidl2.core.artifact_id_pb2",
        "Card": "flyte.artifacts.cards",
        "CardFormat": _MODELS,
        "CardType": _MODELS,
        "Granularity": _MODELS,
        "KIND_KEY": _MODELS,
        "Kind": _MODELS,
        "MAX_PARENTS": _MODELS,
        "Metadata": _MODELS,
        "TimePartition": _MODELS,
        "new": "flyte.artifacts.declaring",
        "produces": "flyte.artifacts.declaring",
    }

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte.artifacts` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - the names load when they are used

        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "KIND_KEY",
    "MAX_PARENTS",
    "Artifact",
    "ArtifactKey",
    "ArtifactVersionId",
    "Card",
    "CardFormat",
    "CardType",
    "Granularity",
    "Kind",
    "Metadata",
    "TimePartition",
    "new",
    "produces",
]
