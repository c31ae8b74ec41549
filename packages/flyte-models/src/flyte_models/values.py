"""Dataclasses that are cheap to import: `value` for what the SDK hands around inside itself, `light_dataclass` for public types.

The standard decorator compiles each method of each class when its module is imported, a millisecond per class, and a
frozen class of it takes several times as long to construct. Here only the constructor is compiled, when it is first used; the
rest is shared. The results are dataclasses all the same: `dataclasses.fields`, `replace` and `asdict` take them.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, TypeVar, cast, dataclass_transform

__all__ = ["light_dataclass", "value"]

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def value(cls: type[_T]) -> type[_T]:
    """Make a dataclass with slots and a hash that is frozen to the type checker, but not at run time.

    A constructor that respects frozenness takes several times as long, and an action makes a dozen of these. Never assign to a
    field all the same: instances are shared between tasks and threads, and stand in caches under their hash.
    """
    made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    return _complete(made, is_frozen=False, has_hash=True)


@dataclass_transform(field_specifiers=(dataclasses.field,))
def light_dataclass(
    *, frozen: bool = False, kw_only: bool = False, terse: bool = False
) -> Callable[[type[_T]], type[_T]]:
    """Make what `dataclasses.dataclass` makes of a class, in a fifth of the time.

    Args:
        frozen: Refuse assignments, and give a hash. A class that inherits the fields of a frozen one is frozen as well.
        kw_only: Take fields by keyword only.
        terse: Show only what was asked for: what has no default by position, and what differs from its default by name.
    """

    def decorate(cls: type[_T]) -> type[_T]:
        # The standard decorator compiles refusals of its own if it is told; only where it insists on knowing, it is.
        inherits = any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:])
        made = dataclasses.dataclass(init=False, repr=False, eq=False, frozen=frozen and inherits, kw_only=kw_only)(cls)
        return _complete(made, is_frozen=frozen, has_hash=frozen, is_terse=terse)

    return decorate


def _complete(cls: type[_T], *, is_frozen: bool, has_hash: bool, is_terse: bool = False) -> type[_T]:
    fields = dataclasses.fields(cast("Any", cls))
    methods: dict[str, Any] = {
        "__init__": _Constructor(cls, fields, is_frozen=is_frozen),
        "__eq__": _equality(fields),
        "__hash__": _hash(fields) if has_hash else None,
        "__repr__": _terse_repr if is_terse else _repr,
    }
    if is_frozen:
        # So that a subclass that is not frozen is refused, as of any frozen dataclass.
        cast("Any", cls).__dataclass_params__.frozen = True
        methods |= _refusals(cls)
    written = {name for name, item in vars(cls).items() if item is not None}
    for name, method in methods.items():
        if name not in written:
            setattr(cls, name, method)
    return cls


class _Factory:
    """Stands in a signature for a default that each instance makes for itself."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


class _Constructor:
    """Stands for `__init__` until it is asked for, and then puts the real one in its place."""

    def __init__(self, cls: type, fields: tuple[Field[Any], ...], *, is_frozen: bool) -> None:
        self._cls = cls
        self._fields = fields
        self._is_frozen = is_frozen

    def __get__(self, instance: object, owner: type) -> Any:
        made = _compile_constructor(self._cls, self._fields, is_frozen=self._is_frozen)
        type.__setattr__(self._cls, "__init__", made)
        return made.__get__(instance, owner)


def _compile_constructor(cls: type, fields: tuple[Field[Any], ...], *, is_frozen: bool) -> Any:
    environment: dict[str, Any] = {"_FACTORY": _FACTORY, "_set": object.__setattr__}
    positional: list[str] = []
    by_keyword: list[str] = []
    lines: list[str] = []
    for field in fields:
        name = given = parameter = field.name
        if field.default_factory is not MISSING:
            environment[f"_make_{name}"] = field.default_factory
            parameter = f"{name}=_FACTORY"
            given = f"_make_{name}() if {name} is _FACTORY else {name}"
        elif field.default is not MISSING:
            environment[f"_default_{name}"] = field.default
            parameter = f"{name}=_default_{name}"
        (by_keyword if field.kw_only else positional).append(parameter)
        lines.append(f" _set(self, {name!r}, {given})" if is_frozen else f" self.{name} = {given}")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    parameters = ["self", *positional, *(["*", *by_keyword] if by_keyword else [])]
    # Compiled, as the standard decorator does it: a loop over names would take four times as long per instance.
    exec("\n".join([f"def __init__({', '.join(parameters)}):", *lines, " return"]), environment)  # noqa: S102
    made = environment["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__module__ = cls.__module__
    made.__annotations__ = {**{field.name: field.type for field in fields}, "return": None}
    return made


def _key(names: list[str]) -> Callable[[Any], Any]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda instance: tuple(getattr(instance, name) for name in names)


def _equality(fields: tuple[Field[Any], ...]) -> Any:
    key = _key([field.name for field in fields if field.compare])

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(fields: tuple[Field[Any], ...]) -> Any:
    key = _key([field.name for field in fields if (field.compare if field.hash is None else field.hash)])

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(key(self))

    return __hash__


def _refusals(cls: type) -> Mapping[str, Any]:
    names = frozenset(field.name for field in dataclasses.fields(cast("Any", cls)))

    def __setattr__(self: Any, name: str, item: object) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        object.__setattr__(self, name, item)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        object.__delattr__(self, name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


@recursive_repr()
def _terse_repr(self: Any) -> str:
    shown: list[str] = []
    for field in dataclasses.fields(self):
        item = getattr(self, field.name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if default is MISSING:
            shown.append(repr(item))
        elif field.repr and item != default:
            shown.append(f"{field.name}={item!r}")
    return f"{type(self).__qualname__}({', '.join(shown)})"


@recursive_repr()
def _repr(self: Any) -> str:
    shown = [f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"
