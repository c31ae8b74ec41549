"""Transformers that users write: their types may stand anywhere, and all of one value are awaited together."""
# ruff: noqa: UP045  (both spellings are tested)

import asyncio
import dataclasses
import datetime as dt
import html
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, NotRequired, Optional, TypedDict

import pydantic
import pytest
from flyteidl2.core.literals_pb2 import Binary, Literal, Primitive, Scalar
from flyteidl2.core.types_pb2 import BINARY, FLOAT, STRUCT, BlobType, LiteralType
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_types import (
    InlineLimitError,
    InputTypeError,
    InputValueError,
    InterfaceCodec,
    OutputError,
    UnsupportedTypeError,
)
from flyte_types.codec import decode_literal_async, encode_literal, encode_literal_async, needs_await
from flyte_types.type_engine import TypeEngine
from flyte_types.type_transformer import TypeTransformer, TypeTransformerFailedError


@dataclass(frozen=True)
class Reaumur:
    degrees: float


class Opaque:
    """Stored as a literal that no plain data stands for."""

    def __init__(self, data):
        self.data = data

    def __eq__(self, other):
        return isinstance(other, Opaque) and other.data == self.data


class Broken:
    """Its transformer fails."""


class ReaumurTransformer(TypeTransformer[Reaumur]):
    """Counts how many conversions run at once."""

    running = peak = 0

    def __init__(self):
        super().__init__("Reaumur", Reaumur)

    def get_literal_type(self, t):
        return LiteralType(simple=FLOAT)

    async def to_literal(self, python_val, python_type, expected):
        assert python_type is Reaumur
        assert expected == LiteralType(simple=FLOAT)
        ReaumurTransformer.running += 1
        ReaumurTransformer.peak = max(ReaumurTransformer.peak, ReaumurTransformer.running)
        await asyncio.sleep(0)
        ReaumurTransformer.running -= 1
        return Literal(scalar=Scalar(primitive=Primitive(float_value=python_val.degrees)))

    async def to_python_value(self, lv, expected_python_type):
        await asyncio.sleep(0)
        return Reaumur(lv.scalar.primitive.float_value)

    def guess_python_type(self, literal_type):
        if literal_type.simple == FLOAT and literal_type.structure.tag == "Reaumur":
            return Reaumur
        raise ValueError("not mine")


class OpaqueTransformer(TypeTransformer[Opaque]):
    def __init__(self):
        super().__init__("Opaque", Opaque)

    def get_literal_type(self, t):
        return LiteralType(simple=BINARY)

    async def to_literal(self, python_val, python_type, expected):
        return Literal(scalar=Scalar(binary=Binary(value=python_val.data, tag="opaque")), hash="h")

    async def to_python_value(self, lv, expected_python_type):
        assert (lv.scalar.binary.tag, lv.hash) == ("opaque", "h")
        return Opaque(lv.scalar.binary.value)


class BrokenTransformer(TypeTransformer[Broken]):
    def __init__(self):
        super().__init__("Broken", Broken, enable_type_assertions=False)

    def get_literal_type(self, t):
        return LiteralType(simple=STRUCT)

    async def to_literal(self, python_val, python_type, expected):
        raise RuntimeError("no luck")

    async def to_python_value(self, lv, expected_python_type):
        raise RuntimeError("no luck")


TypeEngine.register(ReaumurTransformer())
TypeEngine.register(OpaqueTransformer())
TypeEngine.register(BrokenTransformer())


@dataclass
class Reading:
    at: Reaumur
    opaque: Opaque
    all: list[Reaumur] = field(default_factory=list)
    maybe: Optional[Reaumur] = None
    named: dict[str, Reaumur] = field(default_factory=dict)
    pair: tuple[Reaumur, int] = (Reaumur(0.5), 1)


@dataclass
class Checked:
    at: Reaumur

    def __post_init__(self):
        assert isinstance(self.at, Reaumur)


@dataclass
class Nested:
    reading: Reading
    checked: list[Checked]


@dataclass
class Tree:
    at: Reaumur
    children: list["Tree"] = field(default_factory=list)


class Station(pydantic.BaseModel):
    """pydantic stores `Reaumur`, a dataclass, by itself, and so it does."""

    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    at: Reaumur
    series: dict[str, list[Reaumur | None]] = pydantic.Field(default_factory=dict)
    opened: dt.datetime = dt.datetime(2020, 1, 1)
    reading: Reading | None = None


class Network(pydantic.BaseModel):
    """pydantic knows nothing of `Opaque` but its class."""

    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    stations: list[Station]
    limit: int = 3
    opaque: Opaque | None = None

    @pydantic.field_validator("limit")
    @classmethod
    def _check(cls, limit: int) -> int:
        assert limit < 10
        return limit


@dataclass
class Country:
    network: Network
    best: Station | None = None


class Pair(NamedTuple):
    left: Opaque
    right: list[Reaumur] = []


class Entry(TypedDict):
    opaque: Opaque
    maybe: NotRequired[Reaumur]


@dataclass
class Holder:
    pair: Pair
    entry: Entry
    both: tuple[Opaque, Pair]


def round_trip(value, t):
    return asyncio.run(_round_trip(value, t))


async def _round_trip(value, t):
    return await decode_literal_async(await encode_literal_async(value, t), t)


READING = Reading(Reaumur(1), Opaque(b"\x00"), [Reaumur(2), Reaumur(3)], Reaumur(4), {"a": Reaumur(5)}, (Reaumur(6), 7))


STATION = Station(at=Reaumur(1), series={"a": [Reaumur(2), None]}, reading=READING)
NETWORK = Network(stations=[STATION, Station(at=Reaumur(3))], opaque=Opaque(b"o"))


@pytest.mark.parametrize(("t", "value"), [
    (Reaumur, Reaumur(1.5)),
    (Annotated[Reaumur, "in the shade"], Reaumur(1.5)),
    (list[Reaumur], [Reaumur(1), Reaumur(2)]),
    (list[Reaumur], []),
    (dict[str, Reaumur], {"b": Reaumur(1), "a": Reaumur(2)}),
    (dict[int, Reaumur], {2: Reaumur(1)}),
    (Optional[Reaumur], None),
    (Reaumur | float, 1.5),
    (Reaumur | float, Reaumur(1.5)),
    (list[dict[str, list[Reaumur | None | int]]], [{"a": [Reaumur(1), None, 3]}, {}]),
    (list[Reaumur] | int, [Reaumur(1)]),
    (Opaque, Opaque(b"x")),
    (list[Opaque | None], [None, Opaque(b"")]),
    (Reading, READING),
    (list[Reading], [READING, READING]),
    (dict[str, Reading | None], {"a": READING, "b": None}),
    (Checked, Checked(Reaumur(1))),
    (Nested, Nested(READING, [Checked(Reaumur(1)), Checked(Reaumur(2))])),
    (Tree, Tree(Reaumur(1), [Tree(Reaumur(2)), Tree(Reaumur(3), [Tree(Reaumur(4))])])),
    (Pair, Pair(Opaque(b"p"), [Reaumur(1)])),
    (list[Pair | None], [None, Pair(Opaque(b"p"))]),
    (Entry, {"opaque": Opaque(b"e")}),
    (dict[str, Entry], {"a": {"opaque": Opaque(b"e"), "maybe": Reaumur(1)}}),
    (tuple[Opaque, int], (Opaque(b"t"), 1)),
    (tuple[Pair, tuple[Opaque, Reaumur]], (Pair(Opaque(b"p")), (Opaque(b"t"), Reaumur(1)))),
    (Holder, Holder(Pair(Opaque(b"p")), {"opaque": Opaque(b"e")}, (Opaque(b"t"), Pair(Opaque(b"q"))))),
    (Station, STATION),
    (list[Network | None], [NETWORK, None]),
    (Country, Country(NETWORK, STATION)),
], ids=lambda value: str(value)[:40])  # fmt: skip
def test_custom_types_stand_anywhere(t, value):
    assert needs_await(t)
    assert value == round_trip(value, t)


CELSIUS = st.floats(allow_nan=False).map(Reaumur)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=3), st.none() | st.integers(0, 9) | CELSIUS, max_size=4), max_size=4))
def test_every_place_gets_its_own_value_back(value):
    assert value == round_trip(value, list[dict[str, Reaumur | int | None]])


def test_a_conversion_awaits_its_places_together_and_no_more_than_the_limit(monkeypatch):
    ReaumurTransformer.peak = 0
    values = [Reaumur(number) for number in range(100)]
    assert values == round_trip(values, list[Reaumur])
    assert ReaumurTransformer.peak == 10
    monkeypatch.setenv("_F_TE_MAX_COROS", "3")
    ReaumurTransformer.peak = 0
    assert values == round_trip(values, list[Reaumur])
    assert ReaumurTransformer.peak == 3


def test_the_literal_is_the_transformers_own():
    literal = Literal.FromString(asyncio.run(encode_literal_async([Reaumur(2.5)], list[Reaumur])))
    assert literal.collection.literals[0].scalar.primitive.float_value == 2.5
    union = Literal.FromString(asyncio.run(encode_literal_async(Reaumur(2.5), Reaumur | None))).scalar.union
    assert (union.type.structure.tag, union.value.scalar.primitive.float_value) == ("Reaumur", 2.5)


def test_inside_a_dataclass_plain_literals_stay_readable_and_others_are_kept_whole():
    payload = Literal.FromString(asyncio.run(encode_literal_async(Checked(Reaumur(0.5)), Checked))).scalar.binary
    assert (payload.tag, payload.value) == ("msgpack", b"\x81\xa2at\xcb\x3f\xe0" + b"\x00" * 6)
    fields = TypeEngine.to_literal_type(Reading).metadata.fields["properties"].struct_value.fields
    assert fields["at"].struct_value.fields["type"].string_value == "number"
    assert fields["opaque"].struct_value.fields["format"].string_value == "base64"


def test_a_model_checks_what_is_read():
    data = asyncio.run(encode_literal_async(NETWORK.model_copy(update={"limit": 50}), Network))
    with pytest.raises(InputValueError, match="limit"):
        asyncio.run(decode_literal_async(data, Network))


def test_a_model_has_the_schema_of_its_parts():
    found = TypeEngine.to_literal_type(Network)
    assert found.structure.tag == "Pydantic Transformer"
    fields = found.metadata.fields["properties"].struct_value.fields
    assert fields["limit"].struct_value.fields["default"].number_value == 3
    assert list(found.metadata.fields["required"].list_value) == ["stations"]
    assert TypeEngine.guess_python_type(found).__name__ == "Network"


class Link(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    at: Opaque
    next: Optional["Link"] = None


def test_models_that_cannot_be_opened_say_why():
    class Aliased(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        at: Opaque = pydantic.Field(alias="At")

    for model, text in ((Aliased, "`at` of the model `Aliased` has an alias"), (Link, "`Link` contains itself")):
        with pytest.raises(UnsupportedTypeError, match=text):
            TypeEngine.to_literal_type(model)


def test_parts_have_names_in_errors_and_in_the_schema():
    for t, value, text in (
        (Pair, Pair(Opaque(b""), [Reaumur(1), "warm"]), r"at `\.right\[1\]`"),
        (Holder, Holder(Pair(3), {"opaque": Opaque(b"")}, (Opaque(b""), Pair(Opaque(b"")))), r"at `\.pair\.left`"),
        (Entry, {"maybe": Reaumur(1)}, r"at `\.opaque` is missing"),
        (tuple[Opaque, int], (Opaque(b""),), "must be tuple"),
    ):
        with pytest.raises((InputValueError, InputTypeError), match=text):
            asyncio.run(encode_literal_async(value, t))
    fields = TypeEngine.to_literal_type(Entry).metadata.fields
    assert fields["title"].string_value == "TypedDictWrapper_Entry"
    assert list(fields["required"].list_value) == ["opaque"]


def codec():
    return InterfaceCodec({"xs": list[Reaumur], "n": (int, 3)}, {"o0": Reaumur, "o1": Reading}, task_name="env.f")


def test_inputs_and_outputs_of_a_task():
    async def check():
        inputs = await codec().encode_inputs_async({"xs": [Reaumur(1)]}, {"key": "value"})
        assert await codec().decode_inputs_async(inputs) == {"xs": [Reaumur(1)], "n": 3}
        _, context = await codec().decode_inputs_and_context_async(inputs)
        assert context == {"key": "value"}
        outputs = await codec().encode_outputs_async((Reaumur(1), READING))
        assert await codec().decode_outputs_async(outputs) == (Reaumur(1), READING)

    assert codec().needs_await
    asyncio.run(check())


def test_an_interface_without_custom_types_needs_no_await_and_takes_the_async_methods_all_the_same():
    plain = InterfaceCodec({"n": int}, {"o0": str}, task_name="env.f")
    assert not plain.needs_await
    assert asyncio.run(plain.encode_inputs_async({"n": 1})) == plain.encode_inputs({"n": 1})
    assert asyncio.run(plain.decode_outputs_async(plain.encode_outputs("a"))) == "a"


def test_a_wrong_value_names_the_place():
    with pytest.raises(InputValueError) as caught:
        asyncio.run(codec().encode_inputs_async({"xs": [Reaumur(1), "warm"]}))
    assert ("env.f", "xs", "[1]") == (caught.value.task, caught.value.parameter, caught.value.path)
    assert "must be Reaumur, got 'warm' (str)" in str(caught.value)
    assert isinstance(caught.value.__cause__, TypeTransformerFailedError)


def test_an_error_of_a_transformer_is_the_cause():
    with pytest.raises(
        InputValueError, match=r"the value at `\['a'\]\[1\]` could not be converted: RuntimeError: no luck"
    ) as caught:
        asyncio.run(encode_literal_async({"a": [None, Broken()]}, dict[str, list[Broken | None]]))
    assert isinstance(caught.value.__cause__, RuntimeError)
    broken = InterfaceCodec({}, {"o0": list[Broken]}, task_name="env.f")
    with pytest.raises(OutputError, match="no luck"):
        asyncio.run(broken.encode_outputs_async([Broken()]))


@dataclass
class Strict:
    parts: list[Optional["Unreadable"]]

    def __post_init__(self):
        assert all(isinstance(part, (Unreadable, type(None))) for part in self.parts)


class Unreadable:
    """Can be written, and not always read."""

    def __init__(self, degrees):
        self.degrees = degrees


class UnreadableTransformer(ReaumurTransformer):
    def __init__(self):
        TypeTransformer.__init__(self, "Unreadable", Unreadable)

    async def to_literal(self, python_val, python_type, expected):
        return Literal(scalar=Scalar(primitive=Primitive(float_value=python_val.degrees)))

    async def to_python_value(self, lv, expected_python_type):
        if lv.scalar.primitive.float_value < 0:
            raise ValueError("below zero")
        return Unreadable(lv.scalar.primitive.float_value)


TypeEngine.register(UnreadableTransformer())


class Bag(NamedTuple):
    first: int
    unreadable: Unreadable


@pytest.mark.parametrize(("t", "value", "path"), [
    (list[Unreadable], [Unreadable(1), Unreadable(-1)], "[1]"),
    (dict[str, list[Unreadable | None]], {"a": [None, Unreadable(-1)]}, "['a'][1]"),
    (Strict, Strict([None, Unreadable(1), Unreadable(-1)]), ".parts[2]"),
    (list[Strict], [Strict([Unreadable(1)]), Strict([Unreadable(-1)])], "[1].parts[0]"),
    (list[Bag], [Bag(1, Unreadable(1)), Bag(2, Unreadable(-1))], "[1].unreadable"),
])  # fmt: skip
def test_what_cannot_be_read_is_found_too(t, value, path):
    data = asyncio.run(encode_literal_async(value, t))
    with pytest.raises(InputValueError, match="ValueError: below zero") as caught:
        asyncio.run(decode_literal_async(data, t))
    assert path == caught.value.path
    task = InterfaceCodec({"v": t}, {}, task_name="env.f")
    inputs = asyncio.run(task.encode_inputs_async({"v": value}))
    with pytest.raises(InputValueError, match="below zero") as caught:
        asyncio.run(task.decode_inputs_async(inputs))
    assert ("v", path) == (caught.value.parameter, caught.value.path)


def test_one_failure_stops_the_others():
    started = []

    class Slow:
        pass

    class SlowTransformer(TypeTransformer):
        def __init__(self):
            super().__init__("Slow", Slow)

        def get_literal_type(self, t):
            return LiteralType(simple=FLOAT)

        async def to_literal(self, python_val, python_type, expected):
            started.append(python_val)
            if len(started) == 1:
                raise ValueError("the first one fails")
            await asyncio.sleep(60)

        async def to_python_value(self, lv, expected_python_type):
            raise AssertionError

    TypeEngine.register(SlowTransformer())
    with pytest.raises(InputValueError, match="the first one fails"):
        asyncio.run(asyncio.wait_for(encode_literal_async([Slow() for _ in range(30)], list[Slow]), 30))
    assert len(started) <= 10


def test_the_blocking_conversion_says_that_it_cannot_wait():
    with pytest.raises(
        InputValueError, match=r"at `\[0\]` holds a Reaumur, which a coroutine converts\nhint: use the async form"
    ):
        encode_literal([Reaumur(1)], list[Reaumur])


def test_a_transformer_in_annotated_is_used_for_that_annotation_only():
    class Loud:
        pass

    class LoudTransformer(ReaumurTransformer):
        async def to_literal(self, python_val, python_type, expected):
            return Literal(scalar=Scalar(primitive=Primitive(float_value=-1.0)))

    loud = LoudTransformer()
    assert asyncio.run(_round_trip(Reaumur(5), Annotated[Reaumur, loud])) == Reaumur(-1)
    assert round_trip(Reaumur(5), Reaumur) == Reaumur(5)
    assert TypeEngine.get_transformer(Annotated[Reaumur, loud]) is loud


def test_what_a_transformer_must_give():
    class Odd:
        pass

    class OddTransformer(TypeTransformer):
        literal_type = None

        def __init__(self):
            super().__init__("Odd", Odd)

        def get_literal_type(self, t):
            return self.literal_type

        async def to_literal(self, python_val, python_type, expected):
            return 3

    transformer = OddTransformer()
    TypeEngine.register(transformer)
    with pytest.raises(UnsupportedTypeError, match="`Odd` must give a `LiteralType` for `Odd`, got None"):
        TypeEngine.to_literal_type(Odd)
    transformer.literal_type = LiteralType(blob=BlobType())
    with pytest.raises(InputValueError, match=r"must give a `Literal`, got 3 \(int\)"):
        asyncio.run(encode_literal_async(Odd(), Odd))


class Bare:
    """Has a transformer of the base class."""


def test_the_base_class_says_what_is_missing():
    base = TypeTransformer("Bare", Bare)
    assert ("Bare", Bare, True) == (base.name, base.python_type, base.type_assertions_enabled)
    assert not base.schema_match({"title": "Bare"})
    assert "Bare" in repr(base)
    for call in (
        lambda: base.get_literal_type(Bare),
        lambda: asyncio.run(base.to_literal(Bare(), Bare, LiteralType())),
    ):
        with pytest.raises(NotImplementedError, match="`Bare` has no"):
            call()
    with pytest.raises(ValueError, match="does not rebuild"):
        base.guess_python_type(LiteralType())
    assert html.escape(str(Bare)) == base.to_html(Bare, Bare)


@pytest.mark.parametrize(("t", "good", "bad"), [
    (int, 1, "a"), (list[int], ["not looked at"], (1,)), (Optional[int], None, "a"), (int | str, "a", 1.5), (None, None, 1),
    (Annotated[int, "x"], 1, "a"),
])  # fmt: skip
def test_assert_type_looks_at_the_outermost_type(t, good, bad):
    base = TypeTransformer("Bare", Bare)
    base.assert_type(t, good)
    with pytest.raises(TypeTransformerFailedError, match="must be"):
        base.assert_type(t, bad)


def test_failures_can_be_caught_as_each_of_the_classes_of_the_reference():
    assert (TypeError, AssertionError, ValueError) == TypeTransformerFailedError.__bases__
    base = TypeTransformer("Bare", Bare)
    base.isinstance_generic([1], list[int])
    with pytest.raises(TypeTransformerFailedError):
        base.isinstance_generic({1: 2}, list[int])


def test_from_binary_idl_reads_msgpack():
    base = TypeTransformer("Bare", Bare)
    assert base.from_binary_idl(Binary(value=b"\x81\xa1a\x01", tag="msgpack"), dict[str, int]) == {"a": 1}
    with pytest.raises(TypeTransformerFailedError, match=r"must be tagged `msgpack` to be read, got `other`"):
        base.from_binary_idl(Binary(value=b"\x01", tag="other"), int)
    with pytest.raises(TypeTransformerFailedError):
        base.from_binary_idl(Binary(value=b"\x81", tag="msgpack"), dict[str, int])


def test_stored_types_name_their_transformer():
    assert TypeEngine.guess_python_type(TypeEngine.to_literal_type(Reaumur | None)) == Optional[Reaumur]
    assert TypeEngine.guess_python_type(LiteralType(simple=FLOAT)) is float


def test_a_rebuilt_class_may_hold_custom_types():
    @dataclasses.dataclass
    class Holder:
        at: Reaumur | None

    rebuilt = TypeEngine.guess_python_type(TypeEngine.to_literal_type(Holder))
    assert [one.name for one in dataclasses.fields(rebuilt)] == ["at"]


@dataclass(frozen=True)
class Warm(Reaumur):
    """A value of a subclass chooses no variant by its class."""


@dataclass
class Mixed:
    """Stored as plain numbers, a temperature and a float would be the same."""

    value: Reaumur | float | None
    values: "list[Reaumur | Mixed | str]" = field(default_factory=list)


class MixedTuple(NamedTuple):
    value: Reaumur | float


class MixedModel(pydantic.BaseModel, arbitrary_types_allowed=True):
    value: Reaumur | float
    values: list[Opaque | Reaumur | None] = []


@pytest.mark.parametrize(
    ("t", "value"),
    [
        (Reaumur | float, Reaumur(1.5)),
        (Reaumur | float, 1.5),
        (Reaumur | int | None, 1),
        (Reaumur | int | None, None),
        (Reaumur | Opaque, Opaque(b"x")),
        (list[Reaumur] | list[str], ["a"]),
        (list[Reaumur] | list[str] | Reaumur, [Reaumur(1.5)]),
        (dict[str, Reaumur] | dict[str, Opaque], {"a": Opaque(b"x")}),
        (list[Reaumur | float | None], [1.0, Reaumur(1.0), None]),
        (Mixed, Mixed(Reaumur(1.0), [Reaumur(2.0), "a", Mixed(1.0, [Mixed(None)])])),
        (Mixed, Mixed(1.0)),
        (MixedTuple, MixedTuple(Reaumur(1.0))),
        (MixedTuple, MixedTuple(1.0)),
        (MixedModel, MixedModel(value=Reaumur(1.0), values=[None, Reaumur(2.0), Opaque(b"x")])),
        (MixedModel, MixedModel(value=1.0)),
        (dict[int, Reaumur | float], {1: 1.0, 2: Reaumur(1.0)}),
    ],
)
def test_a_union_keeps_a_custom_type_apart_from_what_looks_alike_on_the_wire(t, value):
    back = asyncio.run(decode_literal_async(asyncio.run(encode_literal_async(value, t)), t))
    assert back == value
    assert type(back) is type(value)


def test_where_no_class_decides_the_variant_is_the_one_that_takes_the_value():
    literal = asyncio.run(encode_literal_async(3, Reaumur | float))
    assert Literal.FromString(literal).scalar.union.type.structure.tag == "float"
    literal = asyncio.run(encode_literal_async(Warm(3.0), Reaumur | float))
    assert Literal.FromString(literal).scalar.union.type.structure.tag == "Reaumur"


def test_a_value_that_no_variant_or_more_than_one_takes_is_refused():
    with pytest.raises(
        InputTypeError, match=r"the value at `\[0\]\.values\[0\]` must be Reaumur \| Mixed \| str, got 2\.5"
    ):
        asyncio.run(encode_literal_async([Mixed(None, [2.5])], list[Mixed]))  # type: ignore[list-item]
    with pytest.raises(
        InputTypeError, match=r"must be a value that fits only one of list\[Reaumur\] \| list\[str\], got \[\]"
    ):
        asyncio.run(encode_literal_async([], list[Reaumur] | list[str]))


def test_a_transformer_that_fails_inside_a_union_is_heard():
    with pytest.raises(InputValueError, match="RuntimeError: no luck"):
        asyncio.run(encode_literal_async([], Broken | int))


def test_a_value_that_contains_itself_ends_in_an_error():
    value = Mixed(None)
    value.values.extend([value, value])
    with pytest.raises(InputValueError, match="does not contain itself"):
        asyncio.run(encode_literal_async(value, Mixed))


def test_the_limit_counts_what_transformers_made():
    codec = InterfaceCodec({"a": Opaque}, {"o0": Opaque}, task_name="env.f", max_inline_io_bytes=1000)
    with pytest.raises(InlineLimitError, match="input `a` of task `env.f`"):
        asyncio.run(codec.encode_inputs_async({"a": Opaque(b"x" * 1000)}))
    with pytest.raises(InlineLimitError, match="output `o0` of task `env.f`"):
        asyncio.run(codec.encode_outputs_async(Opaque(b"x" * 1000)))
