"""pydantic models: validators, aliases, nesting, generics, enums, discriminated unions, configuration."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import datetime
import decimal
import enum
import pathlib
import typing
import uuid
from dataclasses import dataclass

import annotated_types
import pydantic
import typing_extensions
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as pydantic_dataclass

from ._case import Case

T = typing.TypeVar("T")


class Colour(enum.Enum):
    RED = "r"
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 5


class Mode(str, enum.Enum):
    FAST = "fast-mode"
    SLOW = "slow-mode"


@dataclass
class Point:
    x: int
    y: int = 0


class Pair(typing.NamedTuple):
    a: int
    b: str = "b"


class Movie(typing_extensions.TypedDict):
    title: str
    year: typing.NotRequired[int]


class Empty(BaseModel):
    pass


class Scalars(BaseModel):
    i: int
    f: float
    s: str
    b: bool


class Defaults(BaseModel):
    i: int = 0
    f: float = 0.0
    s: str = ""
    b: bool = False
    n: int | None = None
    items: list[int] = []
    table: dict[str, int] = Field(default_factory=dict)


class TrueDefaults(BaseModel):
    i: int = 7
    f: float = 1.5
    n: int | None = 7
    items: list[int] = Field(default_factory=lambda: [1])


class Inner(BaseModel):
    n: int = 1
    s: str = "s"


class Outer(BaseModel):
    name: str
    inner: Inner
    inners: list[Inner] = []
    by_name: dict[str, Inner] = {}
    maybe: Inner | None = None


class Tree(BaseModel):
    value: int
    children: list["Tree"] = []
    parent: typing.Optional["Tree"] = None


class Described(BaseModel):
    """A described model."""

    a: int = Field(1, title="The A", description="what a is", examples=[1, 2])
    b: str = Field("x", json_schema_extra={"unit": "metre"}, deprecated=True)


class Bounds(BaseModel):
    n: int = Field(ge=0, lt=10)
    m: float = Field(gt=0.5, le=1.5, multiple_of=0.5)
    s: str = Field(min_length=1, max_length=5, pattern="^[a-z]+$")
    items: list[int] = Field(min_length=1, max_length=3)
    t: typing.Annotated[int, annotated_types.Gt(0)] = 1
    u: pydantic.PositiveInt = 1


class Aliases(BaseModel):
    first: int = Field(alias="firstName")
    second: str = Field("s", serialization_alias="secondOut")
    third: str = Field("t", validation_alias="thirdIn")


class AliasesByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    first: int = Field(alias="firstName")


class AliasGenerator(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    first_name: str
    last_name: str = "l"


class Enums(BaseModel):
    colour: Colour
    level: Level = Level.LOW
    mode: Mode = Mode.FAST
    colours: list[Colour] = []
    by_name: dict[str, Colour] = {}
    maybe: Colour | None = None


class EnumKeys(BaseModel):
    table: dict[Colour, int]


class EnumValues(BaseModel):
    model_config = ConfigDict(use_enum_values=True)
    colour: Colour


class EnumNested(BaseModel):
    enums: Enums
    either: Colour | int = 1


class Times(BaseModel):
    at: datetime.datetime
    day: datetime.date
    clock: datetime.time
    span: datetime.timedelta


class Odd(BaseModel):
    id: uuid.UUID
    price: decimal.Decimal
    path: pathlib.Path
    url: pydantic.AnyUrl
    secret: pydantic.SecretStr


class Blob(BaseModel):
    data: bytes


class BlobBase64(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    data: bytes


class Collections(BaseModel):
    pair: tuple[int, str]
    many: tuple[int, ...]
    tags: set[str]
    frozen: frozenset[int]
    by_int: dict[int, str]


class Unions(BaseModel):
    u: int | str
    v: float | int
    w: list[int | str | None] = []
    x: Inner | str = "x"


class Cat(BaseModel):
    kind: typing.Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: typing.Literal["dog"] = "dog"
    tricks: list[str] = []


class Owner(BaseModel):
    pet: typing.Annotated[Cat | Dog, Field(discriminator="kind")]
    pets: list[typing.Annotated[Cat | Dog, Field(discriminator="kind")]] = []


class Literals(BaseModel):
    mode: typing.Literal["a", "b"] = "a"
    number: typing.Literal[1, 2] = 1
    nothing: None = None


class Validated(BaseModel):
    n: int
    s: str = "S"

    @pydantic.field_validator("n")
    @classmethod
    def double(cls, n: int) -> int:
        return n * 2 if n < 10 else n

    @pydantic.model_validator(mode="after")
    def upper(self) -> "Validated":
        object.__setattr__(self, "s", self.s.upper())
        return self


class Functional(BaseModel):
    n: typing.Annotated[int, AfterValidator(abs)] = 0
    s: typing.Annotated[str, BeforeValidator(str)] = ""


class Serialised(BaseModel):
    n: int
    s: str = "s"

    @pydantic.field_serializer("n")
    def as_text(self, n: int) -> str:
        return f"{n:03}"


class ModelSerialised(BaseModel):
    n: int

    @pydantic.model_serializer
    def as_dict(self) -> dict[str, int]:
        return {"n": self.n}


class Computed(BaseModel):
    n: int

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        return self.n * 2


class Private(BaseModel):
    n: int
    _hidden: int = pydantic.PrivateAttr(default=5)


class Excluded(BaseModel):
    n: int
    secret: str = Field("s", exclude=True)


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    n: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    n: int
    at: datetime.datetime | None = None


class ExtraAllowed(BaseModel):
    model_config = ConfigDict(extra="allow")
    n: int


class ExtraForbidden(BaseModel):
    model_config = ConfigDict(extra="forbid")
    n: int


class Titled(BaseModel):
    model_config = ConfigDict(title="Another Title", json_schema_extra={"examples": [{"n": 1}]})
    n: int


class Base(BaseModel):
    a: int = 1


class Child(Base):
    b: str = "b"


class HoldsBase(BaseModel):
    base: Base


class Box(BaseModel, typing.Generic[T]):
    item: T
    items: list[T] = []


class BoxOfBox(BaseModel):
    box: Box[Inner]


class Root(pydantic.RootModel[list[int]]):
    pass


class RootDict(pydantic.RootModel[dict[str, Inner]]):
    pass


class WithDataclass(BaseModel):
    point: Point
    points: list[Point] = []


class WithPair(BaseModel):
    pair: Pair
    movie: Movie


class Arbitrary(BaseModel):
    anything: typing.Any = None
    table: dict = {}
    items: list = []
    json_value: pydantic.JsonValue = None


class Unicode(BaseModel):
    ключ: str = "значение"


class Numbers(BaseModel):
    big: int = 0
    f: float = 0.0


class Keyworded(BaseModel):
    class_: int = Field(1, alias="class")


@pydantic_dataclass
class PydanticDataclass:
    n: int
    s: str = "s"


Dynamic = pydantic.create_model("Dynamic", __module__=__name__, a=(int, ...), b=(str, "q"))

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 6)

CASES = [
    Case("model-empty", Empty, Empty()),
    Case("model-scalars", Scalars, Scalars(i=1, f=2.5, s="s", b=True)),
    Case("model-scalars-falsy", Scalars, Scalars(i=0, f=0.0, s="", b=False)),
    Case("model-scalars-nan", Scalars, Scalars(i=0, f=float("nan"), s="", b=False), rejects="back"),
    Case("model-scalars-inf", Scalars, Scalars(i=0, f=float("inf"), s="", b=False), rejects="back"),
    Case("model-defaults", Defaults, Defaults()),
    Case("model-defaults-set", Defaults, Defaults(i=1, n=0, items=[1], table={"z": 1, "a": 2})),
    Case("model-true-defaults", TrueDefaults, TrueDefaults()),
    Case("model-true-defaults-falsy", TrueDefaults, TrueDefaults(i=0, f=0, n=None, items=[])),
    Case("model-outer", Outer, Outer(name="o", inner=Inner())),
    Case(
        "model-outer-full",
        Outer,
        Outer(name="o", inner=Inner(n=2), inners=[Inner()], by_name={"b": Inner(), "a": Inner(s="")}, maybe=Inner()),
    ),
    Case("model-tree", Tree, Tree(value=1, children=[Tree(value=2)], parent=Tree(value=0))),
    Case("model-described", Described, Described()),
    Case("model-bounds", Bounds, Bounds(n=1, m=1.0, s="a", items=[1])),
    Case("model-aliases", Aliases, Aliases(firstName=1, thirdIn="T"), rejects="back", deviation="alias-not-readable"),
    Case("model-aliases-by-name", AliasesByName, AliasesByName(first=1)),
    Case("model-alias-generator", AliasGenerator, AliasGenerator(first_name="f")),
    Case(
        "model-enums",
        Enums,
        Enums(
            colour=Colour.RED,
            level=Level.HIGH,
            mode=Mode.SLOW,
            colours=[Colour.GREEN],
            by_name={"a": Colour.RED},
            maybe=Colour.RED,
        ),
    ),
    Case("model-enums-defaults", Enums, Enums(colour=Colour.GREEN)),
    Case("model-enum-keys", EnumKeys, EnumKeys(table={Colour.RED: 1})),
    Case("model-enum-values", EnumValues, EnumValues(colour=Colour.RED)),
    Case("model-enum-nested", EnumNested, EnumNested(enums=Enums(colour=Colour.RED), either=Colour.GREEN)),
    Case(
        "model-times",
        Times,
        Times(at=NOW, day=NOW.date(), clock=NOW.time(), span=datetime.timedelta(days=-1, microseconds=5)),
    ),
    Case(
        "model-times-zone",
        Times,
        Times(at=NOW.replace(tzinfo=datetime.UTC), day=NOW.date(), clock=datetime.time(1), span=datetime.timedelta(0)),
    ),
    Case(
        "model-odd",
        Odd,
        Odd(id=uuid.UUID(int=1), price="1.10", path="/tmp/x", url="https://example.org/a", secret="hush"),
    ),  # type: ignore[arg-type]
    Case("model-bytes", Blob, Blob(data=b"abc")),
    Case("model-bytes-binary", Blob, Blob(data=b"\xff\x00"), rejects="value"),
    Case("model-bytes-base64", BlobBase64, BlobBase64(data=b"\xff\x00")),
    Case(
        "model-collections",
        Collections,
        Collections(pair=(1, "a"), many=(1, 2), tags={"a"}, frozen=frozenset({1}), by_int={2: "b", 1: "a"}),
    ),
    Case("model-unions", Unions, Unions(u="1", v=1.5, w=[1, "1", None], x=Inner())),
    Case("model-unions-int", Unions, Unions(u=1, v=1)),
    Case("model-discriminated", Owner, Owner(pet=Dog(tricks=["sit"]), pets=[Cat(), Dog()])),
    Case("model-literals", Literals, Literals(mode="b", number=2)),
    Case("model-validated", Validated, Validated(n=3)),
    Case("model-functional", Functional, Functional(n=-3)),
    Case("model-field-serialiser", Serialised, Serialised(n=7)),
    Case("model-model-serialiser", ModelSerialised, ModelSerialised(n=7)),
    Case("model-computed", Computed, Computed(n=2)),
    Case("model-private", Private, Private(n=1)),
    Case("model-excluded", Excluded, Excluded(n=1, secret="x")),
    Case("model-frozen", Frozen, Frozen(n=1)),
    Case("model-strict", Strict, Strict(n=1, at=NOW)),
    Case("model-extra-allowed", ExtraAllowed, ExtraAllowed(n=1, more=[1, "x"])),  # type: ignore[call-arg]
    Case("model-extra-forbidden", ExtraForbidden, ExtraForbidden(n=1)),
    Case("model-titled", Titled, Titled(n=1)),
    Case("model-child", Child, Child(a=2)),
    Case("model-child-as-base", Base, Child(a=2)),
    Case("model-holds-child", HoldsBase, HoldsBase(base=Child(a=2, b="c"))),
    Case("model-generic-int", Box[int], Box[int](item=1)),
    Case("model-generic-model", Box[Inner], Box[Inner](item=Inner(), items=[Inner(n=2)])),
    Case("model-generic-bare", Box, Box(item=1)),
    Case("model-box-of-box", BoxOfBox, BoxOfBox(box=Box[Inner](item=Inner()))),
    Case("model-root-list", Root, Root([1, 2]), rejects="value"),
    Case("model-root-dict", RootDict, RootDict({"b": Inner(), "a": Inner(n=2)})),
    Case("model-with-dataclass", WithDataclass, WithDataclass(point=Point(1), points=[Point(2, 3)])),
    Case("model-with-pair", WithPair, WithPair(pair=Pair(1), movie={"title": "t"})),
    Case(
        "model-arbitrary",
        Arbitrary,
        Arbitrary(anything={"a": [1]}, table={1: "x"}, items=[None, 1], json_value={"a": 1.5}),
    ),
    Case("model-unicode-names", Unicode, Unicode()),
    Case("model-big-int", Numbers, Numbers(big=2**63 - 1)),
    Case("model-uint64", Numbers, Numbers(big=2**64 - 1)),
    Case("model-too-big-int", Numbers, Numbers(big=2**64), rejects="value"),
    Case("model-float-integral", Numbers, Numbers(f=3.0)),
    Case("model-float-exponent", Numbers, Numbers(f=1e300)),
    Case("model-keyword-alias", Keyworded, Keyworded(**{"class": 2})),
    Case("model-dynamic", Dynamic, Dynamic(a=1)),
    Case("model-pydantic-dataclass", PydanticDataclass, PydanticDataclass(1)),
    Case("model-construct-invalid", Scalars, Scalars.model_construct(i="x", f=None, s=1, b=2), rejects="back"),
    Case("model-from-dict", Inner, {"n": 1}),
    Case("model-from-other", Inner, Base()),
    Case("model-from-none", Inner, None, rejects="value"),
    Case("model-base-class", BaseModel, Inner(), rejects="type"),
    Case("list-model", list[Inner], [Inner(), Inner(n=2)]),
    Case("dict-model", dict[str, Inner], {"b": Inner(), "a": Inner(n=2)}),
    Case("list-dict-model", list[dict[str, Inner | None]], [{"a": Inner(), "b": None}]),
    Case("dict-int-model", dict[int, Inner], {1: Inner()}, rejects="value"),
]
