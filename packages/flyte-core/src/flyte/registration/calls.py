"""Calls of tasks that are registered at a control plane: which arguments they get, and the message that has them."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2

from flyte_types.codec import encode_literal_async

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
        args: By position, which is refused.
        kwargs: By name.
        stored: Literals of inputs that need not be given.
        filled: An input that the control plane gives.

    Raises:
        TypeError: One is missing or has no name, or there is none of a name.
    """
    names = list(task.interface.inputs)
    if args:
        # What is registered has its inputs in the order of their names, not in that of the signature.
        shown = ", ".join(f"{name}=..." for name in names)
        raise TypeError(f"task `{task.name}` is registered, and takes its inputs by name only\nhint: {shown}")
    given: dict[str, Any] = {}
    for name, item in kwargs.items():
        if name not in names:
            known = ", ".join(f"`{each}`" for each in names) or "none"
            raise TypeError(f"task `{task.name}` has no input `{name}`; its inputs are {known}")
        given[name] = item
    known_already = {*given, *(stored or {}), filled}
    missing = [name for name in task.required_args if name not in known_already]
    if missing:
        raise TypeError(f"task `{task.name}` needs its input `{missing[0]}`")
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
    encoded = await asyncio.gather(*(encode_literal_async(item, types[name][0]) for name, item in given.items()))
    literals = {name: literals_pb2.Literal.FromString(data) for name, data in zip(given, encoded, strict=True)}
    defaults = {each.name: each.parameter.default for each in task.default_input_args} | dict(stored or {})
    message = common_pb2.Inputs()
    for name in types:
        if name in literals or name in defaults:
            message.literals.add(name=name, value=literals[name] if name in literals else defaults[name])
    for key, text in (context or {}).items():
        message.context.add(key=key, value=text)
    return message
