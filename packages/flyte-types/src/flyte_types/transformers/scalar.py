"""Types with one literal each: numbers, text, None, dates and times."""

import datetime as dt
from types import NoneType
from typing import Any

from flyte_types import wire
from flyte_types.plans import TypePlan
from flyte_types.registry import register

_SCALARS: dict[Any, tuple[str, str, str]] = {
    # type: (tag, SimpleType, kind of node)
    int: ("int", "integer", "int"),
    float: ("float", "float", "float"),
    bool: ("bool", "boolean", "bool"),
    str: ("str", "string", "str"),
    NoneType: ("none", "none", "none"),
    dt.datetime: ("datetime", "datetime", "datetime"),
    dt.date: ("date", "datetime", "date"),
    dt.timedelta: ("timedelta", "duration", "duration"),
}


class ScalarTransformer:
    """Plans the types in `_SCALARS`."""

    def plan(self, t: Any) -> TypePlan:
        """Look the type, or the base class it has in the table, up."""
        kind = NoneType if t is None else next(base for base in t.__mro__ if base in _SCALARS)
        tag, simple, node = _SCALARS[kind]
        return TypePlan(python_type=t, tag=tag, literal_type=wire.simple_type(simple), description=(node,), exact=kind)


register(ScalarTransformer(), *_SCALARS)
