"""Protobuf messages as the struct of their JSON form. A message class can only exist where protobuf was imported already."""

import sys
from functools import partial
from typing import Any

from flyte_types import wire
from flyte_types.names import describe_type
from flyte_types.plans import Description, TypePlan
from flyte_types.registry import register_matcher

_TAG = "Protobuf-Transformer"


class MessageTransformer:
    """Plans classes of protobuf messages."""

    def plan(self, t: Any) -> TypePlan:
        """Name the class in the literal type."""
        write, read = _hooks(t, as_literal=True)
        metadata = {"pb_type": f"{t.__module__}.{t.__name__}"}
        return TypePlan(
            python_type=t,
            tag=_TAG,
            literal_type=wire.literal_type(wire.simple_type("struct"), metadata=metadata),
            description=("custom", 0, describe_type(t), write, read),
            exact=t,
            metadata=metadata,
        )

    def pack(self, t: Any) -> Description:
        """Describe the JSON form inside msgpack."""
        return ("custom", 0, describe_type(t), *_hooks(t, as_literal=False))

    def inner_schema(self, t: Any) -> dict[str, Any]:
        """Give the schema of the JSON form inside msgpack."""
        return {"type": "object", "title": t.__name__}


def _hooks(t: Any, *, as_literal: bool) -> tuple[Any, Any]:
    from flyte_types import messages  # noqa: PLC0415  # needs protobuf, which is there once a message class is

    write, read = (messages.to_literal, messages.of_literal) if as_literal else (messages.to_plain, messages.of_plain)
    return partial(write, t=t), partial(read, t=t)


def _is_message(t: Any) -> bool:
    loaded: Any = sys.modules.get("google.protobuf.message")
    return loaded is not None and isinstance(t, type) and issubclass(t, loaded.Message) and t is not loaded.Message


register_matcher(20, _is_message, MessageTransformer())
