"""`Literal["a", "b"]` as the type of an input or output: an enum of the texts. Anywhere else a `Literal` goes by pickle."""

import typing
from dataclasses import dataclass
from typing import Any

from flyte_native import LiteralError, Plan
from flyte_types import wire
from flyte_types.errors import describe_value
from flyte_types.plans import TypePlan
from flyte_types.registry import register_matcher

__all__ = ["TextChoice", "parameter_type"]

_TEXT = Plan(("str",), {})


@dataclass(frozen=True)
class TextChoice:
    """Stands for a `Literal` of texts where the type of an input or output is planned."""

    values: tuple[str, ...]

    def encode(self, value: Any) -> bytes:
        """Write one of the texts as a literal.

        Raises:
            LiteralError: The value is none of them.
        """
        return _TEXT.encode(self._checked(value))

    def decode(self, data: bytes) -> Any:
        """Read a literal.

        Raises:
            LiteralError: It is none of the texts.
        """
        return self._checked(_TEXT.decode(data))

    def _checked(self, value: Any) -> Any:
        if not (isinstance(value, str) and value in self.values):
            raise LiteralError("value", "", describe_value(value), f"one of {', '.join(map(repr, self.values))}")
        return value


def parameter_type(t: Any) -> Any:
    """Give what an input or output is planned as: a `Literal` of texts is an enum, any other `Literal` is `Any`."""
    if typing.get_origin(t) is not typing.Literal:
        return t
    values = typing.get_args(t)
    return TextChoice(values) if all(type(value) is str for value in values) else Any


class TextChoiceTransformer:
    """Plans choices of texts."""

    def plan(self, t: Any) -> TypePlan:
        """Store the text itself."""
        return TypePlan(
            python_type=t,
            tag="DefaultEnumTransformer",
            literal_type=wire.enum_type(t.values),
            description=("custom", 0, " | ".join(map(repr, t.values)), t.encode, t.decode),
            exact=str,
        )


register_matcher(5, lambda t: isinstance(t, TextChoice), TextChoiceTransformer())
