"""Typed forms of tasks: what is written in a field becomes the literal that a task gets."""

import datetime as dt
import json
from typing import Any

import msgpack
import pytest
from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import task_definition_pb2
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from flyte_devbox.console.launch_form import FormError, fields_of, inputs_of
from flyte_devbox.forms import literal_of, value_of

SIMPLE = {
    "int": types_pb2.INTEGER,
    "float": types_pb2.FLOAT,
    "str": types_pb2.STRING,
    "bool": types_pb2.BOOLEAN,
    "datetime": types_pb2.DATETIME,
    "duration": types_pb2.DURATION,
}


def simple(name: str) -> types_pb2.LiteralType:
    return types_pb2.LiteralType(simple=SIMPLE[name])


def optional(kind: types_pb2.LiteralType) -> types_pb2.LiteralType:
    union = types_pb2.UnionType(variants=[kind, types_pb2.LiteralType(simple=types_pb2.NONE)])
    return types_pb2.LiteralType(union_type=union)


def packed() -> types_pb2.LiteralType:
    """The type of a dataclass, as it is registered."""
    kind = types_pb2.LiteralType(simple=types_pb2.STRUCT)
    annotations = {"cache-key-metadata": {"serialization-format": "msgpack"}}
    json_format.ParseDict(annotations, kind.annotation.annotations)
    return kind


def task(kind: types_pb2.LiteralType, default: literals_pb2.Literal | None = None) -> task_definition_pb2.TaskSpec:
    spec = task_definition_pb2.TaskSpec()
    entry = spec.task_template.interface.inputs.variables.add(key="x")
    entry.value.type.CopyFrom(kind)
    if default is not None:
        parameter = spec.default_inputs.add(name="x").parameter
        parameter.default.CopyFrom(default)
    return spec


def filled(kind: types_pb2.LiteralType, text: str) -> Any:
    """What a field gives, as JSON shows it."""
    return value_of(inputs_of(task(kind), {"x": text}).literals[0].value)


def test_inputs_with_defaults_are_in_the_order_of_the_task() -> None:
    spec = task_definition_pb2.TaskSpec()
    for name in ("a", "b", "c", "d"):
        spec.task_template.interface.inputs.variables.add(key=name).value.type.CopyFrom(simple("int"))
    for name in ("d", "a", "b"):
        spec.default_inputs.add(name=name).parameter.default.CopyFrom(literal_of(1, {}, simple("int")))
    assert [field.name for field in fields_of(spec)] == ["c", "d", "a", "b"]
    # What a run has given changes no places.
    given = {name: literal_of(2, {}, simple("int")) for name in ("a", "b", "c", "d")}
    assert [field.name for field in fields_of(spec, given)] == ["c", "d", "a", "b"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "-42", -42),
        ("int", " 9223372036854775807 ", 2**63 - 1),
        ("float", "1e-3", 0.001),
        ("str", "", ""),
        ("str", " <b>\n", " <b>\n"),
        ("bool", "false", False),
        ("datetime", "2026-01-31T12:00", "2026-01-31T12:00:00Z"),
        ("datetime", "2026-01-31T12:00:00.25+02:00", "2026-01-31T10:00:00.250Z"),
        ("datetime", "0021-01-31T12:00", "0021-01-31T12:00:00Z"),
        ("duration", "1h30m", "5400s"),
        ("duration", "90", "90s"),
        ("duration", "PT1M0.5S", "60.500s"),
        ("duration", "-250ms", "-0.250s"),
    ],
)
def test_a_field_gives_a_value_of_its_type(kind: str, text: str, value: object) -> None:
    assert filled(simple(kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("int", "1.5", "whole number"),
        ("int", "9223372036854775808", "64 bits"),
        ("int", "", "needed"),
        ("float", "much", "no number"),
        ("bool", "yes", "neither"),
        ("datetime", "tomorrow", "no time"),
        ("duration", "5 parsecs", "no duration"),
        ("duration", "1" * 400, "no duration"),
        pytest.param("duration", "1" * 1_000_000 + "x", "no duration", id="a duration that is very long"),
    ],
)
def test_what_is_no_value_of_the_type_is_said(kind: str, text: str, said: str) -> None:
    with pytest.raises(FormError) as caught:
        filled(simple(kind), text)
    assert said in caught.value.problems["x"]


def test_an_input_that_the_task_has_not_is_said() -> None:
    with pytest.raises(FormError, match="no such input"):
        inputs_of(task(simple("int")), {"x": "1", "y": "2"})


def test_an_empty_field_of_an_optional_input_is_none() -> None:
    for kind in map(simple, SIMPLE):
        assert filled(optional(kind), "") is None
    assert filled(optional(simple("int")), "5") == 5


def test_an_enum_has_its_values_to_choose_from() -> None:
    kind = types_pb2.LiteralType(enum_type=types_pb2.EnumType(values=["red", "blue"]))
    assert fields_of(task(kind))[0].options == ("red", "blue")
    assert filled(kind, "blue") == "blue"
    with pytest.raises(FormError, match="none of red, blue"):
        filled(kind, "green")


def test_lists_and_dicts_are_json_and_their_parts_have_types() -> None:
    kind = types_pb2.LiteralType(collection_type=types_pb2.LiteralType(map_value_type=simple("int")))
    assert filled(kind, '[{"a": 1}, {}]') == [{"a": 1}, {}]
    for wrong, said in (('[{"a": "one"}]', "no value of"), ("[", "line 1, column 2"), ("[" * 100_000, "nested")):
        with pytest.raises(FormError, match=said):
            filled(kind, wrong)


def test_a_dataclass_is_stored_as_its_type_says() -> None:
    literal = inputs_of(task(packed()), {"x": '{"n": 9007199254740993, "names": ["a"]}'}).literals[0].value
    assert literal.scalar.binary.tag == "msgpack"
    assert msgpack.unpackb(literal.scalar.binary.value) == {"n": 9007199254740993, "names": ["a"]}
    # Without that, as JSON.
    plain = inputs_of(task(types_pb2.LiteralType(simple=types_pb2.STRUCT)), {"x": '{"n": 1}'}).literals[0].value
    assert plain.scalar.generic["n"] == 1
    for wrong in ('{"n": 99999999999999999999999}', "[1]", '{"a":' * 900 + "1" + "}" * 900):
        with pytest.raises(FormError):
            filled(packed(), wrong)


def test_an_example_shows_what_json_a_dataclass_has() -> None:
    kind = packed()
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "default": 3},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/Tag"}},
        },
        "$defs": {
            "Tag": {"type": "object", "properties": {"text": {"type": "string"}, "more": {"$ref": "#/$defs/Tag"}}}
        },
    }
    json_format.ParseDict(schema, kind.metadata)
    example = json.loads(fields_of(task(kind))[0].example)
    assert example["n"] == 3
    assert example["tags"][0]["text"] == "text"


def test_what_was_packed_is_shown() -> None:
    binary = literals_pb2.Binary(value=msgpack.packb({"x": 1, "b": b"\0"}), tag="msgpack")
    assert value_of(literals_pb2.Literal(scalar=literals_pb2.Scalar(binary=binary))) == {"x": 1, "b": "AA=="}
    binary.value = b"\xc1"
    assert value_of(literals_pb2.Literal(scalar=literals_pb2.Scalar(binary=binary))) == "wQ=="


@st.composite
def defaults(draw: st.DrawFn) -> tuple[types_pb2.LiteralType, literals_pb2.Literal]:
    name = draw(st.sampled_from([*SIMPLE, "list", "packed"]))
    if name == "list":
        kind = types_pb2.LiteralType(collection_type=simple("str"))
        return kind, literal_of(draw(st.lists(st.text(st.characters(codec="utf-8")))), {}, kind)
    if name == "packed":
        value = draw(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(-(2**63), 2**63 - 1)))
        return packed(), literal_of(value, {}, packed())
    values: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(-(2**63), 2**63 - 1),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "str": st.text(st.characters(codec="utf-8")),
        "bool": st.booleans(),
        "datetime": st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)).map(lambda at: f"{at.isoformat()}Z"),
        "duration": st.integers(-(10**9), 10**9).map(lambda milliseconds: f"{milliseconds / 1000:.3f}s"),
    }
    return simple(name), literal_of(draw(values[name]), {}, simple(name))


@given(defaults())
def test_what_a_form_shows_gives_the_same_value_again(case: tuple[types_pb2.LiteralType, literals_pb2.Literal]) -> None:
    kind, default = case
    (field,) = fields_of(task(kind, default))
    # Left alone, the default stays as it is; written by hand, it is the same.
    assert inputs_of(task(kind, default), {"x": field.text}).literals[0].value == default
    if field.kind == "str" or field.text.strip():
        assert value_of(inputs_of(task(kind), {"x": field.text}).literals[0].value) == value_of(default)
