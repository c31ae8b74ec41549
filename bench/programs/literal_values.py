"""The values whose conversion is measured: the same for every codec and for both sides. Standard library and pydantic."""

import random
from dataclasses import dataclass

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


def literal_values() -> dict[str, tuple[object, object]]:
    """Return `id -> (type, value)`: integers below a million, short texts, doubles, and objects of four fields."""
    numbers = random.Random(3)
    integers = [numbers.randrange(1_000_000) for _ in range(SIZE)]
    fields = [{"x": n, "y": n / 7, "name": f"name-{n}", "tags": ["a", "b"]} for n in integers[:OBJECTS]]
    return {
        "int": (int, 42),
        "point": (Point, Point(**fields[0])),
        "list-int": (list[int], integers),
        "list-str": (list[str], [f"word-{value}" for value in integers]),
        "list-str-wide": (list[str], [f"wörter-{value}-日本" for value in integers]),
        "dict-str-float": (dict[str, float], {f"key-{index}": value / 7 for index, value in enumerate(integers)}),
        "list-list-int": (list[list[int]], [integers[at : at + 100] for at in range(0, SIZE, 100)]),
        "list-point": (list[Point], [Point(**each) for each in fields]),
        "list-model": (list[Model], [Model(**each) for each in fields]),
    }
