"""How types are called in messages and help pages."""

import types
import typing
from typing import Any

__all__ = ["describe_type"]


def describe_type(t: Any) -> str:
    """Name a type as an author would write it: `int`, `list[int]`, `str | None`, `Point`."""
    origin = typing.get_origin(t)
    args = typing.get_args(t)
    if t is None or t is types.NoneType:
        return "None"
    if origin is typing.Annotated:
        return describe_type(args[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(describe_type(arg) for arg in args)
    if origin is typing.Literal:
        return f"Literal[{', '.join(repr(arg) for arg in args)}]"
    if origin is not None and args:
        inner = ", ".join("..." if arg is Ellipsis else describe_type(arg) for arg in args)
        return f"{getattr(origin, '__name__', str(origin))}[{inner}]"
    return getattr(t, "__name__", None) or str(t).removeprefix("typing.")
