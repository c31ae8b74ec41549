"""Classes, tuples, unions and pickles: what is written comes back, types keep their order, and errors say where."""
# ruff: noqa: UP007  (orders and spellings are tested)

import dataclasses
import datetime as dt
import enum
import typing
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import pydantic
import pytest
from flyteidl2.core.literals_pb2 import Literal as LiteralMessage
from flyteidl2.core.types_pb2 import LiteralType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from flyte_models.context import task_scope
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.task_context import TaskContext
from flyte_types import (
    ConversionError,
    InputTypeError,
    InputValueError,
    UnsupportedTypeError,
    plain_wrappers,
    wrapper_models,
)
from flyte_types.codec import InterfaceCodec, decode_literal, encode_literal, literal_type_of

T = TypeVar("T")


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Pair(NamedTuple):
    a: int
    b: str = "b"


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Zip(BaseModel):
    code: int
    color: Color = Color.RED


@dataclass
class Address:
    zip: Zip
    lines: list[str] = field(default_factory=list)


@dataclass
class Box(Generic[T]):
    item: T


@dataclass
class Kinds:
    pair: Pair
    movie: Movie
    mode: Literal["a", 1]
    id: uuid.UUID
    price: Decimal
    at: dt.time
    path: Path
    counts: Counter[str]
    ordered: OrderedDict[int, str]
    grouped: defaultdict[str, int]
    queue: deque[int]
    boxes: list[Box[Color]]
    tree: "Tree"


@dataclass
class Tree:
    children: list["Tree"] = field(default_factory=list)


def round_trip(value: Any, t: Any) -> Any:
    return decode_literal(encode_literal(value, t), t)


@contextmanager
def raw_data(path: str) -> Iterator[None]:
    context = TaskContext(
        action=ActionID(name="a0"),
        version="v",
        raw_data_path=RawDataPath(path=path),
        output_path="",
        run_base_dir="",
        report=None,
    )
    with task_scope(context):
        yield


def test_a_dataclass_may_hold_all_kinds():
    kinds = Kinds(
        pair=Pair(1), movie={"title": "t"}, mode=1, id=uuid.UUID(int=1), price=Decimal("1.10"), at=dt.time(1, 2), path=Path("/a"),
        counts=Counter("aab"), ordered=OrderedDict({2: "b", 1: "a"}), grouped=defaultdict(int, a=1), queue=deque([1, 2]),
        boxes=[Box(Color.BLUE)], tree=Tree([Tree()]),
    )  # fmt: skip
    back = round_trip(kinds, Kinds)
    assert kinds == back
    assert [type(getattr(kinds, name.name)) for name in dataclasses.fields(Kinds)] == [
        type(getattr(back, name.name)) for name in dataclasses.fields(Kinds)
    ]
    assert back.grouped["new"] == 0


def test_a_model_in_a_dataclass_is_written_as_on_its_own():
    address = Address(Zip(code=1, color=Color.BLUE), ["x"])
    assert address == round_trip(address, Address)
    assert {1: Zip(code=2)} == round_trip({1: Zip(code=2)}, dict[int, Zip])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (int | str, str | int),
        (list[int | str], list[str | int]),
        (dict[str, int | None], dict[str, None | int]),
        (tuple[int, str], typing.Tuple[int, str]),  # noqa: UP006
        (set[int], typing.Set[int]),  # noqa: UP006
        (Literal[1], Literal[True]),
        (Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1)]),
        (Box[int], Box[str]),
    ],
)
def test_types_that_python_calls_equal_have_their_own_plans(one: Any, other: Any):
    assert literal_type_of(one) != literal_type_of(other)


def test_aliases_are_read_by_name_and_by_alias():
    class Named(BaseModel):
        first: int = Field(alias="firstName")
        second: str = Field("s", validation_alias="secondIn")

    value = Named(firstName=1, secondIn="kept")
    assert value == round_trip(value, Named)
    assert Named(firstName=2) == decode_literal(encode_literal({"firstName": 2}, dict), Named)


def test_validation_has_the_context():
    seen: list[Any] = []

    class Watched(BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def watch(cls, n: int, info: pydantic.ValidationInfo) -> int:
            seen.append(dict(info.context or {}))
            if info.context:
                info.context["seen"] = n
            return n

    literal = encode_literal(Watched(n=1), Watched)
    for _ in range(2):
        seen.clear()
        back = decode_literal(literal, Watched)
        assert [{"deserialize": True}] == seen
        assert Watched(n=1) == back


@pytest.mark.parametrize(
    ("t", "value", "path", "words"),
    [
        (Address, {"zip": {"code": "x"}}, ".zip.code", "a valid integer"),
        (
            list[Address],
            [Address(Zip(code=1)), Address(Zip(code=2), ["", 3])],
            "[1].lines[1]",
            "must be str, got 3 (int)",
        ),  # type: ignore[list-item]
        (tuple[int, Zip], (1, {"color": "r"}), "[1].code", "is missing"),
        (tuple[int, str], (1,), "", "which has 2"),
        (Pair, ("x", "b"), ".a", "a valid integer"),
        (Movie, {"title": 1}, ".title", "a valid string"),
        (dict[str, Zip], {"k": 5}, "['k']", "must be Zip, got 5 (int)"),
        (Box[Pair], Box((1, 2)), ".item[1]", "must be str, got 2 (int)"),
        (Kinds, None, "", "must be Kinds, got None"),
        (Box[Movie], Box({"title": 1}), ".item['title']", "must be str, got 1 (int)"),
        (Box[Literal["a"]], Box("b"), ".item", "must be Literal['a'], got 'b' (str)"),
        (Box[Decimal], Box(1.5), ".item", "must be Decimal, got 1.5 (float)"),
        (Any, None, "", "must be a value, got None"),
    ],
)
def test_errors_say_where(t: Any, value: Any, path: str, words: str):
    with pytest.raises(ConversionError) as caught:
        encode_literal(value, t)
    assert path == caught.value.path
    assert words in str(caught.value)


class Ring(NamedTuple):
    items: "list[Ring]"


def test_a_value_that_contains_itself_is_an_error():
    ring = Ring([])
    ring.items.append(ring)
    with pytest.raises(InputValueError, match="does not contain itself"):
        encode_literal(Box(ring), Box[Ring])
    assert Box(Ring([Ring([])])) == round_trip(Box(Ring([Ring([])])), Box[Ring])


@dataclass
class Restless:
    """Changes what it stands in when it is read."""

    name: str
    place: typing.ClassVar[Any] = None
    size: typing.ClassVar[int] = 0

    def __getattribute__(self, name: str) -> Any:
        place = Restless.place
        if name == "name" and isinstance(place, dict):
            place.clear() if Restless.size == 0 else place.update({str(i): self for i in range(Restless.size)})
        if name == "name" and isinstance(place, list):
            place.clear() if Restless.size == 0 else place.extend([self] * Restless.size)
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("size", [0, 100])
@pytest.mark.parametrize(
    "make", [lambda: {"a": Restless("x"), "b": Restless("y")}, lambda: [Restless("x"), Restless("y")]]
)
@pytest.mark.parametrize("inside", [True, False])
def test_a_container_that_changes_while_it_is_read_is_no_crash(make: Any, size: int, inside: bool):
    value = make()
    t: Any = list[Restless] if isinstance(value, list) else dict[str, Restless]
    Restless.place, Restless.size = value, size
    failed = ""
    literal = b""
    try:
        literal = encode_literal(Box(value), Box[t]) if inside else encode_literal(value, t)
    except ConversionError as error:
        failed = str(error)
    finally:
        Restless.place = None
    if failed:
        assert "changed while it was read" in failed
    else:
        assert decode_literal(literal, Box[t] if inside else t) is not None


def test_errors_of_an_input_name_the_task():
    codec = InterfaceCodec({"items": list[Address]}, {}, task_name="env.f")
    with pytest.raises(InputValueError) as caught:
        codec.encode_inputs({"items": [Address({"code": "x"})]})  # type: ignore[arg-type]
    assert str(caught.value).startswith("input `items[0].zip.code` of task `env.f` must be a valid integer")


@pytest.mark.parametrize("t", [dict[tuple[int, int], int], Counter[str], BaseModel, enum.Flag, typing.List])  # noqa: UP006
def test_refused_types(t: Any):
    with pytest.raises(UnsupportedTypeError):
        literal_type_of(t)


def test_a_choice_of_texts_is_an_enum_in_an_interface():
    codec = InterfaceCodec({"mode": Literal["fast", "slow"]}, {}, task_name="env.f")
    data = codec.encode_inputs({"mode": "fast"})
    assert {"mode": "fast"} == codec.decode_inputs(data)
    with pytest.raises(InputValueError, match="must be one of 'fast', 'slow', got 'medium'"):
        codec.encode_inputs({"mode": "medium"})


def test_large_pickles_go_to_a_file(tmp_path: Path):
    with raw_data(str(tmp_path)):
        literal = encode_literal(b"x" * 20000, bytes)
        assert len(list(tmp_path.rglob("*"))) == 2
        assert b"x" * 20000 == decode_literal(literal, bytes)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(InputValueError, match="a readable file"):
        decode_literal(literal, bytes)


def test_large_pickles_go_to_stores():
    with raw_data("memory://pickles/raw"):
        literal = encode_literal(b"x" * 20000, bytes)
    assert b"memory://pickles/raw/" in literal
    assert b"x" * 20000 == decode_literal(literal, bytes)


@pytest.mark.parametrize("data", [b"", b"\x0a", b"\x0a\x00", b"\x08\x01", b"\x0a\x04\x1a\x02\x0a\x00", b"\xff" * 20])
def test_hostile_pickles_are_errors(data: bytes):
    with pytest.raises((InputTypeError, InputValueError)):
        decode_literal(data, bytes)


_names = st.sampled_from(["a", "b", "zip", "ключ"])
_leaves: st.SearchStrategy[tuple[Any, st.SearchStrategy[Any]]] = st.sampled_from(
    [
        (int, st.integers(-(2**63), 2**63 - 1)),
        (float, st.floats(allow_nan=False)),
        (str, st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
        (bool, st.booleans()),
        (dt.date, st.dates()),
        (dt.timedelta, st.integers(-(10**11), 10**11).map(lambda seconds: dt.timedelta(seconds=seconds))),
        (Color, st.sampled_from(list(Color))),
        (bytes, st.binary(max_size=5)),
    ]
)


def _nested(inner: st.SearchStrategy[Any], *, is_packed: bool) -> st.SearchStrategy[Any]:
    def made(pairs: list[tuple[Any, Any]], kind: str) -> tuple[Any, Any]:
        t, values = pairs[0]
        match kind:
            case "list":
                return list[t], st.lists(values, max_size=3)
            case "dict":
                return dict[str, t], st.dictionaries(_names, values, max_size=3)
            case "optional":
                return t | None, st.none() | values
            case "dataclass":
                fields = [f"f{i}" for i in range(len(pairs))]
                cls = dataclasses.make_dataclass("Made", [(n, p[0]) for n, p in zip(fields, pairs, strict=True)])
                return cls, st.builds(cls, *(values for _, values in pairs))
            case _:
                return tuple[tuple(t for t, _ in pairs)], st.tuples(*(values for _, values in pairs))

    kinds = ["list", "dict", "optional", "dataclass"] + (["tuple"] if is_packed else [])
    return st.builds(made, st.lists(inner, min_size=1, max_size=3), st.sampled_from(kinds))


_simple = st.recursive(
    st.sampled_from(
        [(int, st.integers(-(2**63), 2**63)), (float, st.floats(allow_nan=False, allow_infinity=False)), (str, st.text("aé", max_size=3)),
         (bool, st.booleans())]
    ),
    lambda inner: st.one_of(
        st.builds(lambda p: (list[p[0]], st.lists(p[1], max_size=2)), inner),
        st.builds(lambda p: (p[0] | None, st.none() | p[1]), inner),
        st.builds(lambda p: (dict[str, p[0]], st.dictionaries(_names, p[1], max_size=2)), inner),
        st.builds(lambda p: (tuple[p[0], ...], st.lists(p[1], max_size=2).map(tuple)), inner),
        st.builds(lambda p, q: (tuple[p[0], q[0]], st.tuples(p[1], q[1])), inner, inner),
    ),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_needs_no_pydantic_equals_what_pydantic_makes(data: st.DataObject):
    pairs = data.draw(st.lists(_simple, min_size=1, max_size=3))
    hints, values = [t for t, _ in pairs], [data.draw(values) for _, values in pairs]
    names = ["item", "two_words", "camelCase"][: len(hints)]
    keys: dict[str, Any] = {
        name: NotRequired[t] if i else t for i, (name, t) in enumerate(zip(names, hints, strict=True))
    }
    for t, value, plain, full in (
        (tuple[tuple(hints)], tuple(values), plain_wrappers.plain_tuple, wrapper_models.wrap_tuple),
        (NamedTuple("Made", list(zip(names, hints, strict=True))), None, plain_wrappers.plain_named_tuple, wrapper_models.wrap_named_tuple),  # noqa: UP014
        (TypedDict("Made", keys), {names[0]: values[0]}, plain_wrappers.plain_typed_dict, wrapper_models.wrap_typed_dict),
    ):  # fmt: skip
        given_value = t(*values) if value is None else value
        form, wrapped = plain(t), full(t)
        assert form is not None
        assert wrapped.schema == form.schema
        written = form.write(given_value)
        assert wrapped.dump(given_value) == written
        assert wrapped.load(written) == form.read(written)


def test_other_values_are_coerced_by_pydantic():
    assert (1, "a") == round_trip(("1", "a"), tuple[int, str])
    assert Pair(1, "b") == round_trip((1.0, "b"), Pair)
    assert {"title": "t"} == round_trip({"title": "t", "more": 1}, Movie)


_packed = st.recursive(_leaves, lambda inner: _nested(inner, is_packed=True), max_leaves=4)
_types = st.recursive(
    st.one_of(_leaves, st.builds(lambda p: (Box[p[0]], st.builds(Box, p[1])), _packed)),
    lambda inner: _nested(inner, is_packed=False),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_values_of_any_type_come_back(data: st.DataObject):
    t, values = data.draw(_types)
    value = data.draw(values)
    literal = encode_literal(value, t)
    assert LiteralMessage.FromString(literal).SerializeToString(deterministic=True) == literal
    kind = literal_type_of(t)
    assert LiteralType.FromString(kind).SerializeToString(deterministic=True) == kind
    assert value == decode_literal(literal, t)
