"""Python types and interfaces rebuilt from stored ones: what the corpus does not have, and hostile schemas."""

import asyncio
import dataclasses
import inspect
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

import pydantic
import pytest
from flyteidl2.core.interface_pb2 import Parameter, TypedInterface, Variable
from flyteidl2.core.types_pb2 import BINARY, ERROR, STRUCT, LiteralType, TypeStructure
from flyteidl2.task.common_pb2 import NamedParameter
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_models.interface import NativeInterface
from flyte_types.json_schema_types import DataclassTypes, ModelTypes
from flyte_types.reverse import guess_interface, python_type_of
from flyte_types.type_engine import TypeEngine

DATACLASS, MODEL = "Object-Dataclass-Transformer", "Pydantic Transformer"


def stored(schema, tag=DATACLASS):
    metadata = Struct()
    metadata.update(schema)
    return LiteralType(simple=STRUCT, metadata=metadata, structure=TypeStructure(tag=tag))


def properties(required=(), **schemas):
    return {
        "type": "object",
        "title": "T",
        "properties": schemas,
        "required": list(required),
        "additionalProperties": False,
    }


@pytest.mark.parametrize(("schema", "expected"), [
    ({"type": "integer"}, int), ({"type": "number", "format": "time-delta"}, float), ({"type": "string", "format": "date"}, str),
    ({"type": "string", "format": "base64"}, bytes), ({}, Any), ({"const": "a"}, Literal["a"]), ({"const": 1}, Literal[1]),
    ({"enum": ["a", "b"]}, str), ({"enum": [1, 2]}, int), ({"enum": ["a", None]}, str | None),
    ({"type": ["integer", "null"]}, int | None), ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, int | None),
    ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, int | str), ({"allOf": [{"type": "integer"}, {"minimum": 1}]}, int),
    ({"type": "array"}, list), ({"type": "array", "items": {"type": "integer"}}, list[int]),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, tuple[int, str]),
    ({"type": "object"}, dict), ({"type": "object", "additionalProperties": {"type": "integer"}}, dict[str, int]),
    ({"type": "object", "propertyNames": {"type": "integer"}, "additionalProperties": {"type": "string"}}, dict[int, str]),
    ({"type": "object", "properties": {"a": {"type": "integer"}}}, dict[str, Any]), ({"type": "nonsense"}, Any), (True, Any),
], ids=str)  # fmt: skip
def test_schemas_of_fields(schema, expected):
    made = python_type_of(stored(properties(["f"], f=schema)))
    assert typing.get_type_hints(made) == {"f": expected}


def test_required_fields_come_first_in_their_order_and_defaults_are_kept():
    made = python_type_of(
        stored(
            properties(
                ["z", "a"],
                a={"type": "integer"},
                z={"type": "string"},
                f={"type": "number", "default": 1},
                n={"type": "integer", "default": 3},
                b={"type": "string", "format": "base64", "default": "AP8=\n"},
                items={"type": "array", "items": {"type": "integer"}},
                table={"type": "object", "default": {"k": [1]}},
                maybe={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            )
        )
    )
    assert [one.name for one in dataclasses.fields(made)][:2] == ["z", "a"]
    value = made("z", 1)
    assert (value.f, type(value.f), value.n, value.b) == (1.0, float, 3, b"\x00\xff")
    assert (value.items, value.table, value.maybe) == ([], {"k": [1]}, None)
    assert made("z", 1).table is not value.table
    with pytest.raises(TypeError):
        made("z")


def test_recursive_dataclasses():
    made = python_type_of(
        stored(
            {
                "$ref": "#/$defs/Left",
                "$defs": {
                    "Left": properties([], rights={"type": "array", "items": {"$ref": "#/$defs/Right"}})
                    | {"title": "Left"},
                    "Right": properties(
                        [], left={"anyOf": [{"$ref": "#/$defs/Left"}, {"type": "null"}], "default": None}
                    )
                    | {"title": "Right"},
                },
            }
        )
    )
    (rights,) = typing.get_type_hints(made).values()
    right = typing.get_args(rights)[0]
    assert typing.get_type_hints(right) == {"left": made | None}
    value = made([right(made([]))])
    literal = asyncio.run(TypeEngine.to_literal(value, made, TypeEngine.to_literal_type(made)))
    assert value == asyncio.run(TypeEngine.to_python_value(literal, made))


class Leaf(pydantic.BaseModel):
    trees: list["Tree"] = []


class Branch(pydantic.BaseModel):
    tree: "Tree | None" = None
    leaf: Leaf | None = None


class Tree(pydantic.BaseModel):
    branch: Branch
    leaves: dict[str, Leaf] = {}


def test_mutually_recursive_models():
    made = python_type_of(TypeEngine.to_literal_type(Tree))
    value = made.model_validate({"branch": {"tree": {"branch": {"leaf": {"trees": []}}}}, "leaves": {"a": {}}})
    assert type(value.branch.tree) is made
    assert type(value.leaves["a"]) is type(value.branch.tree.branch.leaf)


def test_a_class_inline_twice_is_one_class():
    point = properties(["x"], x={"type": "integer"}) | {"title": "Point"}
    made = python_type_of(stored(properties(["a", "b"], a=point, b={"type": "array", "items": point})))
    hints = typing.get_type_hints(made)
    point = hints["a"]
    assert hints["b"] == list[point]


def test_models_keep_descriptions_and_what_they_allow():
    schema = properties(["a"], a={"type": "integer", "description": "how many"}) | {"description": "A thing."}
    made = python_type_of(stored(schema, MODEL))
    assert (made.__doc__, made.model_fields["a"].description) == ("A thing.", "how many")
    with pytest.raises(pydantic.ValidationError):
        made(a=1, b=2)
    del schema["additionalProperties"]
    assert python_type_of(stored(schema, MODEL))(a=1, b=2).b == 2


def test_discriminated_unions_choose_by_the_discriminator():
    def kind(name):
        return properties(["kind"], kind={"const": name, "type": "string"}, n={"type": "integer", "default": 0}) | {
            "title": name
        }

    schema = properties(
        ["pet"],
        pet={
            "oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}],
            "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/$defs/cat", "dog": "#/$defs/dog"}},
        },
    ) | {"$defs": {"cat": kind("cat"), "dog": kind("dog")}}
    made = python_type_of(stored(schema, MODEL))
    assert type(made.model_validate({"pet": {"kind": "dog", "n": 1}}).pet).__name__ == "dog"
    with pytest.raises(pydantic.ValidationError):
        made.model_validate({"pet": {"kind": "cow"}})


@dataclass
class Point:
    x: int
    tags: list[str] = field(default_factory=list)


@dataclass
class Line:
    ends: list[Point]
    name: str | None = None


def test_a_value_of_a_rebuilt_class_is_stored_like_the_original():
    original = TypeEngine.to_literal_type(Line)
    made = python_type_of(original)
    point = typing.get_args(typing.get_type_hints(made)["ends"])[0]

    async def check():
        ours = await TypeEngine.to_literal(made([point(1, ["a"])], "l"), made, original)
        assert await TypeEngine.to_python_value(ours, Line) == Line([Point(1, ["a"])], "l")

    asyncio.run(check())
    assert TypeEngine.to_literal_type(made) == original
    assert python_type_of(original) is made


@pytest.mark.parametrize("literal_type", [
    LiteralType(), LiteralType(simple=BINARY), LiteralType(simple=ERROR), LiteralType(collection_type=LiteralType(simple=ERROR)),
])  # fmt: skip
def test_types_that_stand_for_nothing_are_an_error(literal_type):
    with pytest.raises(ValueError, match="no Python type stands for"):
        python_type_of(literal_type)


@pytest.mark.parametrize("schema", [
    {"$ref": "#/$defs/Gone"}, {"$ref": "elsewhere"}, {"$ref": 3}, properties(["class"], **{"class": {"type": "integer"}}),
    properties(["a-b"], **{"a-b": {"type": "integer"}}), {"type": "object", "title": "T", "properties": ["a"]},
    properties(["f"], f={"anyOf": 3}), {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
], ids=str)  # fmt: skip
def test_schemas_that_nobody_should_write_are_errors(schema):
    with pytest.raises(ValueError, match=r"JSON schema|no dataclass"):
        python_type_of(stored(schema))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["object", "array", "string", "#/$defs/a", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "anyOf", "$ref", "$defs", "required", "enum", "title", "a", "default"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["type", "properties", "anyOf", "$ref", "$defs", "title", "required"]), JSON))
def test_no_schema_breaks_more_than_a_value_error(schema):
    for tag in (DATACLASS, MODEL, "Typed Tuple", "NamedTuple", "TypedDict", ""):
        try:
            python_type_of(stored(schema, tag))
        except ValueError:
            continue


def test_nested_without_end_is_an_error():
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    for kind in (DataclassTypes, ModelTypes):
        with pytest.raises(ValueError, match="nested deeper"):
            kind(schema).root()


def variable(t):
    return Variable(type=TypeEngine.to_literal_type(t))


def test_interfaces_are_rebuilt_with_their_defaults():
    interface = TypedInterface()
    for name, t in (("n", int), ("xs", list[str]), ("p", Point)):
        interface.inputs.variables.add(key=name, value=variable(t))
    interface.outputs.variables.add(key="o0", value=variable(int | None))
    default = asyncio.run(TypeEngine.to_literal(3, int, variable(int).type))
    parameters = [
        NamedParameter(name="n", parameter=Parameter(var=variable(int), default=default)),
        NamedParameter(name="xs", parameter=Parameter(var=variable(list[str]), required=True)),
    ]
    native = guess_interface(interface, parameters)
    assert isinstance(native, NativeInterface)
    assert native.inputs["n"] == (int, NativeInterface.has_default)
    assert native.inputs["xs"] == (list[str], inspect.Parameter.empty)
    assert native.inputs["p"][0].__name__ == "Point"
    assert native.outputs == {"o0": int | None}
    assert native.remote_defaults == {"n": default}
    assert guess_interface(interface).inputs["n"] == (int, inspect.Parameter.empty)
    assert guess_interface(TypedInterface()).inputs == {}


def test_an_interface_that_cannot_be_rebuilt_names_the_variable():
    interface = TypedInterface()
    interface.inputs.variables.add(key="bad", value=Variable(type=LiteralType(simple=ERROR)))
    with pytest.raises(ValueError, match="input `bad`: no Python type"):
        guess_interface(interface)
