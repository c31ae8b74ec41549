"""What a transformer makes of a type: its literal type and the description that `flyte_native` compiles."""

from dataclasses import dataclass, field
from typing import Any

from flyte_types import wire

__all__ = ["Definitions", "Description", "TypePlan"]

Description = tuple[Any, ...]
"""A node of a native plan, `(kind, ...)`; see `flyte_native._core.pyi`."""

Definitions = dict[str, Description]
"""Descriptions that others point at with `("ref", name)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
    needs_await: bool = False
    """Whether a place in it can only be converted in a coroutine."""
    definitions: Definitions = field(default_factory=dict[str, Description])

    @property
    def variant_type(self) -> bytes:
        """The literal type as a union has it: with a structure tag."""
        return self.literal_type if self.is_tagged else wire.tag_structure(self.literal_type, self.tag)
