"""Types inside msgpack payloads: the fields of dataclasses and what they hold."""

import dataclasses
import datetime as dt
import enum
import types
import typing
from collections.abc import Callable
from typing import Any, cast

from flyte_types.errors import UnsupportedTypeError
from flyte_types.file import File
from flyte_types.names import describe_type
from flyte_types.plans import Definitions, Description

__all__ = ["CACHE_KEY_ANNOTATION", "fields_of", "pack_node"]

CACHE_KEY_ANNOTATION = {"cache-key-metadata": {"serialization-format": "msgpack"}}
"""Annotation that the reference puts on every type stored as msgpack."""

_LEAVES: dict[Any, str] = {
    int: "int", float: "float", bool: "bool", str: "str", types.NoneType: "none", bytes: "bytes", bytearray: "bytes",
    Any: "any", object: "any", dt.datetime: "datetime", dt.date: "date", dt.timedelta: "duration",
}  # fmt: skip
_EXACT: dict[Any, Any] = {list: list, dict: dict, tuple: tuple, set: set, frozenset: frozenset}


def pack_node(t: Any, definitions: Definitions) -> Description:
    """Describe the msgpack form of a type.

    Raises:
        UnsupportedTypeError: A type in it has no msgpack form yet.
    """
    if t is None:
        t = types.NoneType
    origin = typing.get_origin(t)
    if origin is typing.Annotated:
        return pack_node(typing.get_args(t)[0], definitions)
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(t), definitions)
    container = _CONTAINERS.get(origin or t)
    if container is not None:
        return container(typing.get_args(t), definitions)
    if t in _LEAVES:
        return (_LEAVES[t],)
    if origin is File or t is File:
        return ("custom", 0, "File", File[Any].to_fields, File[Any].from_fields)
    if isinstance(t, type) and issubclass(t, enum.Enum):
        return ("enum", t)
    if isinstance(t, type) and dataclasses.is_dataclass(t):
        return _dataclass(t, definitions)
    raise UnsupportedTypeError(f"values of type `{describe_type(t)}` cannot stand inside a dataclass or dict yet")


def _item(args: tuple[Any, ...], definitions: Definitions) -> Description:
    return pack_node(args[0], definitions) if args else ("any",)


def _list(args: tuple[Any, ...], definitions: Definitions) -> Description:
    return ("list", _item(args, definitions))


def _dict(args: tuple[Any, ...], definitions: Definitions) -> Description:
    if not args:
        return ("dict", ("any",), ("any",))
    return ("dict", pack_node(args[0], definitions), pack_node(args[1], definitions))


def _tuple(args: tuple[Any, ...], definitions: Definitions) -> Description:
    if not args or args[-1] is Ellipsis:
        return ("items", _item(args, definitions), tuple)
    return ("tuple", [pack_node(arg, definitions) for arg in args])


def _set(args: tuple[Any, ...], definitions: Definitions) -> Description:
    return ("items", _item(args, definitions), set)


def _frozenset(args: tuple[Any, ...], definitions: Definitions) -> Description:
    return ("items", _item(args, definitions), frozenset)


_CONTAINERS: dict[Any, Callable[[tuple[Any, ...], Definitions], Description]] = {
    list: _list, dict: _dict, tuple: _tuple, set: _set, frozenset: _frozenset,
}  # fmt: skip


def _union(args: tuple[Any, ...], definitions: Definitions) -> Description:
    rest = [arg for arg in args if arg is not types.NoneType]
    if len(rest) == 1:
        return ("optional", pack_node(rest[0], definitions))
    variants = ("union", [(_exact(arg), pack_node(arg, definitions)) for arg in rest])
    return variants if len(rest) == len(args) else ("optional", variants)


def _exact(t: Any) -> type | None:
    kind = typing.get_origin(t) or t
    return kind if isinstance(kind, type) else None


def _dataclass(t: Any, definitions: Definitions) -> Description:
    name = f"{t.__module__}.{t.__qualname__}#{id(t)}"
    if name not in definitions:
        definitions[name] = ("none",)
        fields: list[tuple[Any, ...]] = []
        for field, hint in fields_of(t):
            default = None if field.default is dataclasses.MISSING else (field.default,)
            factory = None if field.default_factory is dataclasses.MISSING else field.default_factory
            fields.append((field.name, pack_node(hint, definitions), default, factory, not field.init))
        definitions[name] = ("object", t, fields, _is_direct(t))
    return ("ref", name)


def fields_of(t: Any) -> list[tuple["dataclasses.Field[Any]", Any]]:
    """Give the fields of a dataclass with their resolved types.

    Raises:
        UnsupportedTypeError: An annotation names something that cannot be found.
    """
    try:
        hints = typing.get_type_hints(t, include_extras=True)
    except NameError as error:
        raise UnsupportedTypeError(
            f"a field of `{describe_type(t)}` is annotated with a name that cannot be found: {error}\n"
            "hint: define the class at the top level of its module"
        ) from error
    return [(field, hints[field.name]) for field in dataclasses.fields(t)]


def _is_direct(t: Any) -> bool:
    """Whether setting attributes on a new object is the same as calling the class."""
    generated = getattr(t.__init__, "__code__", None)
    return (
        generated is not None
        and generated.co_filename == "<string>"
        and not t.__dataclass_params__.frozen
        and not hasattr(t, "__post_init__")
        and t.__new__ is object.__new__
        and t.__setattr__ is object.__setattr__
        and type(t).__call__ is type.__call__
        and all(field.init for field in dataclasses.fields(t))
        and "InitVar" not in str(cast("dict[str, Any]", t.__dict__).get("__annotations__"))
    )
