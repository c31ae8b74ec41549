"""Our codec as the bench calls it: the one place to change when its verbs do."""

from collections.abc import Callable
from typing import Any, get_args, get_origin

import flyte_native

Codec = tuple[Callable[[object], bytes], Callable[[bytes], object]]


def our_codec(kind: Any) -> Codec:
    """Return what encodes a value of type `kind` to literal bytes, and what decodes them.

    The plan is compiled here, once, as flyte-types does for each type that it meets.

    Raises:
        LookupError: The codec is not there, or has no verb for `kind`.
    """
    # Asked for by name, so that an extension module of an older build is a result and not a crash.
    plan_class = getattr(flyte_native, "Plan", None)
    if plan_class is None:
        raise LookupError("this build of `flyte_native` has no `Plan`")
    plan = plan_class(_description(kind), {})
    return plan.encode, plan.decode


def _description(kind: Any) -> tuple[Any, ...]:
    """Describe a type in the terms of `flyte_native.Plan`."""
    names = {int: "int", float: "float", str: "str", bool: "bool"}
    if kind in names:
        return (names[kind],)
    arguments = get_args(kind)
    if get_origin(kind) is list:
        return ("list", _description(arguments[0]))
    if get_origin(kind) is dict and arguments[0] is str:
        return ("dict", _description(arguments[1]))
    raise LookupError(f"no description for `{kind}` in the bench")
