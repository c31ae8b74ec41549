"""Msgpack forms that the native nodes lack, as hooks on plain data: named tuples, typed dicts, texts, choices, kinds of dicts.

A hook converts what is inside with native plans of its own, made at the first value, so that recursive types end.
"""

import datetime as dt
import enum
import functools
import typing
from collections.abc import Callable, Sequence
from typing import Any, cast

from flyte_native import LiteralError, Plan
from flyte_types.class_fields import hints_of, keys_of
from flyte_types.errors import describe_value, merged
from flyte_types.names import describe_type
from flyte_types.plans import Definitions, Description

__all__ = ["choice", "mapping_class", "named_tuple", "text_form", "typed_dict"]

PackNode = Callable[[Any, Definitions], Description]


@functools.cache
def _any_plan() -> Plan:
    return Plan(("msgpack", ("any",)), {})


class _Inner:
    """Converts values of one node to plain data and back."""

    def __init__(self, describe: Callable[[Definitions], Description]) -> None:
        self._describe = describe
        self._plan: Plan | None = None

    def _compiled(self) -> Plan:
        if self._plan is None:
            definitions: Definitions = {}
            self._plan = Plan(("msgpack", self._describe(definitions)), definitions)
        return self._plan

    def to_plain(self, value: Any) -> Any:
        try:
            return _any_plan().decode(self._compiled().encode(value))
        except LiteralError as error:
            raise merged(error) from error.__cause__
        except RecursionError:
            raise _too_deep() from None

    def of_plain(self, plain: Any) -> Any:
        try:
            return self._compiled().decode(_any_plan().encode(plain))
        except LiteralError as error:
            raise merged(error) from error.__cause__
        except RecursionError:
            raise _too_deep() from None


def _too_deep() -> LiteralError:
    # A hook starts a conversion of its own, whose depth the native code does not add up.
    return LiteralError("depth", "", "a value nested too deeply", "a value that does not contain itself")


def named_tuple(cls: Any, pack_node: PackNode) -> Description:
    """Describe a named tuple: an array of its fields. Any tuple of the right length is taken."""
    hints = hints_of(cls)
    names: Sequence[str] = cls._fields
    label = describe_type(cls)
    inner = _Inner(lambda definitions: ("tuple", [pack_node(hints.get(name, Any), definitions) for name in names]))
    defaults = cast("dict[str, Any]", cls._field_defaults)

    def encode(value: Any) -> Any:
        if not isinstance(value, tuple):
            raise LiteralError("type", "", describe_value(value), label)
        return inner.to_plain(tuple(cast("tuple[Any, ...]", value)))

    def decode(plain: Any) -> Any:
        if not isinstance(plain, list):
            raise LiteralError("type", "", describe_value(plain), label)
        items = cast("list[Any]", plain)
        missing = names[len(items) :]
        if missing and all(name in defaults for name in missing):
            filled = cls(*items)
            return cls(*inner.of_plain(list(filled)))
        return cls(*inner.of_plain(items))

    return ("custom", 0, label, encode, decode)


def typed_dict(cls: Any, pack_node: PackNode) -> Description:
    """Describe a typed dict: a map of the keys that are there, in the order of the class; others are dropped."""
    label = describe_type(cls)
    keys = {name: (_inner_of(hint, pack_node), required) for name, hint, required in keys_of(cls)}

    def convert(value: Any, *, to_plain: bool) -> Any:
        if not isinstance(value, dict):
            raise LiteralError("type", "", describe_value(value), label)
        given = cast("dict[str, Any]", value)
        out: dict[str, Any] = {}
        for name, (inner, required) in keys.items():
            if name not in given:
                if required:
                    raise LiteralError("missing", f".{name}", "nothing", label)
                continue
            try:
                out[name] = (inner.to_plain if to_plain else inner.of_plain)(given[name])
            except LiteralError as error:
                kind, path, came, expected = error.args
                raise LiteralError(kind, f"[{name!r}]{path}", came, expected) from error.__cause__
        return out

    def encode(value: Any) -> Any:
        return convert(value, to_plain=True)

    def decode(plain: Any) -> Any:
        return convert(plain, to_plain=False)

    return ("custom", 0, label, encode, decode)


def _inner_of(hint: Any, pack_node: PackNode) -> _Inner:
    return _Inner(lambda definitions: pack_node(hint, definitions))


def mapping_class(kind: Any, args: tuple[Any, ...], pack_node: PackNode) -> Description:
    """Describe `OrderedDict`, `Counter` or `defaultdict`: a map, read back as that class."""
    label = kind.__name__
    inner = _Inner(
        lambda definitions: (
            ("dict", pack_node(args[0], definitions), pack_node(args[1], definitions))
            if args
            else ("dict", ("any",), ("any",))
        )
    )

    def encode(value: Any) -> Any:
        if not isinstance(value, dict):
            raise LiteralError("type", "", describe_value(value), label)
        return inner.to_plain(dict(cast("dict[Any, Any]", value)))

    def decode(plain: Any) -> Any:
        items = inner.of_plain(plain)
        if label != "defaultdict":
            return kind(items)
        factory = args[1] if args and isinstance(args[1], type) else None
        return kind(factory, items)

    return ("custom", 0, label, encode, decode)


def text_form(cls: Any) -> Description:
    """Describe a class whose text says all: UUID, Decimal, paths, addresses, times of the day."""
    label = describe_type(cls)
    read: Callable[[str], Any] = dt.time.fromisoformat if cls is dt.time else cls

    def encode(value: Any) -> Any:
        if not isinstance(value, cls):
            raise LiteralError("type", "", describe_value(value), label)
        return value.isoformat() if isinstance(value, dt.time) else str(value)

    def decode(plain: Any) -> Any:
        if not isinstance(plain, str):
            raise LiteralError("type", "", describe_value(plain), label)
        try:
            return read(plain)
        except (ValueError, ArithmeticError, LookupError) as error:
            raise LiteralError("value", "", describe_value(plain), label) from error

    return ("custom", 0, label, encode, decode)


def choice(t: Any) -> Description:
    """Describe `Literal[...]`: the values as they are, enum members by value."""
    label = describe_type(t)
    values: list[Any] = list(typing.get_args(t))

    def encode(value: Any) -> Any:
        for known in values:
            if known == value and type(known) is type(value):
                return known.value if isinstance(known, enum.Enum) else known
        raise LiteralError("value", "", describe_value(value), label)

    def decode(plain: Any) -> Any:
        for known in values:
            stored = known.value if isinstance(known, enum.Enum) else known
            if stored == plain and type(stored) is type(plain):
                return known
        raise LiteralError("value", "", describe_value(plain), label)

    return ("custom", 0, label, encode, decode)
