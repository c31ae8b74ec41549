"""Enums by the names of their members."""

import enum
from typing import Any

from flyte_types import wire
from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type
from flyte_types.plans import TypePlan
from flyte_types.registry import register_matcher


class EnumTransformer:
    """Plans enums of text, and `IntEnum`."""

    def plan(self, t: Any) -> TypePlan:
        """Store the names; a value is stored as its name."""
        first = next(iter(t), None)
        if (
            issubclass(t, enum.Flag)
            or first is None
            or not (isinstance(first.value, str) or issubclass(t, enum.IntEnum))
        ):
            what = (
                "is a flag" if issubclass(t, enum.Flag) else "has no members" if first is None else "has other values"
            )
            raise UnsupportedTypeError(
                f"only enums of text and `IntEnum` can be passed between tasks, and `{describe_type(t)}` {what}\n"
                "hint: give its members text as values, or derive it from `enum.IntEnum`"
            )
        return TypePlan(
            python_type=t,
            tag="DefaultEnumTransformer",
            literal_type=wire.enum_type(member.name for member in t),
            description=("enum", t),
            exact=t,
        )


register_matcher(10, lambda t: isinstance(t, type) and issubclass(t, enum.Enum), EnumTransformer())
