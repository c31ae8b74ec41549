"""What an author declares of an artifact: its name, version, card, partitions and parents. Publishing is not done here."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

from flyte_models.values import light_dataclass

if TYPE_CHECKING:
    from flyteidl2.core.artifact_id_pb2 import ArtifactVersionId

__all__ = [
    "KIND_KEY",
    "MAX_PARENTS",
    "Artifact",
    "Card",
    "CardFormat",
    "CardType",
    "Granularity",
    "Kind",
    "Metadata",
    "TimePartition",
]

KIND_KEY = "flyte.io/kind"
"""The attribute that tells what kind of thing an artifact is."""
MAX_PARENTS = 32
"""How many versions an artifact can name as what it was made of."""

CardFormat = Literal["html", "md", "json", "yaml", "csv", "tsv", "png", "jpg", "jpeg"]
CardType = Literal["model", "data", "generic"]
Kind = Literal["model", "data", "generic"]
Granularity = Literal["hour", "day", "week", "month"]

_GRANULARITIES = ("hour", "day", "week", "month")
_T_co = TypeVar("_T_co", covariant=True)


@light_dataclass(frozen=True, kw_only=True)
class Card:
    """A document that describes an artifact, by its address."""

    uri: str
    format: CardFormat = "html"
    card_type: CardType = "generic"


@light_dataclass(frozen=True)
class TimePartition:
    """A time that an artifact stands for: the hour, day, week or month that `value` lies in.

    Raises:
        TypeError: `value` is neither a `date` nor a `datetime`.
        ValueError: The granularity is unknown.
    """

    value: date | datetime
    granularity: Granularity = "day"

    def __post_init__(self) -> None:
        if self.granularity not in _GRANULARITIES:
            raise ValueError(
                f"`TimePartition.granularity` must be one of {', '.join(_GRANULARITIES)}, got {self.granularity!r}"
            )
        if not isinstance(self.value, date):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`TimePartition.value` must be a `date` or `datetime`, got {self.value!r}")


@light_dataclass(frozen=True, kw_only=True)
class Metadata:
    """What is known of an artifact beside its value.

    Raises:
        ValueError: A partition's key is empty or its value `None`, two partitions hold times, a parent is empty, or there are
            more than `MAX_PARENTS`.
        TypeError: A field is not of its type.
    """

    name: str
    version: str | None = None
    """The version; without one it is made when the artifact is published."""
    description: str | None = None
    attrs: Mapping[str, str] | None = None
    """Any other facts."""
    card: Card | None = None
    kind: Kind | None = None
    partitions: Mapping[str, Any] | None = None
    """What part of a larger whole it is: texts, and at most one time (`date`, `datetime` or `TimePartition`)."""
    parents: "tuple[str | ArtifactVersionId, ...] | None" = None
    """The versions that it was made of."""
    version_from_content: bool = False
    """Whether equal content shall be the same version."""

    def __post_init__(self) -> None:
        if self.partitions is not None:
            _refuse_bad_partitions(self.partitions)
        if self.parents is not None:
            _refuse_bad_parents(self.parents)

    @classmethod
    def create_model_metadata(
        cls,
        *,
        name: str,
        version: str | None = None,
        description: str | None = None,
        card: Card | None = None,
        framework: str | None = None,
        model_type: str | None = None,
        architecture: str | None = None,
        task: str | None = None,
        modality: tuple[str, ...] = ("text",),
        serial_format: str = "safetensors",
        attrs: Mapping[str, str] | None = None,
        partitions: Mapping[str, Any] | None = None,
    ) -> "Metadata":
        """Describe a model: its facts become attributes, and win over those of the same name in `attrs`.

        Args:
            name: The artifact's name.
            version: Its version.
            description: What it is.
            card: A document that describes it.
            framework: What it was trained with, such as `pytorch`.
            model_type: What kind of model, such as `transformer`.
            architecture: Its architecture, such as `LlamaForCausalLM`.
            task: What it is for, such as `text-generation`.
            modality: What it works on.
            serial_format: How its weights are stored.
            attrs: Any other facts.
            partitions: As in `Metadata`.
        """
        facts = {
            KIND_KEY: "model",
            "framework": framework or "",
            "model_type": model_type or "",
            "architecture": architecture or "",
            "task": task or "",
            "modality": ",".join(modality),
            "serial_format": serial_format or "",
        }
        return cls(
            name=name,
            version=version,
            description=description,
            card=card,
            attrs={**(attrs or {}), **facts},
            partitions=partitions,
        )


@runtime_checkable
class Artifact(Protocol[_T_co]):
    """A value that may say that it is to be published as an artifact."""

    def get_artifact_metadata(self) -> Metadata | None:
        """Give what is declared of the artifact, or `None` for a plain value."""
        ...


def _refuse_bad_partitions(partitions: Mapping[str, Any]) -> None:
    if not isinstance(partitions, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"`Metadata.partitions` must be a dict, got {partitions!r}")
    of_time: str | None = None
    for key, item in partitions.items():
        if not key:
            raise ValueError(f"the keys of `Metadata.partitions` must not be empty, got {key!r}")
        if not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the keys of `Metadata.partitions` must be texts, got {key!r}")
        if item is None:
            raise ValueError(
                f"partition `{key}` is `None`, and an artifact cannot be found by that\nhint: leave the partition out"
            )
        if not isinstance(item, date | TimePartition):
            continue
        if of_time is not None:
            raise ValueError(
                f"an artifact has at most one time, and `{of_time}` and `{key}` both hold one\n"
                "hint: write one of them as text, such as `day.isoformat()`"
            )
        of_time = key


def _refuse_bad_parents(parents: Any) -> None:
    if len(parents) > MAX_PARENTS:
        raise ValueError(f"`Metadata.parents` holds at most {MAX_PARENTS} versions, got {len(parents)}")
    for index, parent in enumerate(parents):
        if isinstance(parent, str):
            if not parent:
                raise ValueError(f"`Metadata.parents[{index}]` is empty")
        elif not _is_version_id(parent):
            raise TypeError(f"`Metadata.parents[{index}]` must be a version or an `ArtifactVersionId`, got {parent!r}")


def _is_version_id(candidate: object) -> bool:
    # By its name: this package knows no protobuf.
    descriptor = getattr(type(candidate), "DESCRIPTOR", None)
    return getattr(descriptor, "full_name", None) == "flyteidl2.core.ArtifactVersionId"
