"""JSON schemas of dataclasses, as the reference stores them in `LiteralType.metadata`."""

import base64
import collections
import dataclasses
import datetime as dt
import enum
import types
import typing
from collections import abc
from typing import Any, cast

from flyte_types.class_fields import fields_of, hints_of, is_named_tuple, is_typed_dict, keys_of
from flyte_types.handle import Handle
from flyte_types.packing import text_format
from flyte_types.registered_parts import is_registered_union
from flyte_types.registry import transformer_of, type_key

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
_ARRAYS = (list, abc.Sequence, abc.MutableSequence, collections.deque)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPS = (dict, abc.Mapping, abc.MutableMapping, collections.OrderedDict, collections.defaultdict)


def json_schema(t: Any) -> Schema | None:
    """Write the schema of a dataclass; None where a field's type has none, and then the literal type has no metadata.

    Classes stand inline, each time in full. Only those that contain themselves are definitions.
    """
    writer = _Writer()
    try:
        schema = writer.write(t)
    except LookupError:
        return None
    return schema | ({"$defs": writer.definitions} if writer.definitions else {})


class _Writer:
    """One schema: the classes being written, and the definitions made so far."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self._open: list[Any] = []
        self._pending: set[str] = set()

    def write(self, t: Any) -> Schema:
        """Write the schema of a type.

        Raises:
            LookupError: It has none.
        """
        if t is None:
            t = types.NoneType
        if isinstance(t, typing.TypeVar):
            return {}
        if isinstance(t, typing.NewType):
            return self.write(t.__supertype__)
        origin, args = typing.get_origin(t), typing.get_args(t)
        if origin is typing.Annotated:
            inner = getattr(transformer_of(t), "inner_schema", None)
            return inner(t) if inner else self.write(args[0])
        if origin in (typing.Union, types.UnionType):
            # Those with a registered type are kept as the bytes of their literal.
            return dict(_LEAVES[bytes]) if is_registered_union(t) else {"anyOf": [self.write(arg) for arg in args]}
        if origin is typing.Literal:
            values = [arg.value if isinstance(arg, enum.Enum) else arg for arg in args]
            return {"const": values[0]} if len(values) == 1 else {"enum": values}
        kind = origin or t
        if kind in _ARRAYS:
            return {"type": "array"} | self._items(args)
        if kind in _SETS:
            return {"type": "array", "uniqueItems": True} | self._items(args)
        if kind is tuple:
            if not args or args[-1] is Ellipsis:
                return {"type": "array"} | self._items(args)
            return _tuple([self.write(arg) for arg in args])
        if kind is collections.Counter:
            return self._map((*args, int)) if args else {"type": "object"}
        if kind in _MAPS:
            return self._map(args) if args else {"type": "object"}
        if t in _LEAVES:
            return dict(_LEAVES[t])
        if isinstance(kind, type):
            return self._class(t, cast("Any", kind))
        raise LookupError(t)

    def _items(self, args: tuple[Any, ...]) -> Schema:
        items = self.write(args[0]) if args else {}
        return {"items": items} if items else {}

    def _map(self, args: tuple[Any, ...]) -> Schema:
        names, values = self.write(args[0]), self.write(args[1])
        schema: Schema = {"type": "object"}
        if names:
            schema["propertyNames"] = names
        if values:
            schema["additionalProperties"] = values
        return schema

    def _class(self, t: Any, kind: Any) -> Schema:
        if issubclass(kind, Handle):
            return kind.SCHEMA
        inner = getattr(transformer_of(t), "inner_schema", None)
        if inner:
            return inner(t)
        if issubclass(kind, enum.Enum):
            return {"enum": [member.value for member in kind]}
        if dataclasses.is_dataclass(kind):
            return self._object(t, kind)
        if is_named_tuple(kind) or is_typed_dict(kind):
            if kind in self._open:
                raise LookupError(t)
            self._open.append(kind)
            schema = self._named_tuple(kind) if is_named_tuple(kind) else self._typed_dict(kind)
            self._open.pop()
            return schema
        text = text_format(kind)
        if text:
            return {"type": "string", "format": text}
        raise LookupError(t)

    def _object(self, t: Any, kind: Any) -> Schema:
        name, key = kind.__name__, type_key(t)
        reference = {"$ref": f"#/$defs/{name}"}
        if key in self._open:
            if name not in self.definitions:
                self._pending.add(name)
            return reference
        self._open.append(key)
        schema = self._fields(t, name)
        self._open.pop()
        if name not in self._pending:
            return schema
        self._pending.discard(name)
        self.definitions[name] = schema
        return reference

    def _fields(self, t: Any, name: str) -> Schema:
        properties: Schema = {}
        required: list[str] = []
        for field, hint in fields_of(t):
            if not field.init:
                continue
            key = str(field.metadata.get("alias", field.name))
            schema = dict(self.write(hint))
            if field.default is not dataclasses.MISSING:
                schema["default"] = _plain(field.default)
            elif field.default_factory is dataclasses.MISSING:
                required.append(key)
            if "description" in field.metadata:
                schema["description"] = field.metadata["description"]
            properties[key] = schema
        out: Schema = {"type": "object", "title": name, "additionalProperties": False}
        return out | ({"properties": properties} if properties else {}) | ({"required": required} if required else {})

    def _named_tuple(self, kind: Any) -> Schema:
        hints, defaults = hints_of(kind), kind._field_defaults
        items: list[Schema] = []
        for name in kind._fields:
            item = dict(self.write(hints.get(name, Any)))
            if name in defaults:
                # The reference has no schema for such a default, and so none for the whole class.
                if type(defaults[name]).__hash__ is None:
                    raise LookupError(name)
                item["default"] = _plain(defaults[name])
            items.append(item)
        return _tuple(items)

    def _typed_dict(self, kind: Any) -> Schema:
        keys = keys_of(kind)
        properties = {name: self.write(hint) for name, hint, _ in keys}
        required = [name for name, _, is_required in keys if is_required]
        out: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return out | ({"required": required} if required else {})


def _tuple(items: list[Schema]) -> Schema:
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _plain(value: Any) -> Any:
    """A default as JSON has it."""
    match value:
        case enum.Enum():
            return value.value
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case bytes() | bytearray():
            # The reference ends the text with a line break.
            return base64.encodebytes(bytes(value)).decode()
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in cast("list[Any]", value)]
        case dict():
            return {str(key): _plain(item) for key, item in cast("dict[Any, Any]", value).items()}
        case None | bool() | int() | float() | str():
            return value
        case Handle():
            return value.to_fields()
        case _ if dataclasses.is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return str(value)
