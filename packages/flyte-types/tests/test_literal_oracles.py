"""Literal bytes beside protobuf, betterproto2 and msgpack, over generated types and values."""

import datetime as dt
import math
from dataclasses import dataclass

import betterproto2
import msgpack
from flyteidl2.core import literals_pb2, types_pb2
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_native import inputs_repr, literal_repr
from flyte_types import wire
from flyte_types.codec import decode_literal, encode_literal, literal_type_of

MODEST = settings(max_examples=150, deadline=None)


def _optional(t):
    return t if type(None) in getattr(t, "__args__", ()) or t is type(None) else t | None


leaves = st.sampled_from([int, float, bool, str, type(None), dt.datetime, dt.timedelta])
types = st.recursive(
    leaves, lambda t: t.map(lambda x: list[x]) | t.map(lambda x: dict[str, x]) | t.map(_optional), max_leaves=4
)
text = st.text(st.characters(codec="utf-8"), max_size=300)


def values_of(t):
    origin, args = getattr(t, "__origin__", None), getattr(t, "__args__", ())
    if origin is list:
        return st.lists(values_of(args[0]), max_size=6)
    if origin is dict:
        return st.dictionaries(text, values_of(args[1]), max_size=6)
    if args:
        return st.one_of([values_of(arg) for arg in args])
    return {
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
        str: text,
        type(None): st.none(),
        dt.datetime: st.datetimes(timezones=st.just(dt.UTC)),
        dt.timedelta: st.timedeltas(min_value=dt.timedelta(days=-100_000), max_value=dt.timedelta(days=100_000)),
    }[t]


typed_values = types.flatmap(lambda t: st.tuples(st.just(t), values_of(t)))


def message(t, value):
    """The oracle: the same value built with the protobuf classes."""
    literal = literals_pb2.Literal()
    origin, args = getattr(t, "__origin__", None), getattr(t, "__args__", ())
    primitive = literal.scalar.primitive
    if origin is list:
        literal.collection.SetInParent()
        literal.collection.literals.extend(message(args[0], item) for item in value)
    elif origin is dict:
        literal.map.SetInParent()
        for key, item in value.items():
            literal.map.literals[key].CopyFrom(message(args[1], item))
    elif args:
        chosen = type(None) if value is None else next(arg for arg in args if arg is not type(None))
        literal.scalar.union.value.CopyFrom(message(chosen, value))
        literal.scalar.union.type.ParseFromString(_variant_type(chosen))
    elif t is int:
        primitive.integer = value
    elif t is float:
        primitive.float_value = value
    elif t is bool:
        primitive.boolean = value
    elif t is str:
        primitive.string_value = value
    elif t is dt.datetime:
        primitive.datetime.FromDatetime(value)
    elif t is dt.timedelta:
        primitive.duration.FromTimedelta(value)
    else:
        literal.scalar.none_type.SetInParent()
    return literal


_TAGS = {
    int: "int",
    float: "float",
    bool: "bool",
    str: "str",
    type(None): "none",
    dt.datetime: "datetime",
    dt.timedelta: "timedelta",
}


def _variant_type(t):
    kind = types_pb2.LiteralType.FromString(literal_type_of(t))
    kind.structure.tag = _TAGS.get(t) or ("Typed List" if t.__origin__ is list else "Typed Dict")
    return kind.SerializeToString(deterministic=True)


@MODEST
@given(typed_values)
def test_bytes_are_those_of_protobuf(typed):
    t, value = typed
    assert message(t, value).SerializeToString(deterministic=True) == encode_literal(value, t)


@MODEST
@given(typed_values)
def test_values_come_back_from_any_encoding(typed):
    t, value = typed
    assert value == decode_literal(encode_literal(value, t), t)
    assert value == decode_literal(message(t, value).SerializeToString(), t)


@MODEST
@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20), st.binary(max_size=10))
def test_unknown_fields_are_skipped(numbers, junk):
    unknown = wire.message(100, junk) + b"\xf8\x07\x05"
    data = unknown + encode_literal(numbers, list[int]) + unknown
    assert numbers == decode_literal(data, list[int])


@MODEST
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8), st.integers(0, 8))
def test_a_message_in_parts_is_merged_as_protobuf_does(numbers, cut):
    data = encode_literal(numbers[:cut], list[int]) + encode_literal(numbers[cut:], list[int])
    merged = [item.scalar.primitive.integer for item in literals_pb2.Literal.FromString(data).collection.literals]
    assert merged == decode_literal(data, list[int]) == numbers


@dataclass(eq=False)
class BetterPrimitive(betterproto2.Message):
    integer: int | None = betterproto2.field(1, betterproto2.TYPE_INT64, optional=True, group="value")
    float_value: float | None = betterproto2.field(2, betterproto2.TYPE_DOUBLE, optional=True, group="value")
    string_value: str | None = betterproto2.field(3, betterproto2.TYPE_STRING, optional=True, group="value")


@dataclass(eq=False)
class BetterScalar(betterproto2.Message):
    primitive: BetterPrimitive | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True, group="value")


@dataclass(eq=False)
class BetterLiteral(betterproto2.Message):
    scalar: BetterScalar | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True, group="value")
    collection: "BetterCollection | None" = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )


@dataclass(eq=False)
class BetterCollection(betterproto2.Message):
    literals: list[BetterLiteral] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


def _better(value):
    name = {int: "integer", float: "float_value", str: "string_value"}[type(value)]
    return BetterLiteral(scalar=BetterScalar(primitive=BetterPrimitive(**{name: value})))


@MODEST
@given(st.sampled_from([int, float, str]).flatmap(lambda t: st.tuples(st.just(t), st.lists(values_of(t), max_size=6))))
def test_bytes_are_those_of_betterproto2(typed):
    t, values = typed
    literal = BetterLiteral(collection=BetterCollection(literals=[_better(value) for value in values]))
    assert bytes(literal) == encode_literal(values, list[t])


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | text
    | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(text | st.integers(-100, 100), inner, max_size=20),
    max_leaves=30,
)


@MODEST
@given(st.dictionaries(text, plain, max_size=5))
def test_plain_dicts_are_those_of_msgpack(value):
    data = encode_literal(value, dict)
    binary = literals_pb2.Literal.FromString(data).scalar.binary
    assert ("msgpack", msgpack.packb(value)) == (binary.tag, binary.value)
    assert value == decode_literal(data, dict)


def _sorted(value):
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: msgpack.packb(item[0]))
        return {key: _sorted(item) for key, item in items}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@MODEST
@given(st.dictionaries(text, plain, max_size=5))
def test_payloads_are_hashed_with_sorted_keys(value):
    literal = literals_pb2.Literal()
    literal.scalar.binary.tag = "msgpack"
    literal.scalar.binary.value = msgpack.packb(_sorted(value))
    assert literal.SerializeToString(deterministic=True) == literal_repr(encode_literal(value, dict))


def test_literals_with_a_hash_are_hashed_by_it():
    literal = literals_pb2.Literal(hash="H")
    literal.scalar.primitive.integer = 3
    assert literal_repr(literal.SerializeToString()) == b"H"
    assert inputs_repr(wire.message(1, wire.text(1, "a") + wire.message(2, literal.SerializeToString()))) == b"a:H;"


def test_nan_and_infinities_and_negative_zero():
    values = [math.nan, math.inf, -math.inf, -0.0]
    back = decode_literal(encode_literal(values, list[float]), list[float])
    assert [repr(value) for value in values] == [repr(value) for value in back]


json_like = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=6),
    max_leaves=20,
)


@MODEST
@given(st.dictionaries(st.text("abc", max_size=3), json_like, max_size=8))
def test_structs_are_those_of_protobuf(fields):
    struct = Struct()
    struct.update(fields)
    assert struct.SerializeToString(deterministic=True) == wire.struct_message(fields)


@MODEST
@given(types)
def test_literal_types_are_read_by_protobuf_and_written_back_the_same(t):
    data = literal_type_of(t)
    assert data == types_pb2.LiteralType.FromString(data).SerializeToString(deterministic=True)
