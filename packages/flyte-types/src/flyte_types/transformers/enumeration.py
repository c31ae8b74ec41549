"""Enums by the names of their members."""

import enum
from typing import Any

from flyte_types import wire
from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type
from flyte_types.plans import TypePlan
from flyte_types.registry import register_matcher


class EnumTransformer:
    """Plans enums whose values are all text or all whole numbers."""

    def plan(self, t: Any) -> TypePlan:
        """Store the names; a value is stored as its name."""
        values = [member.value for member in t]
        if issubclass(t, enum.Flag) or not (
            all(isinstance(value, str) for value in values) or all(isinstance(value, int) for value in values)
        ):
            raise UnsupportedTypeError(
                f"the enum `{describe_type(t)}` has values that are neither all `str` nor all `int`\n"
                "hint: give its members text as values"
            )
        return TypePlan(
            python_type=t,
            tag="DefaultEnumTransformer",
            literal_type=wire.enum_type(member.name for member in t),
            description=("enum", t),
            exact=t,
        )


register_matcher(10, lambda t: isinstance(t, type) and issubclass(t, enum.Enum), EnumTransformer())
