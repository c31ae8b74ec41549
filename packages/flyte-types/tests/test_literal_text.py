"""`literal_string_repr`: what a command line prints of literals."""

import asyncio
import datetime as dt
from dataclasses import dataclass

import pytest
from flyteidl2.core.literals_pb2 import Binary, Literal, LiteralMap, LiteralOffloadedMetadata, Scalar
from flyteidl2.task.common_pb2 import Inputs, NamedLiteral, Outputs

from flyte_types.file import File
from flyte_types.literal_text import literal_string_repr, plain_of_literals
from flyte_types.type_engine import TypeEngine


@dataclass
class Point:
    x: int
    at: dt.datetime = dt.datetime(2020, 1, 1)


def literal_of(value, t):
    return asyncio.run(TypeEngine.to_literal(value, t, TypeEngine.to_literal_type(t)))


@pytest.mark.parametrize(("t", "value", "expected"), [
    (int, 1, 1), (float, 1.5, 1.5), (bool, True, True), (str, "s", "s"), (None, None, None),
    (dt.datetime, dt.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC), "2020-01-02T03:04:05.000006"),
    (dt.date, dt.date(1960, 1, 2), "1960-01-02T00:00:00"),
    (dt.timedelta, dt.timedelta(days=1, seconds=2), 86402), (dt.timedelta, dt.timedelta(seconds=-2.5), -2.5),
    (list[int | None], [1, None], [1, None]), (dict[str, int], {"b": 1}, {"b": 1}), (int | None, 3, 3),
    (dict, {"b": 1, "a": [2]}, '{"b": 1, "a": [2]}'), (dict[int, int], {1: 2}, '{"1": 2}'), (dict, {"b": b"x"}, '{"b": "eA=="}'),
    (Point, Point(1), '{"x": 1, "at": "2020-01-01T00:00:00"}'), (File, File(path="s3://b/k"), "s3://b/k"),
])  # fmt: skip
def test_values_as_recorded_from_the_reference(t, value, expected):
    assert expected == literal_string_repr(literal_of(value, t))
    assert {"k": expected} == literal_string_repr({"k": literal_of(value, t)})


def test_other_literals():
    generic = Literal()
    generic.scalar.generic.update({"a": 1, "b": [1, None]})
    assert literal_string_repr(generic) == {"a": 1.0, "b": [1.0, None]}
    assert literal_string_repr(Literal(scalar=Scalar(binary=Binary(value=b"xyz", tag="other")))) == b"eHl6"
    offloaded = Literal(offloaded_metadata=LiteralOffloadedMetadata(uri="s3://b/k", size_bytes=10))
    assert literal_string_repr(offloaded) == "stored at s3://b/k (10 bytes)"
    error = Literal()
    error.scalar.error.message = "boom"
    assert literal_string_repr(error) == "boom"


def test_what_programs_read_holds_no_json_in_text():
    literals = [
        NamedLiteral(name="point", value=literal_of(Point(1), Point)),
        NamedLiteral(name="points", value=literal_of([Point(2)], list[Point])),
        NamedLiteral(name="keys", value=literal_of({1: 2}, dict[int, int])),
        NamedLiteral(name="number", value=literal_of(1.5, float)),
    ]
    assert plain_of_literals(Inputs(literals=literals)) == {
        "point": {"x": 1, "at": "2020-01-01T00:00:00"},
        "points": [{"x": 2, "at": "2020-01-01T00:00:00"}],
        "keys": {"1": 2},
        "number": 1.5,
    }


def test_messages_that_hold_literals_by_name():
    one = literal_of(1, int)
    named = NamedLiteral(name="n", value=one)
    for holder in (
        named,
        Inputs(literals=[named]),
        Outputs(literals=[named]),
        LiteralMap(literals={"n": one}),
        {"n": one},
    ):
        assert literal_string_repr(holder) == {"n": 1}
    assert literal_string_repr(None) == literal_string_repr({}) == {}


@pytest.mark.parametrize("bad", [3, [Literal()], Literal(), {"k": Literal()}, Literal(scalar=Scalar())])
def test_what_holds_no_literals_is_an_error(bad):
    with pytest.raises(ValueError, match="holds no literals|has no value"):
        literal_string_repr(bad)
