"""The values whose conversion is measured: the same for every codec and for both sides. Standard library and pydantic."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pydantic

SIZE = 10_000
OBJECTS = 1_000


@dataclass
class Point:
    """A dataclass as tasks have them."""

    x: int
    y: float
    name: str
    tags: list[str]


class Model(pydantic.BaseModel):
    """The same fields as a model."""

    x: int
    y: float
    name: str
    tags: list[str]


def literal_value(name: str, times: int = 1) -> tuple[object, object]:
    """Return the type and the value `name`; collections are `times` as long.

    Integers below a million, short texts, doubles, and objects of four fields.
    """
    numbers = random.Random(3)
    integers = [numbers.randrange(1_000_000) for _ in range(times * SIZE)]
    return _MAKERS[name](integers)


def literal_values() -> dict[str, tuple[object, object]]:
    """Return `name -> (type, value)` of all."""
    return {name: literal_value(name) for name in _MAKERS}


def _fields(integers: list[int]) -> list[dict[str, Any]]:
    count = len(integers) // SIZE * OBJECTS
    return [{"x": n, "y": n / 7, "name": f"name-{n}", "tags": ["a", "b"]} for n in integers[:count]]


_MAKERS: dict[str, Callable[[list[int]], tuple[object, object]]] = {
    "int": lambda _: (int, 42),
    "point": lambda integers: (Point, Point(**_fields(integers)[0])),
    "list-int": lambda integers: (list[int], integers),
    "list-str": lambda integers: (list[str], [f"word-{value}" for value in integers]),
    "list-str-wide": lambda integers: (list[str], [f"wörter-{value}-日本" for value in integers]),
    "dict-str-float": lambda integers: (
        dict[str, float],
        {f"key-{index}": value / 7 for index, value in enumerate(integers)},
    ),
    "list-list-int": lambda integers: (
        list[list[int]],
        [integers[at : at + 100] for at in range(0, len(integers), 100)],
    ),
    "list-point": lambda integers: (list[Point], [Point(**each) for each in _fields(integers)]),
    "list-model": lambda integers: (list[Model], [Model(**each) for each in _fields(integers)]),
}
