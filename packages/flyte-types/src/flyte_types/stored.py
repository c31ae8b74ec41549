"""Values that stand for what is stored already, such as artifacts: as inputs they are read as the declared type, and named by it.

The literal of such an input says what it comes from (`artifact_id`). Nothing of this is loaded before somebody has such a value.
"""

import typing
from collections.abc import Mapping
from typing import Any, cast

from flyte_types.codec import decode_literal, decode_literal_async
from flyte_types.errors import InputTypeError

__all__ = ["StoredValue", "identified", "identified_literal", "replaced", "replaced_async", "stored_in"]


class StoredValue:
    """A value that stands for a stored one. It can be an input, or an element of an input that is a list."""

    __slots__ = ()

    def stored_literal(self) -> bytes:
        """Give the literal that is stored, as `flyteidl2.core.Literal` bytes."""
        raise NotImplementedError

    def stored_identity(self) -> bytes:
        """Give what it is, as `flyteidl2.core.ArtifactVersionId` bytes."""
        raise NotImplementedError


Place = tuple[str, int | None]
"""The name of an input, and for an element its index."""


def stored_in(values: Mapping[str, Any]) -> dict[Place, StoredValue]:
    """Find the values that stand for stored ones."""
    found: dict[Place, StoredValue] = {}
    for name, value in values.items():
        if isinstance(value, StoredValue):
            found[name, None] = value
        elif isinstance(value, list):
            for index, item in enumerate(cast("list[Any]", value)):
                if isinstance(item, StoredValue):
                    found[name, index] = item
    return found


def replaced(values: Mapping[str, Any], types: Mapping[str, Any], found: Mapping[Place, StoredValue]) -> dict[str, Any]:
    """Put what is stored in place of what stands for it.

    Args:
        values: The inputs by name.
        types: The declared types.
        found: What `stored_in` has found.

    Raises:
        InputTypeError: What is stored is not of the declared type.
    """
    read: dict[Place, Any] = {}
    for place, stored in found.items():
        try:
            read[place] = decode_literal(stored.stored_literal(), _type_at(place, types))
        except InputTypeError as error:
            raise _misfit(place, stored, error) from error
    return _put(values, read)


async def replaced_async(
    values: Mapping[str, Any], types: Mapping[str, Any], found: Mapping[Place, StoredValue]
) -> dict[str, Any]:
    """Do what `replaced` does, where transformers may have to be awaited."""
    read: dict[Place, Any] = {}
    for place, stored in found.items():
        try:
            read[place] = await decode_literal_async(stored.stored_literal(), _type_at(place, types))
        except InputTypeError as error:
            raise _misfit(place, stored, error) from error
    return _put(values, read)


def identified(data: bytes, found: Mapping[Place, StoredValue]) -> bytes:
    """Add to `Inputs` bytes what their literals come from."""
    from flyteidl2.task import common_pb2  # noqa: PLC0415 - only inputs with such values need messages

    inputs = common_pb2.Inputs.FromString(data)
    literals = {pair.name: pair.value for pair in inputs.literals}
    for (name, index), stored in found.items():
        _identify(literals[name], index, stored)
    return inputs.SerializeToString()


def identified_literal(data: bytes, found: Mapping[Place, StoredValue]) -> bytes:
    """Add to `Literal` bytes what they come from."""
    from flyteidl2.core import literals_pb2  # noqa: PLC0415 - as above

    literal = literals_pb2.Literal.FromString(data)
    for (_, index), stored in found.items():
        _identify(literal, index, stored)
    return literal.SerializeToString(deterministic=True)


def _identify(literal: Any, index: int | None, stored: StoredValue) -> None:
    if index is not None:
        of_list = literal.scalar.union.value if literal.HasField("scalar") else literal
        literal = of_list.collection.literals[index]
    literal.artifact_id.ParseFromString(stored.stored_identity())


def _type_at(place: Place, types: Mapping[str, Any]) -> Any:
    """Return the declared type, of an element that of the elements, also of a list that may be missing."""
    name, index = place
    declared = types.get(name)
    if index is None:
        return declared
    parts = typing.get_args(declared)
    if typing.get_origin(declared) is list:
        return parts[0]
    lists = (part for part in parts if typing.get_origin(part) is list)
    return next((typing.get_args(part)[0] for part in lists), Any)


def _put(values: Mapping[str, Any], read: Mapping[Place, Any]) -> dict[str, Any]:
    made = dict(values)
    for (name, index), value in read.items():
        if index is None:
            made[name] = value
            continue
        # A copy: the list is the caller's.
        items = made[name] if made[name] is not values[name] else list(made[name])
        items[index] = value
        made[name] = items
    return made


def _misfit(place: Place, stored: StoredValue, error: InputTypeError) -> InputTypeError:
    which = f"input `{place[0]}`" if place[0] else "the value"
    return InputTypeError(f"{which} cannot be {stored!r}: {error}")
