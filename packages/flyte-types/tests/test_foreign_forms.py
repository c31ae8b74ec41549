"""Literals in the forms of other writers, below the surface as well; and bytes that are no literals at all."""

import asyncio
from dataclasses import dataclass

import pytest
from flyteidl2.core.literals_pb2 import Literal
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_types import ConversionError, InterfaceCodec, decode_literal, encode_literal
from flyte_types.codec import decode_literal_async
from flyte_types.wire import message, text


@dataclass
class Point:
    x: int
    y: float = 0.5


def generic(**fields):
    literal = Literal()
    literal.scalar.generic.update(fields)
    return literal


def integer(value):
    return Literal.FromString(encode_literal(value, int))


def packed(value):
    """A msgpack payload, as an older SDK stored it."""
    return Literal.FromString(encode_literal(value, dict))


def listed(*items):
    literal = Literal()
    literal.collection.literals.extend(items)
    return literal


def mapped(**items):
    literal = Literal()
    for name, item in items.items():
        literal.map.literals[name].CopyFrom(item)
    return literal


CASES = [
    (listed(generic(x=1), generic(x=2, y=1.5)), list[Point], [Point(1), Point(2, 1.5)]),
    (mapped(a=generic(x=1)), dict[str, Point], {"a": Point(1)}),
    (mapped(a=listed(generic(x=1), integer(3))), dict[str, list[Point | int]], {"a": [Point(1), 3]}),
    (generic(x=1), Point | None, Point(1)),
    (listed(integer(1), generic(k=1)), list[int | dict], [1, {"k": 1.0}]),
    (generic(a={"x": 1}), dict[str, Point], {"a": Point(1)}),
    (packed({"a": 1, "b": 2}), dict[str, int], {"a": 1, "b": 2}),
    (listed(packed({"a": 1})), list[dict[str, float]], [{"a": 1.0}]),
]


@pytest.mark.parametrize(("literal", "t", "expected"), CASES, ids=lambda value: str(value)[:30].replace("\n", " "))
def test_foreign_forms_are_read_below_the_surface(literal, t, expected):
    data = literal.SerializeToString()
    assert expected == decode_literal(data, t)
    assert expected == asyncio.run(decode_literal_async(data, t))
    codec = InterfaceCodec({"v": t}, {"o0": t}, task_name="env.f")
    named = message(1, text(1, "v") + message(2, data))
    assert {"v": expected} == codec.decode_inputs(named)
    outputs = message(1, text(1, "o0") + message(2, data))
    assert expected == codec.decode_outputs(outputs)


@pytest.mark.parametrize(("literal", "t"), [
    (generic(x="a"), Point), (generic(), Point), (listed(generic(x=1), generic(x="a")), list[Point]), (generic(x=1), int),
])  # fmt: skip
def test_what_does_not_fit_in_any_form_is_an_error_of_the_conversion(literal, t):
    with pytest.raises(ConversionError) as caught:
        decode_literal(literal.SerializeToString(), t)
    assert "LiteralError" not in str(caught.value)


TYPES = (Point, list[Point], dict[str, int], int | None, list[int | str], dict, Point | dict[str, int], bool)
LITERALS = st.sampled_from([case[0].SerializeToString() for case in CASES])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40) | st.tuples(LITERALS, st.integers(0, 60), st.binary(max_size=3)), st.sampled_from(TYPES))
def test_hostile_bytes_are_an_error_of_the_conversion(made, t):
    data = made
    if isinstance(made, tuple):
        literal, at, other = made
        data = literal[:at] + other + literal[at + len(other) :]
    for read in (lambda: decode_literal(data, t), lambda: asyncio.run(decode_literal_async(data, t))):
        try:
            read()
        except ConversionError:
            pass
    codec = InterfaceCodec({"v": t}, {}, task_name="env.f")
    try:
        codec.decode_inputs(message(1, text(1, "v") + message(2, data)))
    except ConversionError:
        pass
