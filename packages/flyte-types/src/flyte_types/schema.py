"""JSON schemas of dataclasses, as the reference stores them in `LiteralType.metadata`."""

import base64
import dataclasses
import datetime as dt
import enum
import types
import typing
from typing import Any

from flyte_types.errors import UnsupportedTypeError
from flyte_types.file import FILE_SCHEMA, File
from flyte_types.names import describe_type
from flyte_types.packing import fields_of

__all__ = ["json_schema"]

Schema = dict[str, Any]

_LEAVES: dict[Any, Schema] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    types.NoneType: {"type": "null"},
    bytes: {"type": "string", "format": "base64"},
    bytearray: {"type": "string", "format": "base64"},
    Any: {},
    object: {},
    dt.datetime: {"type": "string", "format": "date-time"},
    dt.date: {"type": "string", "format": "date"},
    dt.timedelta: {"type": "number", "format": "time-delta"},
}


def json_schema(t: Any) -> Schema:
    """Write the schema of a dataclass.

    Raises:
        UnsupportedTypeError: The class contains itself, which is not built yet, or a type without a schema.
    """
    return _schema(t, ())


def _schema(t: Any, outer: tuple[Any, ...]) -> Schema:
    if t is None:
        t = types.NoneType
    origin, args = typing.get_origin(t), typing.get_args(t)
    if origin is typing.Annotated:
        return _schema(args[0], outer)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(arg, outer) for arg in args]}
    kind = origin or t
    if kind is list:
        return {"type": "array"} | _items(args, outer)
    if kind in (set, frozenset):
        return {"type": "array", "uniqueItems": True} | _items(args, outer)
    if kind is tuple:
        if not args or args[-1] is Ellipsis:
            return {"type": "array"} | _items(args, outer)
        items = [_schema(arg, outer) for arg in args]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if kind is dict:
        if not args:
            return {"type": "object"}
        names, values = _schema(args[0], outer), _schema(args[1], outer)
        return (
            {"type": "object"}
            | ({"propertyNames": names} if names else {})
            | ({"additionalProperties": values} if values else {})
        )
    if t in _LEAVES:
        return dict(_LEAVES[t])
    if kind is File:
        return FILE_SCHEMA
    if isinstance(t, type) and issubclass(t, enum.Enum):
        return {"enum": [member.value for member in t]}
    if isinstance(t, type) and dataclasses.is_dataclass(t):
        return _object(t, outer)
    raise UnsupportedTypeError(f"values of type `{describe_type(t)}` cannot stand inside a dataclass yet")


def _items(args: tuple[Any, ...], outer: tuple[Any, ...]) -> Schema:
    items = _schema(args[0], outer) if args else {}
    return {"items": items} if items else {}


def _object(t: Any, outer: tuple[Any, ...]) -> Schema:
    if t in outer:
        raise UnsupportedTypeError(f"the dataclass `{describe_type(t)}` contains itself, which is not built yet")
    properties: Schema = {}
    required: list[str] = []
    for field, hint in fields_of(t):
        if not field.init:
            continue
        schema = dict(_schema(hint, (*outer, t)))
        if field.default is not dataclasses.MISSING:
            schema["default"] = _plain(field.default)
        elif field.default_factory is dataclasses.MISSING:
            required.append(field.name)
        if "description" in field.metadata:
            schema["description"] = field.metadata["description"]
        properties[field.name] = schema
    out: Schema = {"type": "object", "title": t.__name__, "properties": properties, "additionalProperties": False}
    return out | ({"required": required} if required else {})


def _plain(value: Any) -> Any:
    """A default as JSON has it."""
    match value:
        case enum.Enum():
            return value.value
        case dt.datetime() | dt.date():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case bytes() | bytearray():
            # The reference ends the text with a line break.
            return base64.encodebytes(bytes(value)).decode()
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in typing.cast("list[Any]", value)]
        case dict():
            return {str(key): _plain(item) for key, item in typing.cast("dict[Any, Any]", value).items()}
        case _ if dataclasses.is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return value
