"""What the notes of `Annotated` add to a literal type: descriptions, bounds, examples.

Only the notes of pydantic and `annotated_types` count, as pydantic's JSON schema shows them; all others are ignored. pydantic is
imported only for a type that has such a note.
"""

import dataclasses
import types
import typing
from typing import Any

from flyte_types import wire
from flyte_types.plans import TypePlan

__all__ = ["with_notes"]

_STRUCTURE = frozenset((
    "type", "properties", "items", "anyOf", "oneOf", "allOf", "$ref", "$defs", "required", "enum", "const", "default",
    "additionalProperties", "prefixItems", "propertyNames", "discriminator",
))  # fmt: skip


def with_notes(plan: TypePlan, t: Any) -> TypePlan:
    """Add what the notes of an annotation say to the plan of what it annotates.

    A union keeps the description and the like for itself and hands bounds on to its variants; every variant but `None` then has
    metadata, if only empty ones. The annotation is kept in `python_type`.
    """
    base, *notes = typing.get_args(t)
    plan = dataclasses.replace(plan, python_type=t)
    if not any(map(_counts, notes)):
        return plan
    added = _added(base, notes)
    if not added:
        return plan
    metadata = {**(plan.metadata or {}), **added}
    literal_type = plan.literal_type
    variants = plan.variants
    if variants:
        variants = tuple(_as_variant(variant, notes, added) for variant in variants)
        literal_type = wire.union_type(variant.listed_type for variant in variants)
    return dataclasses.replace(
        plan,
        literal_type=wire.with_metadata(literal_type, metadata),
        untagged=None if plan.untagged is None else wire.with_metadata(plan.untagged, metadata),
        metadata=metadata,
        variants=variants,
        bare=plan.bare or plan,
    )


def _as_variant(plan: TypePlan, notes: list[Any], outer: dict[str, Any]) -> TypePlan:
    if plan.python_type in (None, types.NoneType):
        return plan
    added = _added(plan.python_type, notes)
    metadata = {key: value for key, value in {**(plan.metadata or {}), **added}.items() if key not in outer}
    return dataclasses.replace(
        plan,
        literal_type=wire.with_metadata(plan.literal_type, metadata),
        untagged=None if plan.untagged is None else wire.with_metadata(plan.untagged, metadata),
        metadata=metadata,
    )


def _counts(note: Any) -> bool:
    return (
        type(note).__module__.partition(".")[0] in ("pydantic", "annotated_types")
        or hasattr(note, "__get_pydantic_json_schema__")
        or hasattr(note, "__get_pydantic_core_schema__")
    )


def _added(base: Any, notes: list[Any]) -> dict[str, Any]:
    noted, plain = _schema(base, notes), _schema(base, [])
    if noted is None or plain is None:
        # The type itself means nothing to pydantic; its notes do.
        noted, plain = _schema(Any, notes) or {}, {}
    return {key: value for key, value in noted.items() if key not in _STRUCTURE and plain.get(key, ...) != value}


def _schema(base: Any, notes: list[Any]) -> dict[str, Any] | None:
    from flyte_types.pydantic_form import json_schema_of_any  # noqa: PLC0415  # pydantic is an optional dependency

    annotated: Any = base
    for note in notes:
        annotated = typing.Annotated[annotated, note]
    return json_schema_of_any(annotated)
