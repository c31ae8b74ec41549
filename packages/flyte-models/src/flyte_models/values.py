"""`value`: how the classes are made of what the SDK hands around inside itself. Public types are dataclasses instead.

A dataclass with slots costs a millisecond to define, since each of its methods is compiled when its module is imported, and a
frozen one takes several times as long to construct. A value class has one compiled method, its constructor.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar, cast, dataclass_transform

__all__ = ["fresh", "replace", "value"]

_T = TypeVar("_T")


class _Fresh:
    """Stands in a class body for a default that each instance makes for itself."""

    __slots__ = ("factory",)

    def __init__(self, factory: Callable[[], Any]) -> None:
        self.factory = factory


def fresh(*, factory: Callable[[], _T]) -> _T:
    """Declare the default of a field that is made anew for each instance, such as a dictionary."""
    return cast("_T", _Fresh(factory))


@dataclass_transform(frozen_default=True, field_specifiers=(fresh,))
def value(cls: type[_T]) -> type[_T]:
    """Make a class with slots, a constructor, equality, hash and `repr` from its annotated fields, as a dataclass has them.

    It is frozen to the type checker, but not at run time. Never assign to a field all the same: instances are shared between
    tasks and threads, and stand in caches under their hash. Fields are not inherited.

    ```python
    from flyte_models.values import replace, value

    @value
    class Point:
        x: int
        y: int = 0

    assert replace(Point(3), y=4) == Point(3, 4)
    ```
    """
    names = tuple(cls.__annotations__)
    body = {name: item for name, item in vars(cls).items() if name not in (*names, "__dict__", "__weakref__")}
    made = {
        "__init__": _constructor(names, vars(cls)),
        "__eq__": _equality(names),
        "__hash__": _hash(names),
        "__repr__": _repr,
    }
    # A class gets its slots when it is made, so it is made anew. What its author wrote stays.
    body = {"__slots__": names, "__match_args__": names, **made, **body}
    return cast("type[_T]", type(cls)(cls.__name__, cls.__bases__, body))


def replace(instance: _T, **changes: Any) -> _T:
    """Give a copy of a value with some fields changed.

    Raises:
        TypeError: There is no such field.
    """
    cls = cast("Any", type(instance))
    return cls(**{**{name: getattr(instance, name) for name in cls.__match_args__}, **changes})


def _constructor(names: tuple[str, ...], defaults: Any) -> Any:
    environment: dict[str, Any] = {}
    parameters: list[str] = []
    lines: list[str] = []
    for name in names:
        given = name
        if name not in defaults:
            parameters.append(name)
        else:
            default = environment[f"_{name}"] = defaults[name]
            parameters.append(f"{name}=_{name}")
            if isinstance(default, _Fresh):
                given = f"_{name}.factory() if {name} is _{name} else {name}"
        lines.append(f" self.{name} = {given}")
    # Written out and compiled, as a dataclass does it: a loop over names would take four times as long per instance.
    exec("\n".join([f"def __init__({', '.join(['self', *parameters])}):", *lines, " return"]), environment)  # noqa: S102
    return environment["__init__"]


def _key(names: tuple[str, ...]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else _no_fields


def _no_fields(instance: object) -> tuple[()]:
    return ()


def _equality(names: tuple[str, ...]) -> Any:
    key = _key(names)

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(names: tuple[str, ...]) -> Any:
    key = _key(names)

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(key(self))

    return __hash__


def _repr(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({fields})"
