"""dataclasses: nested, recursive, generic, with defaults and every kind of field."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import dataclasses
import enum
import typing
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from ._case import Case

T = typing.TypeVar("T")
K = typing.TypeVar("K")


class Colour(enum.Enum):
    RED = "r"
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 5


class Mode(str, enum.Enum):
    FAST = "fast-mode"
    SLOW = "slow-mode"


class Inner(BaseModel):
    n: int = 1
    s: str = "s"


@dataclass
class Empty:
    pass


@dataclass
class Point:
    x: int
    y: int


@dataclass
class Scalars:
    i: int
    f: float
    s: str
    b: bool


@dataclass
class Defaults:
    i: int = 0
    f: float = 0.0
    s: str = ""
    b: bool = False
    n: int | None = None
    items: list[int] = field(default_factory=list)
    table: dict[str, int] = field(default_factory=dict)


@dataclass
class TrueDefaults:
    i: int = 7
    f: float = 1.5
    s: str = "seven"
    b: bool = True
    n: int | None = 7
    items: list[int] = field(default_factory=lambda: [1, 2])
    point: Point = field(default_factory=lambda: Point(1, 2))


@dataclass
class IntAsFloatDefault:
    f: float = 1
    g: int = 2


@dataclass
class Outer:
    name: str
    point: Point
    points: list[Point]
    by_name: dict[str, Point]
    maybe: Point | None = None


@dataclass
class Deep3:
    outer: Outer
    deep: list[list[dict[str, Outer | None]]]


@dataclass
class Shared:
    a: Point
    b: Point
    c: Defaults


@dataclass
class Node:
    value: int
    children: list["Node"] = field(default_factory=list)


@dataclass
class Linked:
    value: str
    next: typing.Optional["Linked"] = None


@dataclass
class Left:
    right: typing.Optional["Right"] = None


@dataclass
class Right:
    left: Left | None = None


@dataclass
class Times:
    at: datetime
    day: date
    span: timedelta


@dataclass
class TimeOfDay:
    at: time


@dataclass
class Blob:
    data: bytes
    more: list[bytes] = field(default_factory=list)


@dataclass
class Enums:
    colour: Colour
    level: Level
    mode: Mode
    colours: list[Colour] = field(default_factory=list)
    by_colour: dict[str, Colour] = field(default_factory=dict)
    maybe: Colour | None = None
    default: Colour = Colour.GREEN


@dataclass
class EnumKeys:
    table: dict[Colour, int]


@dataclass
class Keys:
    by_int: dict[int, str]
    by_str: dict[str, list[int]]


@dataclass
class Unions:
    u: int | str
    v: float | str | None
    w: list[int | str]
    p: Point | str


@dataclass
class NumberUnion:
    n: int | float


@dataclass
class PointOrEmpty:
    p: Point | Defaults


@dataclass
class Tuples:
    pair: tuple[int, str]
    many: tuple[int, ...]
    nested: tuple[Point, list[int]]


@dataclass
class Sets:
    tags: set[str]
    frozen: frozenset[int]


@dataclass
class Untyped:
    table: dict
    items: list
    anything: typing.Any
    loose: dict[str, typing.Any]


@dataclass
class Literals:
    mode: typing.Literal["a", "b"]
    number: typing.Literal[1, 2]
    mixed: typing.Literal["x", 3, None]


@dataclass
class Odd:
    id: uuid.UUID
    price: Decimal
    path: Path


@dataclass
class WithModel:
    inner: Inner
    inners: list[Inner]


class Pair(typing.NamedTuple):
    a: int
    b: str = "b"


class Movie(typing.TypedDict):
    title: str
    year: typing.NotRequired[int]


@dataclass
class WithPair:
    pair: Pair


@dataclass
class WithMovie:
    movie: Movie


@dataclass(frozen=True)
class Frozen:
    x: int
    y: tuple[int, ...] = ()


@dataclass(slots=True)
class Slotted:
    x: int
    y: str = "y"


@dataclass(kw_only=True)
class KeywordOnly:
    b: int
    a: int = 1


@dataclass(order=True)
class Base:
    a: int
    b: str = "b"


@dataclass(order=True)
class Child(Base):
    c: float = 0.5
    b: str = "child"


@dataclass
class NoInit:
    a: int
    twice: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.twice = self.a * 2


@dataclass
class Documented:
    """A documented class.

    Attributes:
        a: The first.
    """

    a: int = field(default=1, metadata={"description": "the first"})
    b: typing.Annotated[int, "note"] = 2


@dataclass
class Aliased:
    a: int = field(metadata={"alias": "first"})


@dataclass
class Hidden:
    a: int
    _b: int = 2
    c: int = field(default=3, repr=False, compare=False)


@dataclass
class ClassVars:
    a: int
    shared: typing.ClassVar[int] = 5


@dataclass
class Box(typing.Generic[T]):
    item: T
    items: list[T] = field(default_factory=list)


@dataclass
class PairOf(typing.Generic[K, T]):
    key: K
    box: Box[T]


@dataclass
class IntBox(Box[int]):
    label: str = "int"


@dataclass
class Unicode:
    ключ: str
    naïve: int = 0


@dataclass
class ManyFields:
    f00: int = 0
    f01: int = 1
    f02: int = 2
    f03: int = 3
    f04: int = 4
    f05: int = 5
    f06: int = 6
    f07: int = 7
    f08: int = 8
    f09: int = 9
    f10: int = 10
    f11: int = 11
    f12: int = 12
    f13: int = 13
    f14: int = 14
    f15: int = 15
    f16: int = 16
    f17: int = 17


class PlainClass:
    def __init__(self, x: int) -> None:
        self.x = x


@dataclass
class WithPlainClass:
    plain: PlainClass


Dynamic = dataclasses.make_dataclass(
    "Dynamic", [("a", int), ("b", str, field(default="q"))], namespace={"__module__": __name__}
)

P = Point(1, -2)
OUTER = Outer("o", P, [P, Point(0, 0)], {"b": P, "a": Point(3, 4)})
INT_FOR_FLOAT = "int-for-float"

CASES = [
    Case("dc-empty", Empty, Empty()),
    Case("dc-point", Point, Point(1, 2)),
    Case("dc-point-limits", Point, Point(2**63 - 1, -(2**63))),
    Case("dc-point-uint64", Point, Point(2**64 - 1, 0)),
    Case("dc-point-too-big", Point, Point(2**64, 0), rejects="value"),
    Case("dc-point-wrong-field", Point, Point("1", 2)),  # type: ignore[arg-type]
    Case("dc-point-none-field", Point, Point(None, 2), rejects="back"),  # type: ignore[arg-type]
    Case("dc-scalars", Scalars, Scalars(1, 2.5, "s", True)),
    Case("dc-scalars-falsy", Scalars, Scalars(0, 0.0, "", False)),
    Case("dc-scalars-nan", Scalars, Scalars(0, float("nan"), "nan", False)),
    Case("dc-scalars-inf", Scalars, Scalars(0, float("-inf"), "\x00", False)),
    Case("dc-scalars-int-for-float", Scalars, Scalars(1, 2, "s", True)),
    Case("dc-defaults", Defaults, Defaults()),
    Case("dc-defaults-set", Defaults, Defaults(1, 1.0, "a", True, 0, [0], {"z": 0, "a": 1})),
    Case("dc-true-defaults", TrueDefaults, TrueDefaults()),
    Case("dc-true-defaults-falsy", TrueDefaults, TrueDefaults(0, 0.0, "", False, None, [], Point(0, 0))),
    Case("dc-int-as-float-default", IntAsFloatDefault, IntAsFloatDefault()),
    Case("dc-outer", Outer, OUTER),
    Case("dc-outer-maybe", Outer, Outer("", P, [], {}, P)),
    Case("dc-deep", Deep3, Deep3(OUTER, [[{"x": OUTER, "n": None}], []])),
    Case("dc-shared-class", Shared, Shared(P, Point(3, 4), Defaults())),
    Case("dc-recursive-leaf", Node, Node(1)),
    Case("dc-recursive-tree", Node, Node(1, [Node(2), Node(3, [Node(4)])])),
    Case("dc-linked", Linked, Linked("a", Linked("b", Linked("c")))),
    Case("dc-mutually-recursive", Left, Left(Right(Left()))),
    Case(
        "dc-times-naive", Times, Times(datetime(2026, 1, 2, 3, 4, 5, 6), date(2026, 1, 2), timedelta(days=1, seconds=2))
    ),
    Case("dc-times-utc", Times, Times(datetime(2026, 1, 2, tzinfo=UTC), date.min, timedelta(microseconds=-1))),
    Case("dc-time-of-day", TimeOfDay, TimeOfDay(time(1, 2, 3, 4))),
    Case("dc-blob", Blob, Blob(b"\x00\xff", [b"", b"abc"])),
    Case("dc-blob-empty", Blob, Blob(b"")),
    Case("dc-enums", Enums, Enums(Colour.RED, Level.HIGH, Mode.SLOW, [Colour.GREEN], {"a": Colour.RED}, Colour.RED)),
    Case("dc-enums-defaults", Enums, Enums(Colour.RED, Level.LOW, Mode.FAST)),
    Case("dc-enum-keys", EnumKeys, EnumKeys({Colour.RED: 1})),
    Case("dc-keys", Keys, Keys({2: "b", 1: "a"}, {"z": [1], "a": []})),
    Case("dc-unions-str", Unions, Unions("1", "v", [1, "2"], "p")),
    Case("dc-unions-int", Unions, Unions(1, 1.5, [], P)),
    Case("dc-unions-none", Unions, Unions(0, None, ["a"], Point(0, 0))),
    Case("dc-number-union-int", NumberUnion, NumberUnion(1)),
    Case("dc-number-union-float", NumberUnion, NumberUnion(1.0)),
    Case("dc-union-of-classes-first", PointOrEmpty, PointOrEmpty(P)),
    Case("dc-union-of-classes-second", PointOrEmpty, PointOrEmpty(Defaults(3))),
    Case("dc-tuples", Tuples, Tuples((1, "a"), (1, 2, 3), (P, [1]))),
    Case("dc-sets-one", Sets, Sets({"a"}, frozenset({1}))),
    Case("dc-sets-empty", Sets, Sets(set(), frozenset())),
    Case("dc-untyped", Untyped, Untyped({"a": 1, 2: "b"}, [1, "x", None], {"k": [1]}, {"a": 1.5})),
    Case("dc-literals", Literals, Literals("a", 2, None)),
    Case("dc-literals-wrong", Literals, Literals("z", 2, None), rejects="value"),  # type: ignore[arg-type]
    Case("dc-odd", Odd, Odd(uuid.UUID(int=1), Decimal("1.10"), Path("/tmp/x"))),
    Case("dc-with-model", WithModel, WithModel(Inner(n=2), [Inner(), Inner(s="")]), rejects="value"),
    Case("dc-with-namedtuple", WithPair, WithPair(Pair(1))),
    Case("dc-with-typeddict", WithMovie, WithMovie({"title": "t"})),
    Case("dc-with-typeddict-full", WithMovie, WithMovie({"title": "t", "year": 1999})),
    Case("dc-frozen", Frozen, Frozen(1, (2, 3))),
    Case("dc-slots", Slotted, Slotted(1)),
    Case("dc-keyword-only", KeywordOnly, KeywordOnly(b=2)),
    Case("dc-child", Child, Child(1)),
    Case("dc-child-as-base", Base, Child(1, "x", 2.5)),
    Case("dc-base-as-child", Child, Base(1), rejects="value"),
    Case("dc-no-init", NoInit, NoInit(4)),
    Case("dc-documented", Documented, Documented()),
    Case("dc-aliased", Aliased, Aliased(1), rejects="back", deviation="alias-not-readable"),
    Case("dc-hidden", Hidden, Hidden(1)),
    Case("dc-class-vars", ClassVars, ClassVars(1)),
    Case("dc-generic-int", Box[int], Box(1, [2])),
    Case("dc-generic-str", Box[str], Box("a", ["b"])),
    Case("dc-generic-point", Box[Point], Box(P, [P])),
    Case("dc-generic-nested", PairOf[str, int], PairOf("k", Box(1))),
    Case("dc-generic-bare", Box, Box(1)),
    Case("dc-generic-subclass", IntBox, IntBox(1)),
    Case("dc-unicode-names", Unicode, Unicode("é")),
    Case("dc-many-fields", ManyFields, ManyFields()),
    Case("dc-dynamic", Dynamic, Dynamic(1)),  # type: ignore[call-arg]
    Case("dc-plain-class-field", WithPlainClass, WithPlainClass(PlainClass(1)), rejects="value"),
    Case("dc-from-dict", Point, {"x": 1, "y": 2}),
    Case("dc-from-dict-missing", Point, {"x": 1}, rejects="value"),
    Case("dc-from-dict-extra", Point, {"x": 1, "y": 2, "z": 3}, rejects="value"),
    Case("dc-from-dict-defaults", TrueDefaults, {"i": 0}),
    Case(
        "dc-from-dict-nested",
        Outer,
        {"name": "o", "point": {"x": 1, "y": 2}, "points": [{"x": 3, "y": 4}], "by_name": {}},
    ),
    Case("dc-from-other", Point, Empty(), rejects="value"),
    Case("dc-from-none", Point, None, rejects="value"),
    Case("dc-from-class", Point, Point, rejects="value"),
    Case("list-dc", list[Point], [P, Point(0, 0)]),
    Case("list-dc-from-dicts", list[Point], [{"x": 1, "y": 2}]),
    Case("dict-dc", dict[str, Point], {"b": P, "a": Point(0, 0)}),
    Case("dict-int-dc", dict[int, Point], {2: P}),
    Case("list-dict-dc", list[dict[str, Point | None]], [{"a": P, "b": None}]),
    Case("tuple-dc", tuple[Point, Scalars], (P, Scalars(1, 1.5, "a", False))),
]
