"""Optional and Union at every depth: dispatch, tags, None and falsy values, ambiguity."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import dataclasses
import enum
import typing
from datetime import date, datetime, timedelta

from pydantic import BaseModel

from ._case import Case

INT_FOR_FLOAT = "int-for-float"
UNION_READ = "union-read-by-tag-only"


@dataclasses.dataclass
class Cat:
    name: str
    lives: int = 9


@dataclasses.dataclass
class Dog:
    name: str
    tricks: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Puppy(Dog):
    age: int = 0


@dataclasses.dataclass
class TwinA:
    x: int


@dataclasses.dataclass
class TwinB:
    x: int


class Red(BaseModel):
    shade: int = 1


class Blue(BaseModel):
    depth: float = 0.5


class Side(enum.Enum):
    LEFT = "l"
    RIGHT = "r"


class Way(enum.Enum):
    UP = "u"
    LEFT = "l"


CASES = [
    Case("optional-int-none", typing.Optional[int], None),
    Case("optional-int-zero", typing.Optional[int], 0),
    Case("optional-int-five", int | None, 5),
    Case("optional-int-typing-five", typing.Optional[int], 5),
    Case("optional-none-first", None | int, 5),
    Case("optional-str-empty", str | None, ""),
    Case("optional-bool-false", bool | None, False),
    Case("optional-float-zero", float | None, 0.0),
    Case(
        "optional-float-from-int",
        float | None,
        0,
        rejects="value",
        deviation=INT_FOR_FLOAT,
        ours_like="optional-float-zero",
    ),
    Case("optional-float-nan", float | None, float("nan")),
    Case("optional-datetime", datetime | None, datetime(2026, 1, 2)),
    Case("optional-timedelta-zero", timedelta | None, timedelta(0)),
    Case("optional-list-empty", list[int] | None, []),
    Case("optional-list", list[int] | None, [1]),
    Case("optional-list-none", list[int] | None, None),
    Case("optional-dict-empty", dict[str, int] | None, {}),
    Case("optional-dict", dict[str, int] | None, {"a": 1}),
    Case("optional-bare-dict", dict | None, {"a": 1}),
    Case("optional-bare-dict-unsorted", dict | None, {"b": 1, "a": 2}),
    Case("list-optional-bare-dict-unsorted", list[dict | None], [{"b": 1, "a": 2}, None]),
    Case("optional-dict-unsorted", dict[str, dict] | None, {"b": {"z": 1, "y": 2}, "a": {}}),
    Case("optional-dataclass", Cat | None, Cat("Tom")),
    Case("optional-dataclass-none", Cat | None, None),
    Case("optional-model", Red | None, Red()),
    Case("optional-enum", Side | None, Side.LEFT),
    Case("optional-bytes", bytes | None, b"x"),
    Case("optional-any", typing.Optional[typing.Any], None),
    Case("optional-any-int", typing.Optional[typing.Any], 1),
    Case("optional-wrong", int | None, "5", rejects="value"),
    Case("list-optional", list[int | None], [1, None, 0]),
    Case("dict-optional", dict[str, str | None], {"a": None, "b": ""}),
    Case("optional-list-optional", list[int | None] | None, [None, 1]),
    Case("list-optional-list", list[list[int] | None], [None, [], [1]]),
    Case(
        "dict-list-optional-dict", dict[str, list[dict[str, int | None] | None]], {"a": [None, {"b": None}, {"c": 1}]}
    ),
    Case(
        "optional-four-deep",
        list[dict[str, list[float | None] | None] | None] | None,
        [None, {"a": [0.0, None], "b": None}],
    ),
    Case("union-int-str-int", int | str, 5),
    Case("union-int-str-str", int | str, "5"),
    Case("union-str-int-int", str | int, 5),
    Case("union-int-float-int", int | float, 5),
    Case("union-int-float-float", int | float, 5.0),
    Case("union-float-int-int", float | int, 5),
    Case("union-bool-int-true", bool | int, True),
    Case("union-int-bool-true", int | bool, True),
    Case("union-int-bool-one", int | bool, 1),
    Case(
        "union-float-str-from-int",
        float | str,
        5,
        rejects="value",
        deviation=INT_FOR_FLOAT,
        ours_like="union-float-str-float",
    ),
    Case("union-float-str-float", float | str, 5.0),
    Case("union-datetime-date-datetime", datetime | date, datetime(2026, 1, 2, 3)),
    Case("union-datetime-date-date", datetime | date, date(2026, 1, 2)),
    Case("union-date-datetime-date", date | datetime, date(2026, 1, 2)),
    Case("union-three-none", int | str | None, None),
    Case("union-nested-flattens", typing.Union[int, typing.Union[str, None]], "x"),
    Case("union-list-or-item-list", list[int] | int, [1, 2]),
    Case("union-list-or-item-item", list[int] | int, 3),
    Case("union-lists-str", list[int] | list[str], ["a"]),
    Case("union-lists-int", list[int] | list[str], [1]),
    Case("union-lists-empty", list[int] | list[str], [], rejects="value"),
    Case("union-dict-list", dict[str, int] | list[int], {"a": 1}),
    Case("union-dicts", dict[str, int] | dict[str, str], {"a": "b"}),
    Case("union-dataclasses-first", Cat | Dog, Cat("Tom"), rejects="back", deviation=UNION_READ),
    Case("union-dataclasses-second", Cat | Dog, Dog("Rex", ["sit"]), rejects="back", deviation=UNION_READ),
    Case("union-dataclasses-twins-first", TwinA | TwinB, TwinA(1), rejects="back", deviation=UNION_READ),
    Case("union-dataclasses-twins-second", TwinA | TwinB, TwinB(1), rejects="back", deviation=UNION_READ),
    Case("union-dataclass-subclass", Dog | Cat, Puppy("Rex", [], 1), rejects="back", deviation=UNION_READ),
    Case("union-dataclass-base-and-subclass", Dog | Puppy, Puppy("Rex", [], 1), rejects="back", deviation=UNION_READ),
    Case(
        "union-list-of-union-dataclasses",
        list[Cat | Dog],
        [Dog("Rex"), Cat("Tom", 8)],
        rejects="back",
        deviation=UNION_READ,
    ),
    Case("union-models-first", Red | Blue, Red(shade=2), rejects="back", deviation=UNION_READ),
    Case("union-models-second", Red | Blue, Blue(depth=1.5), rejects="back", deviation=UNION_READ),
    Case("union-dataclass-model", Cat | Red, Red()),
    Case("union-dataclass-str", Cat | str, "Tom"),
    Case("union-enums-first", Side | Way, Side.LEFT, rejects="back", deviation=UNION_READ),
    Case("union-enums-second", Side | Way, Way.UP),
    Case("union-enum-str-member", Side | str, Side.RIGHT),
    Case("union-enum-str-name", Side | str, "RIGHT"),
    Case("union-int-bytes", int | bytes, b"x"),
    Case("union-int-bytes-int", int | bytes, 1),
    Case("union-wrong", int | str, 1.5, rejects="value"),
    Case("union-list-int-float-mixed", list[int | float], [1, 2.0, 3]),
    Case(
        "union-dict-str-scalar",
        dict[str, int | float | str | bool | None],
        {"i": 1, "f": 1.0, "s": "1", "b": True, "n": None},
    ),
]
