"""The part of `flyteidl2.core.literals` that primitives and their collections need, as betterproto2 messages.

Field numbers are the protocol's (`flyteidl2/core/literals.proto`). Hand-written because the wheel has no such classes.
"""

# ruff: noqa: RUF009 -- `betterproto2.field` is this library's `dataclasses.field`

from dataclasses import dataclass
from typing import Optional

import betterproto2


@dataclass(eq=False, repr=False)
class Primitive(betterproto2.Message):
    integer: int | None = betterproto2.field(1, betterproto2.TYPE_INT64, optional=True, group="value")
    float_value: float | None = betterproto2.field(2, betterproto2.TYPE_DOUBLE, optional=True, group="value")
    string_value: str | None = betterproto2.field(3, betterproto2.TYPE_STRING, optional=True, group="value")


@dataclass(eq=False, repr=False)
class Scalar(betterproto2.Message):
    primitive: Optional["Primitive"] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True, group="value")


@dataclass(eq=False, repr=False)
class LiteralCollection(betterproto2.Message):
    literals: list["Literal"] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@dataclass(eq=False, repr=False)
class LiteralMap(betterproto2.Message):
    literals: dict[str, "Literal"] = betterproto2.field(
        1,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_MESSAGE),
    )


@dataclass(eq=False, repr=False)
class Literal(betterproto2.Message):
    scalar: Optional["Scalar"] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True, group="value")
    collection: Optional["LiteralCollection"] = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    map: Optional["LiteralMap"] = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True, group="value")
