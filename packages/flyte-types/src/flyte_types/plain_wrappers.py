"""Tuples, named tuples and typed dicts of numbers, texts and containers of these, without pydantic.

The schema is the one of the wrapping model. Values whose parts are exactly of the declared types are converted here; all others,
to be coerced or refused, are left to pydantic (`flyte_types.wrapper_models`).
"""

import types
import typing
from collections.abc import Callable
from typing import Any, cast

from flyte_types.class_fields import hints_of, keys_of

__all__ = ["InexactValueError", "PlainForm", "plain_named_tuple", "plain_tuple", "plain_typed_dict"]

Convert = Callable[[Any], Any]


class InexactValueError(Exception):
    """A value, or a part of it, is not exactly of the declared type."""


class _Part:
    """One type: its schema, and the conversions to plain data and back."""

    __slots__ = ("read", "schema", "write")

    def __init__(self, schema: dict[str, Any], write: Convert, read: Convert) -> None:
        self.schema, self.write, self.read = schema, write, read


def _exactly(kind: type) -> Convert:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise InexactValueError
        return value

    return check


def _number(value: Any) -> Any:
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise InexactValueError from None
    # nan and infinities have no form in JSON.
    if type(value) is not float or value - value != 0:
        raise InexactValueError
    return value


_LEAVES: dict[Any, _Part] = {
    int: _Part({"type": "integer"}, _exactly(int), _exactly(int)),
    float: _Part({"type": "number"}, _number, _number),
    str: _Part({"type": "string"}, _exactly(str), _exactly(str)),
    bool: _Part({"type": "boolean"}, _exactly(bool), _exactly(bool)),
}


def _part(hint: Any) -> _Part | None:
    if type(hint) is type and hint in _LEAVES:
        return _LEAVES[hint]
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = _part(args[0]) if len(args) == 2 and args[1] is types.NoneType else None
        return _optional(inner) if inner is not None and "anyOf" not in inner.schema else None
    if origin is list:
        inner = _part(args[0])
        return inner and _array(inner, list)
    if origin is dict and args[0] is str:
        inner = _part(args[1])
        return inner and _map(inner)
    if origin is tuple and args and args[-1] is Ellipsis:
        inner = _part(args[0])
        return inner and _array(inner, tuple)
    if origin is tuple and args:
        parts = [_part(arg) for arg in args]
        return _fixed([part for part in parts if part]) if all(parts) else None
    return None


def _optional(inner: _Part) -> _Part:
    return _Part(
        {"anyOf": [inner.schema, {"type": "null"}]},
        lambda value: None if value is None else inner.write(value),
        lambda value: None if value is None else inner.read(value),
    )


def _array(inner: _Part, kind: type) -> _Part:
    def write(value: Any) -> Any:
        if type(value) is not kind:
            raise InexactValueError
        return [inner.write(item) for item in value]

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise InexactValueError
        return kind([inner.read(item) for item in cast("list[Any]", value)])

    return _Part({"type": "array", "items": inner.schema}, write, read)


def _fixed(parts: list[_Part]) -> _Part:
    def write(value: Any) -> Any:
        if type(value) is not tuple or len(cast("tuple[Any, ...]", value)) != len(parts):
            raise InexactValueError
        items = cast("tuple[Any, ...]", value)
        return [part.write(item) for part, item in zip(parts, items, strict=True)]

    def read(value: Any) -> Any:
        if type(value) is not list or len(cast("list[Any]", value)) != len(parts):
            raise InexactValueError
        return tuple([part.read(item) for part, item in zip(parts, cast("list[Any]", value), strict=True)])

    count = len(parts)
    items = [part.schema for part in parts]
    return _Part({"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}, write, read)


def _map(inner: _Part) -> _Part:
    def convert(inner: Convert) -> Convert:
        def entries(value: Any) -> Any:
            if type(value) is not dict:
                raise InexactValueError
            given = cast("dict[Any, Any]", value)
            if any(type(key) is not str for key in given):
                raise InexactValueError
            return {key: inner(item) for key, item in given.items()}

        return entries

    return _Part({"type": "object", "additionalProperties": inner.schema}, convert(inner.write), convert(inner.read))


class PlainForm:
    """The form of one tuple, named tuple or typed dict."""

    def __init__(
        self, title: str, fields: list[tuple[str, _Part, bool]], open_value: Convert, close_value: Convert
    ) -> None:
        """Put the fields together.

        Args:
            title: Title of the schema.
            fields: Name, type and whether it may be absent.
            open_value: Gives the list of the fields' values, None for what is absent.
            close_value: Gives the value of such a list.
        """
        self._fields = fields
        self._open, self._close = open_value, close_value
        properties = {name: _property(name, part, is_absent) for name, part, is_absent in fields}
        required = [name for name, _, is_absent in fields if not is_absent]
        self.schema: dict[str, Any] = {"properties": properties, "title": title, "type": "object"}
        if required:
            self.schema["required"] = required

    def write(self, value: Any) -> dict[str, Any]:
        """Give what stands in the payload.

        Raises:
            InexactValueError: It is for pydantic to say what to make of the value.
        """
        values = self._open(value)
        return {
            name: None if is_absent and item is None else part.write(item)
            for (name, part, is_absent), item in zip(self._fields, values, strict=True)
        }

    def read(self, plain: Any) -> Any:
        """Make a value of what `write` gave.

        Raises:
            InexactValueError: It is for pydantic to say what to make of the data.
        """
        if type(plain) is not dict:
            raise InexactValueError
        given = cast("dict[str, Any]", plain)
        values: list[Any] = []
        for name, part, is_absent in self._fields:
            if name not in given and not is_absent:
                raise InexactValueError
            item = given.get(name)
            values.append(None if is_absent and item is None else part.read(item))
        return self._close(values)


def _property(name: str, part: _Part, is_absent: bool) -> dict[str, Any]:
    schema = part.schema
    if is_absent:
        schema = {"anyOf": schema.get("anyOf", [schema, {"type": "null"}]), "default": None}
    return {**schema, "title": name.title().replace("_", " ").strip()}


def _parts(hints: list[Any]) -> list[_Part] | None:
    parts = [_part(hint) for hint in hints]
    return [part for part in parts if part] if all(parts) else None


def plain_tuple(t: Any) -> PlainForm | None:
    """Give the form of `tuple[A, B]`; None if an item is for pydantic."""
    parts = _parts(list(typing.get_args(t)))
    if parts is None:
        return None
    fields = [(f"item_{index}", part, False) for index, part in enumerate(parts)]
    return PlainForm(f"TupleWrapper_{t.__name__}", fields, _opener(len(parts), (tuple, list)), tuple)


def plain_named_tuple(t: Any) -> PlainForm | None:
    """Give the form of a named tuple; None if a field is for pydantic."""
    hints = hints_of(t)
    names: tuple[str, ...] = t._fields
    parts = _parts([hints[name] for name in names]) if all(name in hints for name in names) else None
    if parts is None:
        return None
    fields = [(name, part, False) for name, part in zip(names, parts, strict=True)]
    return PlainForm(f"NamedTupleWrapper_{t.__name__}", fields, _opener(len(parts), (t, tuple)), t._make)


def _opener(count: int, kinds: tuple[type, ...]) -> Convert:
    def open_value(value: Any) -> Any:
        if type(value) not in kinds or len(value) != count:
            raise InexactValueError
        return value

    return open_value


def plain_typed_dict(t: Any) -> PlainForm | None:
    """Give the form of a typed dict; None if a key is for pydantic, or may be absent without `NotRequired`."""
    keys, hints = keys_of(t), hints_of(t)
    explicit = {name for name, hint in hints.items() if typing.get_origin(hint) is typing.NotRequired}
    if any(not required and name not in explicit for name, _, required in keys):
        return None
    parts = _parts([hint for _, hint, _ in keys])
    if parts is None:
        return None
    fields = [(name, part, not required) for (name, _, required), part in zip(keys, parts, strict=True)]

    def open_value(value: Any) -> Any:
        if type(value) is not dict:
            raise InexactValueError
        given = cast("dict[str, Any]", value)
        if any(name not in given for name, _, is_absent in fields if not is_absent):
            raise InexactValueError
        return [given.get(name) for name, _, _ in fields]

    def close_value(values: list[Any]) -> dict[str, Any]:
        pairs = zip(fields, values, strict=True)
        return {name: item for (name, _, is_absent), item in pairs if not (is_absent and item is None)}

    return PlainForm(f"TypedDictWrapper_{t.__name__}", fields, open_value, close_value)
