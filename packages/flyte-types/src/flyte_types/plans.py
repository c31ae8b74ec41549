"""What a transformer makes of a type: its literal type and the description that `flyte_native` compiles."""

from dataclasses import field
from typing import Any

from flyte_models.values import light_dataclass
from flyte_types import wire

__all__ = ["Definitions", "Description", "TypePlan"]

Description = tuple[Any, ...]
"""A node of a native plan, `(kind, ...)`; see `flyte_native._core.pyi`."""

Definitions = dict[str, Description]
"""Descriptions that others point at with `("ref", name)`."""


@light_dataclass(frozen=True, kw_only=True)
class TypePlan:
    """How the values of one type become literals."""

    python_type: Any
    tag: str
    """Name of the transformer, which is the structure tag of the type as a union variant."""
    literal_type: bytes
    """Deterministic `flyteidl2.core.LiteralType` bytes."""
    description: Description
    exact: type | None = None
    """Values of exactly this type choose this variant in a union."""
    is_tagged: bool = False
    """Whether `literal_type` has its structure tag already."""
    untagged: bytes | None = None
    """The literal type without a structure tag, where a union variant has another tag than the type on its own."""
    needs_await: bool = False
    """Whether a place in it can only be converted in a coroutine."""
    metadata: dict[str, Any] | None = None
    """What stands in `literal_type` as metadata, which notes of `Annotated` are merged into."""
    variants: "tuple[TypePlan, ...]" = ()
    """The members of a union."""
    bare: "TypePlan | None" = None
    """Of an annotated type, the plan without the notes: its literals name that type."""
    definitions: Definitions = field(default_factory=dict[str, Description])

    @property
    def listed_type(self) -> bytes:
        """The literal type as a union lists it among its variants: with the structure tag."""
        if self.is_tagged:
            return self.literal_type
        return wire.tag_structure(self.literal_type if self.untagged is None else self.untagged, self.tag)

    @property
    def variant_type(self) -> bytes:
        """The literal type as a union's literal has it: with the structure tag, without what notes add."""
        return (self.bare or self).listed_type
