"""Literals that another writer made, such as the console or an older SDK, brought into the form that this one writes.

Known foreign forms: a `generic` struct for what is stored as msgpack, a msgpack payload for what has a literal of its own, a
value of a union without the union around it. Looked at only once the ordinary reading has failed, so it may take its time.
"""

import typing
from collections.abc import Mapping
from typing import Any

from flyte_native import LiteralError, Plan
from flyte_types import literals
from flyte_types.codec import compiled_plan
from flyte_types.errors import UnsupportedTypeError
from flyte_types.literals import Inputs, Literal
from flyte_types.packing import pack_node
from flyte_types.plans import Definitions, TypePlan

__all__ = ["own_form", "own_form_of_named"]

_ANYTHING = Plan(("msgpack", ("any",)), {})
# Nodes whose values have literals of their own, not a payload.
_HAS_LITERAL = frozenset(("int", "float", "bool", "str", "datetime", "date", "duration", "enum", "list", "dict"))


def own_form(data: bytes, t: Any) -> bytes | None:
    """Give a literal in the form that this SDK writes for a type; None where there is nothing to bring into form."""
    try:
        literal = Literal.FromString(data)
    except literals.DecodeError:
        return None
    return literals.to_bytes(literal) if _changed(literal, t) else None


def own_form_of_named(data: bytes, types: Mapping[str, Any]) -> bytes | None:
    """Do what `own_form` does for an `Inputs` or `Outputs` message."""
    try:
        # `Outputs` has the same literals under the same number, and nothing else.
        message = Inputs.FromString(data)
    except literals.DecodeError:
        return None
    changed = [_changed(named.value, types[named.name]) for named in message.literals if named.name in types]
    return literals.to_bytes(message) if any(changed) else None


def _changed(literal: Literal, t: Any) -> bool:
    """Bring a literal into form in place, with all its parts, and tell whether there was anything to do."""
    while typing.get_origin(t) is typing.Annotated:
        t = typing.get_args(t)[0]
    try:
        plan = compiled_plan(t).plan
    except UnsupportedTypeError:
        return False
    args = typing.get_args(t)
    kind = plan.description[0]
    match literal.WhichOneof("value"):
        case "collection" if kind == "list" and args:
            return True in [_changed(item, args[0]) for item in literal.collection.literals]
        case "map" if kind == "dict" and len(args) == 2:
            return True in [_changed(item, args[1]) for item in literal.map.literals.values()]
        case "scalar":
            return _changed_scalar(literal, t, plan)
        case _:
            return plan.variants != () and _wrapped(literal, plan)


def _changed_scalar(literal: Literal, t: Any, plan: TypePlan) -> bool:
    scalar, kind = literal.scalar, plan.description[0]
    form = scalar.WhichOneof("value")
    if plan.variants:
        if form != "union":
            return _wrapped(literal, plan)
        tag = scalar.union.type.structure.tag
        return True in [_changed(scalar.union.value, one.python_type) for one in plan.variants if tag in ("", one.tag)]
    if form == "generic":
        payload = literals.plain_of_struct(scalar.generic, keep_floats=True)
        scalar.binary.CopyFrom(Literal.FromString(_ANYTHING.encode(payload)).scalar.binary)
        form = "binary"
        if kind == "msgpack":
            return True
    if form == "binary" and kind in _HAS_LITERAL and scalar.binary.tag == literals.MSGPACK:
        definitions: Definitions = {}
        try:
            packed = pack_node(t, definitions)
            value = Plan(("msgpack", packed), definitions).decode(literals.to_bytes(literal))
            literal.CopyFrom(Literal.FromString(compiled_plan(t).native.encode(value)))
        except (LiteralError, UnsupportedTypeError):
            return False
        return True
    return False


def _wrapped(literal: Literal, plan: TypePlan) -> bool:
    """Put the union of a plan around a plain value, if one of the variants reads it."""
    for variant in plan.variants:
        value = Literal()
        value.CopyFrom(literal)
        _changed(value, variant.python_type)
        try:
            compiled_plan(variant.python_type).native.decode_places(literals.to_bytes(value))
        except LiteralError:
            continue
        literal.Clear()
        literal.scalar.union.value.CopyFrom(value)
        literal.scalar.union.type.ParseFromString(variant.variant_type)
        return True
    return False
