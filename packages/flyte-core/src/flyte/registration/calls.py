"""Calls of tasks that are registered at a control plane: which arguments they get, and the message that has them."""

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin

from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2

from flyte_models.errors import RemoteTaskUsageError
from flyte_types.codec import decode_literal_async, encode_literal_async
from flyte_types.errors import ConversionError, InputTypeError

if TYPE_CHECKING:
    from flyte_remote.tasks import TaskDetails

__all__ = ["inputs_of", "named_arguments"]


def named_arguments(
    task: "TaskDetails",
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    stored: Mapping[str, literals_pb2.Literal] | None = None,
    filled: str = "",
) -> dict[str, Any]:
    """Name the arguments of a call, in the order of the inputs.

    Args:
        task: What is called.
        args: By position: that of the only input.
        kwargs: By name.
        stored: Literals of inputs that need not be given.
        filled: An input that the control plane gives.

    Raises:
        ValueError: One is missing, is given twice, or there is none of a name.
        RemoteTaskUsageError: There is more than one input, and one is given by position.
    """
    names = list(task.interface.inputs)
    if len(args) > 1 or (args and len(names) != 1):
        # What is registered has its inputs in the order of their names, not in that of the signature.
        shown = ", ".join(f"{name}=..." for name in names) or "it has no inputs"
        raise RemoteTaskUsageError(
            f"task `{task.name}` is registered, and takes its inputs by name only\nhint: {shown}"
        )
    given: dict[str, Any] = dict(zip(names, args, strict=False))
    for name, item in kwargs.items():
        if name not in names:
            known = ", ".join(f"`{each}`" for each in names) or "none"
            raise ValueError(f"task `{task.name}` has no input `{name}`; its inputs are {known}")
        if name in given:
            raise ValueError(f"input `{name}` of task `{task.name}` is given twice, by position and by name")
        given[name] = item
    known_already = {*given, *(stored or {}), filled}
    missing = [name for name in task.required_args if name not in known_already]
    if missing:
        raise ValueError(f"task `{task.name}` needs its input `{missing[0]}`")
    return {name: given[name] for name in names if name in given}


async def inputs_of(
    task: "TaskDetails",
    given: Mapping[str, Any],
    context: Mapping[str, str] | None = None,
    stored: Mapping[str, literals_pb2.Literal] | None = None,
) -> common_pb2.Inputs:
    """Convert arguments, and the stored defaults of those that are missing, to the inputs of a call. What has no value stays out.

    Args:
        task: What is called.
        given: The arguments by name.
        context: Pairs that the child inherits.
        stored: Literals that count more than the defaults.

    Raises:
        TypeError: A value has another type than the input.
    """
    types = task.interface.inputs
    encoded = await asyncio.gather(*(_encoded(item, types[name][0]) for name, item in given.items()))
    literals = {name: literals_pb2.Literal.FromString(data) for name, data in zip(given, encoded, strict=True)}
    defaults = {each.name: each.parameter.default for each in task.stored_defaults} | dict(stored or {})
    message = common_pb2.Inputs()
    for name in types:
        if name in literals or name in defaults:
            message.literals.add(name=name, value=literals[name] if name in literals else defaults[name])
    for key, text in (context or {}).items():
        message.context.add(key=key, value=text)
    return message


async def _encoded(item: Any, kind: Any) -> bytes:
    """Encode a value of the type that was made of what is registered, or of the caller's own class that is written alike."""
    try:
        return await encode_literal_async(item, kind)
    except InputTypeError:
        own = _own_type(item, kind)
        if own is None:
            raise
        written = await encode_literal_async(item, own)
        try:
            await decode_literal_async(written, kind)
        except ConversionError:
            written = None
        if written is None:
            raise
        return written


def _own_type(item: Any, kind: Any) -> Any:
    """Give the type of the same shape as `kind` with the classes of a value; None if there is none."""
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return type(item) if dataclasses.is_dataclass(kind) else None
    origin, args = get_origin(kind), get_args(kind)
    if origin is list and isinstance(item, list) and item:
        inner = _own_type(item[0], args[0])
        return None if inner is None else list[inner]
    if origin is dict and isinstance(item, dict) and item:
        inner = _own_type(next(iter(cast("dict[Any, Any]", item).values())), args[1])
        return None if inner is None else dict[args[0], inner]
    return None
