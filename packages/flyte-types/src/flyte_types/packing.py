"""Types inside msgpack payloads: the fields of dataclasses and what they hold."""

import collections
import dataclasses
import datetime as dt
import enum
import types
import typing
from collections import abc
from collections.abc import Callable
from typing import Any, cast

from flyte_types.class_fields import fields_of, is_named_tuple, is_typed_dict
from flyte_types.errors import UnsupportedTypeError
from flyte_types.handle import Handle
from flyte_types.names import describe_type
from flyte_types.packed_hooks import choice, mapping_class, named_tuple, text_form, typed_dict
from flyte_types.plans import Definitions, Description
from flyte_types.registered_parts import Parts, holds_registered, is_registered_union, union_place
from flyte_types.registry import transformer_of, type_key

__all__ = ["CACHE_KEY_ANNOTATION", "fields_of", "pack_node", "text_format"]

CACHE_KEY_ANNOTATION = {"cache-key-metadata": {"serialization-format": "msgpack"}}
"""Annotation that the reference puts on every type stored as msgpack."""

_LEAVES: dict[Any, str] = {
    int: "int", float: "float", bool: "bool", str: "str", types.NoneType: "none", bytes: "bytes", bytearray: "bytes",
    Any: "any", object: "any", dt.datetime: "datetime", dt.date: "date", dt.timedelta: "duration",
}  # fmt: skip
_TEXTS = {
    "datetime.time": "time", "uuid.UUID": "uuid", "decimal.Decimal": "decimal", "pathlib.PurePath": "path",
    "fractions.Fraction": "fraction", "zoneinfo.ZoneInfo": "time-zone", "ipaddress.IPv4Address": "ipv4",
    "ipaddress.IPv6Address": "ipv6", "ipaddress.IPv4Network": "ipv4network", "ipaddress.IPv6Network": "ipv6network",
    "ipaddress.IPv4Interface": "ipv4interface", "ipaddress.IPv6Interface": "ipv6interface",
}  # fmt: skip
"""Classes written as text, by name so that their modules are not imported, and the format in the JSON schema."""


def text_format(t: Any) -> str:
    """Give the format of a class that is written as text; empty for all others."""
    for base in getattr(t, "__mro__", ()):
        # Since 3.13 `pathlib` is a package.
        found = _TEXTS.get(f"{base.__module__.partition('._')[0]}.{base.__qualname__}")
        if found:
            return found
    return ""


def pack_node(t: Any, definitions: Definitions) -> Description:
    """Describe the msgpack form of a type.

    Raises:
        UnsupportedTypeError: A type in it has no msgpack form.
    """
    if t is None:
        t = types.NoneType
    t = _plain(t)
    origin = typing.get_origin(t)
    if origin is typing.Annotated:
        pack = getattr(transformer_of(t), "pack", None)
        return pack(t) if pack else pack_node(typing.get_args(t)[0], definitions)
    if origin in (typing.Union, types.UnionType):
        return _union(t, definitions)
    if origin is typing.Literal:
        return choice(t)
    container = _CONTAINERS.get(origin or t)
    if container is not None:
        return container(typing.get_args(t), definitions)
    if t in _LEAVES:
        return (_LEAVES[t],)
    return _class(t, definitions)


def _plain(t: Any) -> Any:
    if isinstance(t, typing.TypeVar):
        return Any
    if isinstance(t, typing.NewType):
        return _plain(t.__supertype__)
    if typing.get_origin(t) in (typing.Final, typing.Required, typing.NotRequired):
        return _plain(typing.get_args(t)[0])
    return t


def _class(t: Any, definitions: Definitions) -> Description:
    kind: Any = typing.get_origin(t) or t
    if isinstance(kind, type):
        if issubclass(kind, Handle):
            return kind.pack_description()
        kind = cast("Any", kind)
        pack = getattr(transformer_of(t), "pack", None)
        if pack:
            return pack(t)
        if issubclass(kind, enum.Enum):
            return ("enum", kind)
        if dataclasses.is_dataclass(kind):
            return _dataclass(t, definitions)
        if (is_named_tuple(kind) or is_typed_dict(kind)) and holds_registered(kind):
            return Parts(kind, pack_node).description(as_map=False)
        if is_named_tuple(kind):
            return named_tuple(kind, pack_node)
        if is_typed_dict(kind):
            return typed_dict(kind, pack_node)
        if text_format(kind):
            return text_form(kind)
    raise UnsupportedTypeError(
        f"values of type `{describe_type(t)}` cannot stand inside a dataclass or dict\n"
        "hint: make it a dataclass, or pass it on its own, where it is pickled"
    )


def _item(args: tuple[Any, ...], definitions: Definitions) -> Description:
    return pack_node(args[0], definitions) if args else ("any",)


def _list(args: tuple[Any, ...], definitions: Definitions) -> Description:
    return ("list", _item(args, definitions))


def _dict(args: tuple[Any, ...], definitions: Definitions) -> Description:
    if not args:
        return ("dict", ("any",), ("any",))
    key = _plain(args[0])
    if (typing.get_origin(key) or key) in _CONTAINERS or dataclasses.is_dataclass(key):
        raise UnsupportedTypeError(
            f"the keys of a stored dict cannot be of type `{describe_type(key)}`\nhint: use text, numbers, dates or enums as keys"
        )
    return ("dict", pack_node(key, definitions), pack_node(args[1], definitions))


def _tuple(args: tuple[Any, ...], definitions: Definitions) -> Description:
    if not args or args[-1] is Ellipsis:
        return ("items", _item(args, definitions), tuple)
    return ("tuple", [pack_node(arg, definitions) for arg in args])


def _items(kind: type) -> Callable[[tuple[Any, ...], Definitions], Description]:
    def items(args: tuple[Any, ...], definitions: Definitions) -> Description:
        return ("items", _item(args, definitions), kind)

    return items


def _mapping(kind: type) -> Callable[[tuple[Any, ...], Definitions], Description]:
    def mapping(args: tuple[Any, ...], definitions: Definitions) -> Description:
        del definitions
        if kind is collections.Counter and args:
            args = (args[0], int)
        return mapping_class(kind, args, pack_node)

    return mapping


_CONTAINERS: dict[Any, Callable[[tuple[Any, ...], Definitions], Description]] = {
    list: _list, abc.Sequence: _list, abc.MutableSequence: _list, dict: _dict, abc.Mapping: _dict, abc.MutableMapping: _dict,
    tuple: _tuple, set: _items(set), abc.Set: _items(set), abc.MutableSet: _items(set), frozenset: _items(frozenset),
    collections.deque: _items(collections.deque), collections.OrderedDict: _mapping(collections.OrderedDict),
    collections.Counter: _mapping(collections.Counter), collections.defaultdict: _mapping(collections.defaultdict),
}  # fmt: skip


def _union(t: Any, definitions: Definitions) -> Description:
    args = typing.get_args(t)
    if is_registered_union(t):
        return union_place(t)
    rest = [arg for arg in args if arg is not types.NoneType]
    if len(rest) == 1:
        return ("optional", pack_node(rest[0], definitions))
    variants = ("union", [(_exact(arg), pack_node(arg, definitions)) for arg in rest])
    return variants if len(rest) == len(args) else ("optional", variants)


def _exact(t: Any) -> type | None:
    kind = typing.get_origin(t) or t
    return kind if isinstance(kind, type) else None


# Definitions are known by name; `Box[int]` and `Box[str]` are two, and an alias may be made anew each time.
_names: dict[Any, tuple[str, Any]] = {}


def _dataclass(t: Any, definitions: Definitions) -> Description:
    name, _ = _names.setdefault(type_key(t), (f"{describe_type(t)}#{len(_names)}", t))
    if name not in definitions:
        definitions[name] = ("none",)
        fields: list[tuple[Any, ...]] = []
        for field, hint in fields_of(t):
            default = None if field.default is dataclasses.MISSING else (field.default,)
            factory = None if field.default_factory is dataclasses.MISSING else field.default_factory
            fields.append((field.name, pack_node(hint, definitions), default, factory, not field.init))
        cls = typing.get_origin(t) or t
        definitions[name] = ("object", cls, fields, _is_direct(cls))
    return ("ref", name)


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
