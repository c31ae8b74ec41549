"""Our codec as the bench calls it: the one place to change when its verbs do."""

from collections.abc import Callable
from typing import Any

Codec = tuple[Callable[[object], bytes], Callable[[bytes], object]]


def our_inputs(kind: Any) -> Codec:
    """Return what encodes a value of type `kind` as the input `v` of a task, `Inputs` bytes, and what decodes them.

    The plans are compiled here, once, as each task does at its first run.

    Raises:
        LookupError: The codec is not there.
    """
    try:
        from flyte_types.codec import InterfaceCodec
    except ImportError as error:
        raise LookupError(f"no codec: {error}") from error
    codec = InterfaceCodec({"v": kind}, {}, task_name="bench.task")

    def encode(value: object) -> bytes:
        return codec.encode_inputs({"v": value})

    def decode(data: bytes) -> object:
        return codec.decode_inputs(data)["v"]

    codec.typed_interface()
    return encode, decode


def our_plan(kind: Any) -> Codec:
    """Return the native plan of a type alone: a literal's bytes, without names, defaults and errors of a task."""
    from flyte_native import Plan
    from flyte_types.registry import plan_of

    described = plan_of(kind)
    plan = Plan(described.description, described.definitions)
    return plan.encode, plan.decode
