"""Tuples, named tuples, typed dicts and unions that hold registered types, inside msgpack: each is a place of its own."""

import dataclasses
import functools
import re
import types
import typing
from collections.abc import Callable
from typing import Any, cast

from flyte_native import LiteralError, Plan
from flyte_types.class_fields import fields_of, hints_of, is_named_tuple, is_typed_dict, keys_of
from flyte_types.errors import describe_value
from flyte_types.names import describe_type
from flyte_types.places import add_place, collecting, convert_awaited
from flyte_types.plans import Definitions, Description
from flyte_types.registry import plan_of, transformer_of

__all__ = ["Parts", "holds_registered", "is_registered_union", "union_place"]

PackNode = Callable[[Any, Definitions], Description]

_INDEX = re.compile(r"\[(\d+)\](.*)", re.DOTALL)


@functools.cache
def _anything() -> Plan:
    return Plan(("msgpack", ("any",)), {})


def holds_registered(t: Any, fields_of_model: Callable[[Any], list[Any]] = lambda _: []) -> bool:
    """Tell whether a type that users or plugins registered stands somewhere in a type.

    Args:
        t: The type.
        fields_of_model: Gives the types of the fields of a pydantic model; nothing for any other class.
    """
    return _holds(t, fields_of_model, ())


def _holds(t: Any, fields_of_model: Callable[[Any], list[Any]], outer: tuple[Any, ...]) -> bool:
    if any(t is one for one in outer):
        return False
    args = typing.get_args(t)
    if args:
        return any(_holds(arg, fields_of_model, outer) for arg in args)
    if not isinstance(t, type):
        return False
    if not _has_parts(t) and getattr(transformer_of(t), "transformer", None) is not None:
        return True
    kind = cast("Any", t)
    if _has_parts(kind):
        hints = list(_hints(kind).values())
    elif dataclasses.is_dataclass(kind):
        hints = [hint for _, hint in fields_of(kind)]
    else:
        hints = fields_of_model(kind)
    return any(_holds(hint, fields_of_model, (*outer, kind)) for hint in hints)


def is_registered_union(t: Any) -> bool:
    """Tell whether a union of several types besides None holds a registered one."""
    args = [arg for arg in typing.get_args(t) if arg is not types.NoneType]
    return len(args) > 1 and any(holds_registered(arg) for arg in args)


def union_place(t: Any) -> Description:
    """Describe such a union as a place that keeps the whole literal: its tag alone tells what a plain number was."""
    if t in _unions:
        return _unions[t]

    # Planned at its first value: the union may stand inside one of its own variants.
    @functools.cache
    def native() -> tuple[Plan, Plan]:
        plan = plan_of(t)
        collected = {name: collecting(definition) for name, definition in plan.definitions.items()}
        return Plan(plan.description, plan.definitions), Plan(collecting(plan.description), collected)

    async def encode(value: Any) -> bytes:
        plan, _ = native()
        return await convert_awaited(
            lambda: plan.encode_places(value), lambda items: plan.encode(value, items), encoding=True
        )

    async def decode(plain: Any) -> Any:
        if not isinstance(plain, bytes):
            raise LiteralError("type", "", describe_value(plain), f"the stored form of {label}")
        plan, collector = native()
        return await convert_awaited(
            lambda: collector.decode_places(plain),
            lambda items: plan.decode(plain, items),
            encoding=False,
            locate=lambda items: collector.decode(plain, items),
        )

    label = describe_type(t)
    place = _unions[t] = ("custom", add_place(encode, decode), label, None, None)
    return place


_unions: dict[Any, Description] = {}


def _has_parts(t: Any) -> bool:
    return is_named_tuple(t) or is_typed_dict(t)


def _hints(t: Any) -> dict[str, Any]:
    if is_typed_dict(t):
        return {name: hint for name, hint, _ in keys_of(t)}
    if is_named_tuple(t):
        hints = hints_of(t)
        return {name: hints.get(name, Any) for name in t._fields}
    return {f"item_{index}": arg for index, arg in enumerate(typing.get_args(t))}


class Parts:
    """One `tuple[A, B]`, named tuple or typed dict."""

    def __init__(self, t: Any, pack_node: PackNode) -> None:
        """Note the type; nothing is compiled yet.

        Args:
            t: The type.
            pack_node: Describes the msgpack form of a part.
        """
        self._type = t
        self._pack_node = pack_node
        self._hints = _hints(t)
        self._label = describe_type(t)
        self._optional = {name for name, _, required in keys_of(t) if not required} if is_typed_dict(t) else set[str]()
        # By the keys that are there.
        self._plans: dict[tuple[str, ...], tuple[Plan, Plan]] = {}

    def description(self, *, as_map: bool) -> Description:
        """Describe the place: an array of the parts, or a map of them by name."""

        async def encode(value: Any) -> Any:
            values = self._taken_apart(value)
            plain = await self._convert(values, encoding=True)
            return plain if as_map or is_typed_dict(self._type) else list(plain.values())

        async def decode(plain: Any) -> Any:
            return self._put_together(await self._convert(self._named(plain), encoding=False))

        return ("custom", add_place(encode, decode), self._label, None, None)

    def schema(self, write: Callable[[Any], dict[str, Any] | None]) -> dict[str, Any]:
        """Write the JSON schema of the map of the parts.

        Args:
            write: Gives the schema of a part, or None.
        """
        kind = "TypedDict" if is_typed_dict(self._type) else "NamedTuple" if is_named_tuple(self._type) else "Tuple"
        name = "tuple" if kind == "Tuple" else self._type.__name__
        return {
            "type": "object",
            "title": f"{kind}Wrapper_{name}",
            "properties": {key: write(hint) or {} for key, hint in self._hints.items()},
            "required": [key for key in self._hints if key not in self._optional],
        }

    async def _convert(self, values: dict[str, Any], *, encoding: bool) -> dict[str, Any]:
        names = tuple(values)
        plan, collector = self._plan(names)
        given = tuple(values.values())
        try:
            if encoding:
                data = await convert_awaited(
                    lambda: plan.encode_places(given), lambda items: plan.encode(given, items), encoding=True
                )
                found = _anything().decode(data)
            else:
                stored = _anything().encode(list(given))
                found = await convert_awaited(
                    lambda: collector.decode_places(stored),
                    lambda items: plan.decode(stored, items),
                    encoding=False,
                    locate=lambda items: collector.decode(stored, items),
                )
        except LiteralError as error:
            raise _with_name(error, names) from error.__cause__
        return dict(zip(names, cast("list[Any]", found), strict=True))

    def _plan(self, names: tuple[str, ...]) -> tuple[Plan, Plan]:
        found = self._plans.get(names)
        if found is None:
            definitions: Definitions = {}
            packed = ("msgpack", ("tuple", [self._pack_node(self._hints[name], definitions) for name in names]))
            collected = {name: collecting(definition) for name, definition in definitions.items()}
            found = self._plans[names] = (Plan(packed, definitions), Plan(collecting(packed), collected))
        return found

    def _taken_apart(self, value: Any) -> dict[str, Any]:
        if is_typed_dict(self._type):
            if isinstance(value, dict):
                return self._checked(cast("dict[str, Any]", value))
        elif isinstance(value, (tuple, list)):
            items = cast("tuple[Any, ...]", value)
            if len(items) == len(self._hints):
                return dict(zip(self._hints, items, strict=True))
        raise LiteralError("type", "", describe_value(cast("Any", value)), self._label)

    def _named(self, plain: Any) -> dict[str, Any]:
        if isinstance(plain, dict):
            return self._checked(cast("dict[str, Any]", plain))
        return self._taken_apart(plain)

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in self._hints if name not in given and name not in self._optional]
        if missing:
            raise LiteralError("missing", f".{missing[0]}", "nothing", self._label)
        # What is not there was written as nil by the reference.
        absent = {name for name in self._optional if given.get(name) is None}
        return {name: given[name] for name in self._hints if name not in absent}

    def _put_together(self, values: dict[str, Any]) -> Any:
        if is_typed_dict(self._type):
            return values
        return self._type(**values) if is_named_tuple(self._type) else tuple(values.values())


def _with_name(error: LiteralError, names: tuple[str, ...]) -> LiteralError:
    kind, path, came, expected = error.args
    match = _INDEX.fullmatch(str(path))
    return LiteralError(kind, f".{names[int(match[1])]}{match[2]}" if match else path, came, expected)
