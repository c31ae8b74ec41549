"""Functions as tasks see them: inputs, defaults, outputs, docstrings; with one call and one result each."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import enum
import functools
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from ._case import InterfaceCase


class Side(enum.Enum):
    LEFT = "l"
    RIGHT = "r"


@dataclass
class Point:
    x: int
    y: int = 0


@dataclass
class Nested:
    point: Point
    points: list[Point] = field(default_factory=list)


class Model(BaseModel):
    n: int = 1
    names: list[str] = []


class Pair(typing.NamedTuple):
    total: int
    label: str


class PairDefaults(typing.NamedTuple):
    b: int
    a: float = 0.5


class One(typing.NamedTuple):
    only: int


class Movie(typing.TypedDict):
    title: str
    year: typing.NotRequired[int]


def plain_decorator(func: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapper


def nothing():
    pass


def nothing_typed() -> None:
    return None


def only_output() -> int:
    return 1


def only_input(x: int) -> None:
    del x


def identity_int(x: int) -> int:
    return x


def identity_str(x: str) -> str:
    return x


def identity_float(x: float) -> float:
    return x


def identity_bool(x: bool) -> bool:
    return x


def identity_datetime(x: datetime) -> datetime:
    return x


def identity_list(x: list[int]) -> list[int]:
    return x


def identity_dict(x: dict[str, float]) -> dict[str, float]:
    return x


def identity_dataclass(x: Point) -> Point:
    return x


def identity_model(x: Model) -> Model:
    return x


def identity_enum(x: Side) -> Side:
    return x


def identity_bytes(x: bytes) -> bytes:
    return x


def identity_movie(x: Movie) -> Movie:
    return x


def identity_bare_dict(x: dict) -> dict:
    return x


async def asynchronous(x: int, y: str = "y") -> str:
    return f"{x}{y}"


def two(b: int, a: str) -> tuple[int, str]:
    return b, a


def three_outputs(x: int) -> tuple[int, str, list[int]]:
    return x, str(x), [x]


def typing_tuple(x: int) -> typing.Tuple[int, float]:
    return x, float(x)


def named(x: int) -> Pair:
    return Pair(x, str(x))


def named_defaults(x: int) -> PairDefaults:
    return PairDefaults(x)


def named_one(x: int) -> One:
    return One(x)


def optional_output(x: int) -> int | None:
    return x or None


def union_output(x: int) -> int | str:
    return x


def tuple_in_list(x: int) -> list[tuple[int, str]]:
    return [(x, str(x))]


def defaults(a: int = 1, b: float = 0.5, c: str = "c", d: bool = True) -> int:
    return a


def falsy_defaults(a: int = 0, b: float = 0.0, c: str = "", d: bool = False, e: int | None = None) -> int:
    return a


def mixed_defaults(z: int, a: str, m: float = 1.5, b: str | None = None) -> str:
    return a


def container_defaults(a: list[int] = [1, 2], b: dict[str, int] = {"z": 1, "a": 2}, c: list[str] = []) -> int:
    return 0


def dataclass_default(p: Point = Point(1, 2), q: Nested = Nested(Point(0))) -> Point:
    return p


def model_default(m: Model = Model(n=5)) -> Model:
    return m


def enum_default(s: Side = Side.LEFT) -> Side:
    return s


def literal_inputs(mode: typing.Literal["fast", "slow"], other: typing.Literal["x"] = "x") -> str:
    return mode


def literal_numbers(n: typing.Literal[1, 2] = 1) -> int:
    return n


def literal_optional(mode: typing.Literal["a", "b"] | None = None) -> str:
    return mode or ""


def literal_list(modes: list[typing.Literal["a", "b"]]) -> int:
    return len(modes)


def literal_output(x: int) -> typing.Literal["a", "b"]:
    return "a"


def datetime_defaults(
    at: datetime = datetime(2026, 1, 2, tzinfo=UTC), day: date = date(2026, 1, 2), span: timedelta = timedelta(hours=1)
) -> None:
    return None


def optionals(a: int | None, b: str | None = None, c: list[int | None] | None = None) -> int:
    return a or 0


def unions(a: int | str, b: float | bool | None = None) -> int | str:
    return a


def keyword_only(a: int, *, b: str = "b", c: float) -> int:
    return a


def positional_only(a: int, /, b: int = 2) -> int:
    return a + b


def reverse_order(z: int, y: int, x: int, w: int = 0) -> int:
    return z


def unicode_names(größe: int, 数: str = "é") -> str:
    return 数


def many_inputs(
    i9: int, i8: int, i7: int, i6: int, i5: int, i4: int, i3: int, i2: int, i1: int, i0: int, i10: int = 10
) -> int:
    return i9


def annotated_inputs(
    n: typing.Annotated[int, Field(ge=0, description="how many")],
    s: typing.Annotated[str, Field(description="what")] = "x",
) -> typing.Annotated[int, Field(description="the result")]:
    return n


def annotated_note(n: typing.Annotated[int, "just a note"]) -> int:
    return n


def documented(x: int, y: str = "y") -> str:
    """Joins two things.

    Longer words about it.

    Args:
        x: The first thing.
        y: The second thing.

    Returns:
        Both of them.
    """
    return f"{x}{y}"


def documented_numpy(x: int) -> int:
    """Doubles.

    Parameters
    ----------
    x : int
        The number.

    Returns
    -------
    int
        Twice the number.
    """
    return 2 * x


def documented_sphinx(x: int) -> int:
    """Halves.

    :param x: the number
    :return: half of it
    """
    return x // 2


def documented_partly(x: int, y: int) -> int:
    """Adds.

    Args:
        y: Only this one is told.
    """
    return x + y


def untyped_input(x) -> int:
    return 1


def untyped_output(x: int):
    return x


def any_types(x: Any, y: object) -> Any:
    return x


def set_input(x: set[int]) -> set[int]:
    return x


def nested_everything(x: dict[str, list[Nested | None]], y: list[dict[str, Side]]) -> dict[str, list[Nested | None]]:
    return x


def nested_model_list(x: list[Model], y: Model | None = None) -> list[Model]:
    return x


def tuple_input(x: tuple[int, str], y: Pair) -> int:
    return x[0]


def dict_keys(x: dict[int, str], y: dict) -> dict[int, str]:
    return x


def ignored_inputs(x: int, debug: bool = False, note: str = "") -> int:
    return x


def ignored_all(x: int) -> int:
    return x


def closure_constants(x: int) -> int:
    limit = 5

    def inner(y: int) -> int:
        return y + limit

    # A comment is not part of the syntax tree.
    return inner(x)


def with_strings(x: str) -> str:
    text = """several
    lines"""
    return f"{x!r:>10}{text}"


@plain_decorator
def decorated(x: int) -> int:
    return x


as_lambda = lambda x: x  # noqa: E731
as_lambda.__annotations__ = {"x": int, "return": int}


class Callables:
    @staticmethod
    def static(x: int) -> int:
        return x


def one_tuple(x: int) -> tuple[int]:
    return (x,)


def open_tuple(x: int) -> tuple[int, ...]:
    return (x,)


def string_annotation(x: "int") -> "int":
    return x


def var_args(*args: int) -> int:
    return len(args)


def var_kwargs(**kwargs: int) -> int:
    return len(kwargs)


def bare_tuple(x: int) -> tuple:
    return (x,)


def flag_output(x: int) -> enum.Flag:
    return enum.Flag(x)


WHEN = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)

CASES = [
    InterfaceCase("if-nothing", nothing),
    InterfaceCase("if-nothing-typed", nothing_typed),
    InterfaceCase("if-only-output", only_output, result=1),
    InterfaceCase("if-only-input", only_input, (1,)),
    InterfaceCase("if-int", identity_int, (5,), result=5),
    InterfaceCase("if-int-zero", identity_int, (0,), result=0),
    InterfaceCase("if-int-keyword", identity_int, (), {"x": 5}, result=5),
    InterfaceCase("if-str", identity_str, ("é",), result=""),
    InterfaceCase("if-float", identity_float, (0.5,), result=float("inf")),
    InterfaceCase("if-float-from-int", identity_float, (5,), result=5.0, rejects=True, deviation="int-for-float"),
    InterfaceCase("if-bool", identity_bool, (False,), result=True),
    InterfaceCase("if-datetime", identity_datetime, (WHEN,), result=WHEN),
    InterfaceCase("if-list", identity_list, ([1, 2, 3],), result=[]),
    InterfaceCase("if-dict", identity_dict, ({"b": 1.0, "a": 2.0},), result={}),
    InterfaceCase("if-dict-other-order", identity_dict, ({"a": 2.0, "b": 1.0},), result={}),
    InterfaceCase("if-dataclass", identity_dataclass, (Point(1, 2),), result=Point(3)),
    InterfaceCase("if-dataclass-from-dict", identity_dataclass, ({"y": 2, "x": 1},), result=Point(3)),
    InterfaceCase("if-model", identity_model, (Model(n=2, names=["a"]),), result=Model()),
    InterfaceCase("if-enum", identity_enum, (Side.RIGHT,), result=Side.LEFT),
    InterfaceCase("if-bytes", identity_bytes, (b"abc",), result=b""),
    InterfaceCase("if-typeddict", identity_movie, ({"title": "t"},), result={"title": "t", "year": 1}),
    InterfaceCase("if-bare-dict", identity_bare_dict, ({"b": 1, "a": [1]},), result={}),
    InterfaceCase("if-bare-dict-other-order", identity_bare_dict, ({"a": [1], "b": 1},), result={}),
    InterfaceCase("if-async", asynchronous, (1,), result="1y"),
    InterfaceCase("if-two", two, (1, "a"), result=(1, "a")),
    InterfaceCase("if-two-keywords", two, (), {"a": "a", "b": 1}, result=(1, "a")),
    InterfaceCase("if-three-outputs", three_outputs, (1,), result=(1, "1", [1])),
    InterfaceCase("if-typing-tuple", typing_tuple, (1,), result=(1, 1.0)),
    InterfaceCase("if-named", named, (1,), result=Pair(1, "1")),
    InterfaceCase("if-named-defaults", named_defaults, (1,), result=PairDefaults(1)),
    InterfaceCase("if-named-one", named_one, (1,), result=One(1)),
    InterfaceCase("if-optional-output", optional_output, (0,), result=None),
    InterfaceCase("if-optional-output-set", optional_output, (1,), result=1),
    InterfaceCase("if-union-output", union_output, (1,), result="1"),
    InterfaceCase("if-tuple-in-list", tuple_in_list, (1,), result=[(1, "1")]),
    InterfaceCase("if-defaults", defaults, result=1),
    InterfaceCase("if-defaults-some", defaults, (2,), {"c": ""}, result=1),
    InterfaceCase("if-falsy-defaults", falsy_defaults, result=0),
    InterfaceCase("if-mixed-defaults", mixed_defaults, (1, "a"), result="a"),
    InterfaceCase("if-container-defaults", container_defaults, result=0),
    InterfaceCase("if-dataclass-default", dataclass_default, result=Point(1)),
    InterfaceCase("if-model-default", model_default, result=Model()),
    InterfaceCase("if-enum-default", enum_default, result=Side.LEFT),
    InterfaceCase("if-literal", literal_inputs, ("fast",), result="fast"),
    InterfaceCase("if-literal-wrong", literal_inputs, ("medium",), result="fast", rejects=True),
    InterfaceCase("if-literal-numbers", literal_numbers, (2,), result=1),
    InterfaceCase("if-literal-optional", literal_optional, ("a",), result=""),
    InterfaceCase("if-literal-list", literal_list, (["a", "b"],), result=2),
    InterfaceCase("if-literal-output", literal_output, (1,), result="a"),
    InterfaceCase("if-datetime-defaults", datetime_defaults),
    InterfaceCase("if-optionals", optionals, (None,), result=0),
    InterfaceCase("if-optionals-set", optionals, (1, "b", [None, 1]), result=0),
    InterfaceCase("if-unions", unions, ("a", False), result=1),
    InterfaceCase("if-keyword-only", keyword_only, (1,), {"c": 0.5}, result=1),
    InterfaceCase("if-positional-only", positional_only, (1,), result=3),
    InterfaceCase("if-reverse-order", reverse_order, (1, 2, 3), result=1),
    InterfaceCase("if-unicode-names", unicode_names, (1,), result="é"),
    InterfaceCase("if-many-inputs", many_inputs, tuple(range(10)), result=9),
    InterfaceCase("if-annotated", annotated_inputs, (1,), result=1),
    InterfaceCase("if-annotated-note", annotated_note, (1,), result=1),
    InterfaceCase("if-documented", documented, (1,), result="1y"),
    InterfaceCase("if-documented-numpy", documented_numpy, (1,), result=2),
    InterfaceCase("if-documented-sphinx", documented_sphinx, (4,), result=2),
    InterfaceCase("if-documented-partly", documented_partly, (1, 2), result=3),
    InterfaceCase("if-untyped-input", untyped_input, (1,), result=1),
    InterfaceCase("if-untyped-output", untyped_output, (1,)),
    InterfaceCase("if-untyped-output-value", untyped_output, (1,), result=1, rejects=True),
    InterfaceCase("if-any", any_types, (1, "x"), result=1),
    InterfaceCase("if-set", set_input, ({1},), result={2}),
    InterfaceCase(
        "if-nested-everything",
        nested_everything,
        ({"b": [None, Nested(Point(1))], "a": []}, [{"s": Side.LEFT}]),
        result={},
    ),
    InterfaceCase("if-nested-models", nested_model_list, ([Model()],), {"y": Model(n=3)}, result=[]),
    InterfaceCase("if-tuple-input", tuple_input, ((1, "a"), Pair(2, "b")), result=1),
    InterfaceCase("if-dict-keys", dict_keys, ({2: "b", 1: "a"}, {"z": 1, "a": 2}), result={}),
    InterfaceCase("if-ignored", ignored_inputs, (1, True, "hello"), result=1, ignored=("debug", "note")),
    InterfaceCase("if-ignored-other-call", ignored_inputs, (1, False, "bye"), result=1, ignored=("debug", "note")),
    InterfaceCase("if-ignored-unknown", ignored_inputs, (1,), result=1, ignored=("absent",)),
    InterfaceCase("if-ignored-all", ignored_all, (1,), result=1, ignored=("x",)),
    InterfaceCase("if-closure", closure_constants, (1,), result=6),
    InterfaceCase("if-strings", with_strings, ("x",), result="x"),
    InterfaceCase("if-decorated", decorated, (1,), result=1),
    InterfaceCase("if-lambda", as_lambda, (1,), result=1, rejects=True),
    InterfaceCase("if-static-method", Callables.static, (1,), result=1),
    InterfaceCase("if-string-annotation", string_annotation, (1,), result=1),
    InterfaceCase("if-one-tuple", one_tuple, (1,), result=(1,), rejects=True),
    InterfaceCase("if-open-tuple", open_tuple, (1,), result=(1,), rejects=True),
    InterfaceCase("if-bare-tuple", bare_tuple, (1,), result=(1,)),
    InterfaceCase("if-var-args", var_args, (1,), result=1, rejects=True),
    InterfaceCase("if-var-kwargs", var_kwargs, (), {"a": 1}, result=1, rejects=True),
    InterfaceCase("if-flag-output", flag_output, (1,), result=1, rejects=True),
    InterfaceCase("if-missing-input", two, (1,), result=(1, "a"), rejects=True),
    InterfaceCase("if-unknown-input", identity_int, (1,), {"y": 2}, result=1, rejects=True),
    InterfaceCase("if-too-many-inputs", identity_int, (1, 2), result=1, rejects=True),
    InterfaceCase("if-wrong-input", identity_int, ("1",), result=1, rejects=True),
    InterfaceCase("if-wrong-output", identity_int, (1,), result="1", rejects=True),
    InterfaceCase("if-wrong-output-count", two, (1, "a"), result=(1,), rejects=True),
    InterfaceCase("if-output-none", identity_int, (1,), result=None, rejects=True),
    InterfaceCase("if-nothing-returns-value", nothing_typed, result=5, rejects=True),
]
