"""Inputs and outputs of actions as Python values, beside the messages that they come from."""

from collections import UserDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from flyte_remote.messages import OfMessage

if TYPE_CHECKING:
    from flyteidl2.core import interface_pb2, literals_pb2
    from flyteidl2.task import common_pb2

__all__ = ["ActionInputs", "ActionOutputs", "Types", "literals_of", "read_values", "types_of"]

Types = Mapping[str, Any]
"""Python types by name."""


class ActionInputs(UserDict[str, Any], OfMessage):
    """The inputs of an action by name. It may be changed like any dict; `pb2`, `to_dict` and `to_json` stay what was stored."""

    def __init__(self, pb2: "common_pb2.Inputs", data: Mapping[str, Any]) -> None:
        self.pb2 = pb2
        # Not by way of `UserDict`, whose copies are made of their values alone.
        self.data = dict(data)

    def copy(self) -> "ActionInputs":
        """Return others with the same values."""
        return ActionInputs(self.pb2, self.data)

    def __repr__(self) -> str:
        return f"ActionInputs({', '.join(f'{name}={value!r}' for name, value in self.data.items())})"


class ActionOutputs(tuple[Any, ...], OfMessage):  # noqa: SLOT001 - a tuple cannot have slots beside its items
    """The outputs of an action in order, each an attribute too (`outputs.o0`); `named_outputs` has them by name."""

    pb2: "common_pb2.Outputs"
    fields: list[str]

    def __new__(cls, pb2: "common_pb2.Outputs", data: Sequence[Any], fields: Sequence[str] | None = None) -> Self:
        """Make the outputs of `data`; without `fields` they are named `o0`, `o1`, ..."""
        outputs = super().__new__(cls, data)
        outputs.pb2 = pb2
        outputs.fields = list(fields) if fields is not None else [f"o{number}" for number in range(len(data))]
        return outputs

    @cached_property
    def named_outputs(self) -> dict[str, Any]:
        """The outputs by name."""
        return dict(zip(self.fields, self, strict=True))

    def __getattr__(self, name: str) -> Any:
        # Of what is no attribute of its own.
        if not name.startswith("_") and name in self.fields:
            return self[self.fields.index(name)]
        raise AttributeError(
            f"there is no output `{name}`, but {', '.join(f'`{each}`' for each in self.fields) or 'none'}"
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.fields]

    def __repr__(self) -> str:
        return f"ActionOutputs({', '.join(f'{name}={value!r}' for name, value in self.named_outputs.items())})"


def literals_of(message: "common_pb2.Inputs | common_pb2.Outputs") -> "dict[str, literals_pb2.Literal]":
    """Give the literals by name."""
    return {entry.name: entry.value for entry in message.literals}


def types_of(variables: "interface_pb2.VariableMap") -> dict[str, Any]:
    """Make Python types of stored ones.

    Raises:
        ValueError: A type stands for no Python type.
    """
    from flyte_types.reverse import python_type_of  # noqa: PLC0415 - only values need types

    return {entry.key: python_type_of(entry.value.type) for entry in variables.variables}


async def read_values(
    literals: "Mapping[str, literals_pb2.Literal]",
    types: Types,
    deserializers: Mapping[Any, Callable[[Any], Any]] | None = None,
) -> dict[str, Any]:
    """Convert literals to values of types, in the order of the types; what has no type is left out.

    Args:
        literals: By name.
        types: By name.
        deserializers: What is made of a converted value, by its type.

    Raises:
        TypeError: A literal is of another type.
    """
    from flyte_types.codec import decode_literal_async  # noqa: PLC0415 - as above

    values: dict[str, Any] = {}
    for name, kind in types.items():
        if name not in literals:
            continue
        value = await decode_literal_async(literals[name].SerializeToString(deterministic=True), kind)
        make = (deserializers or {}).get(kind)
        values[name] = make(value) if make is not None else value
    return values
