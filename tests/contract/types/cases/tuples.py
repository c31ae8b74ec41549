"""Typed tuples, NamedTuple and TypedDict."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import collections
import typing
from dataclasses import dataclass
from datetime import datetime

import typing_extensions
from pydantic import BaseModel

from ._case import Case
from .enums import Text


class Pair(typing.NamedTuple):
    a: int
    b: str


class Defaulted(typing.NamedTuple):
    a: int = 0
    b: str = ""
    c: list[int] = []
    d: float | None = None


class Nested(typing.NamedTuple):
    pair: Pair
    pairs: list[Pair]
    maybe: Pair | None = None


class Movie(typing.TypedDict):
    title: str
    year: int


class Partial(typing.TypedDict):
    title: str
    year: typing.NotRequired[int]
    tags: typing.NotRequired[list[str]]
    maybe: typing.NotRequired[int | None]


class AllOptional(typing.TypedDict, total=False):
    a: int
    b: typing.Required[str]


class Library(typing.TypedDict):
    best: Movie
    all: list[Movie]
    by_name: dict[str, Partial]


class Extended(typing_extensions.TypedDict):
    title: str
    year: typing_extensions.NotRequired[int]


class Derived(Movie):
    stars: float


@dataclass
class Point:
    x: int
    y: int


class Model(BaseModel):
    n: int = 1


class WithClasses(typing.TypedDict):
    point: Point
    model: Model
    colour: Text
    at: datetime
    data: bytes


class PairWithClasses(typing.NamedTuple):
    point: Point
    model: Model
    colour: Text
    at: datetime


Plain = collections.namedtuple("Plain", ["a", "b"])


class NAMED_BY_CALL(typing.NamedTuple):
    a: int
    b: float


DICT_BY_CALL = typing.TypedDict("DictByCall", {"a": int, "with-dash": str})

CASES = [
    Case("tuple-int-str", tuple[int, str], (1, "a")),
    Case("tuple-typing", typing.Tuple[int, str], (1, "a")),
    Case("tuple-one", tuple[int], (1,)),
    Case("tuple-three", tuple[int, float, bool], (0, 0.0, False)),
    Case("tuple-int-for-float", tuple[int, float], (1, 2)),
    Case("tuple-nested", tuple[int, tuple[str, float]], (1, ("a", 0.5))),
    Case("tuple-list-dict", tuple[list[int], dict[str, int]], ([1], {"b": 1, "a": 2})),
    Case("tuple-optional", tuple[int | None, str | None], (None, "")),
    Case("tuple-dataclass", tuple[Point, list[Point]], (Point(1, 2), [Point(3, 4)])),
    Case("tuple-model", tuple[Model, int], (Model(n=2), 1)),
    Case("tuple-enum", tuple[Text, int], (Text.RED, 1)),
    Case("tuple-datetime-bytes", tuple[datetime, bytes], (datetime(2026, 1, 2), b"ab")),
    Case("tuple-wrong-length", tuple[int, str], (1,), rejects="value"),
    Case("tuple-too-long", tuple[int, str], (1, "a", 2), rejects="value"),
    Case("tuple-wrong-item", tuple[int, str], ("x", "a"), rejects="value"),
    Case("tuple-from-list", tuple[int, str], [1, "a"]),
    Case("tuple-from-none", tuple[int, str], None, rejects="value"),
    Case("tuple-open", tuple[int, ...], (1, 2)),
    Case("tuple-bare", tuple, (1, 2)),
    Case("tuple-empty", tuple[()], ()),
    Case("list-tuple", list[tuple[int, str]], [(1, "a"), (2, "b")]),
    Case("dict-tuple", dict[str, tuple[int, int]], {"a": (1, 2)}),
    Case("optional-tuple", tuple[int, str] | None, (1, "a")),
    Case("namedtuple-pair", Pair, Pair(1, "a")),
    Case("namedtuple-defaults", Defaulted, Defaulted()),
    Case("namedtuple-set", Defaulted, Defaulted(1, "x", [1], 0.5)),
    Case("namedtuple-nested", Nested, Nested(Pair(1, "a"), [Pair(2, "b")], Pair(3, "c"))),
    Case("namedtuple-nested-none", Nested, Nested(Pair(1, "a"), [])),
    Case("namedtuple-classes", PairWithClasses, PairWithClasses(Point(1, 2), Model(), Text.RED, datetime(2026, 1, 2))),
    Case("namedtuple-untyped", Plain, Plain(1, "a"), rejects="back"),
    Case("namedtuple-by-call", NAMED_BY_CALL, NAMED_BY_CALL(1, 2.5)),
    Case("namedtuple-from-tuple", Pair, (1, "a")),
    Case("namedtuple-from-other", Pair, Defaulted()),
    Case("namedtuple-wrong-item", Pair, Pair("x", "a"), rejects="value"),  # type: ignore[arg-type]
    Case("list-namedtuple", list[Pair], [Pair(1, "a")]),
    Case("optional-namedtuple", Pair | None, Pair(1, "a")),
    Case("typeddict-movie", Movie, {"title": "t", "year": 1999}),
    Case("typeddict-key-order", Movie, {"year": 1999, "title": "t"}),
    Case("typeddict-partial-absent", Partial, {"title": "t"}),
    Case("typeddict-partial-none", Partial, {"title": "t", "maybe": None}),
    Case("typeddict-partial-full", Partial, {"title": "t", "year": 0, "tags": [], "maybe": 1}),
    Case("typeddict-total-false", AllOptional, {"b": "x"}, rejects="value", deviation="typeddict-total-false"),
    Case(
        "typeddict-nested",
        Library,
        {
            "best": {"title": "t", "year": 1},
            "all": [{"title": "u", "year": 2}],
            "by_name": {"z": {"title": "z"}, "a": {"title": "a", "year": 3}},
        },
    ),
    Case("typeddict-derived", Derived, {"title": "t", "year": 1, "stars": 4.5}),
    Case("typeddict-int-for-float", Derived, {"title": "t", "year": 1, "stars": 4}),
    Case(
        "typeddict-classes",
        WithClasses,
        {"point": Point(1, 2), "model": Model(), "colour": Text.GREEN, "at": datetime(2026, 1, 2), "data": b"ab"},
    ),
    Case("typeddict-by-call", DICT_BY_CALL, {"a": 1, "with-dash": "x"}),
    Case("typeddict-extensions", Extended, {"title": "t"}),
    Case("tuple-typeddict-extensions", tuple[Extended, int], ({"title": "t"}, 1)),
    Case("typeddict-missing", Movie, {"title": "t"}, rejects="value"),
    Case("typeddict-extra", Movie, {"title": "t", "year": 1, "more": 2}),
    Case("typeddict-wrong-item", Movie, {"title": "t", "year": "x"}, rejects="value"),
    Case("typeddict-from-list", Movie, [1], rejects="value"),
    Case("list-typeddict", list[Movie], [{"title": "t", "year": 1}]),
    Case("dict-typeddict", dict[str, Movie], {"a": {"title": "t", "year": 1}}),
    Case("optional-typeddict", Movie | None, {"title": "t", "year": 1}),
]
