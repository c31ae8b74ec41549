"""`TypeEngine`: the registry and conversions in terms of protobuf objects."""

import asyncio
import datetime as dt
import enum
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import pytest
from flyteidl2.core.interface_pb2 import Variable, VariableEntry
from flyteidl2.core.literals_pb2 import Literal, LiteralMap, LiteralOffloadedMetadata, Primitive, Scalar
from flyteidl2.core.types_pb2 import INTEGER, NONE, LiteralType
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_models.errors import RestrictedTypeError
from flyte_types import encode_literal, literal_type_of
from flyte_types.type_engine import Renderable, TypeEngine
from flyte_types.type_transformer import TypeTransformer, TypeTransformerFailedError


@dataclass
class Point:
    x: int
    y: float = 0.5


class Side(enum.Enum):
    LEFT = "l"


class Pair(NamedTuple):
    a: int
    b: str = "x"


def to_literal(value, t):
    return asyncio.run(TypeEngine.to_literal(value, t, TypeEngine.to_literal_type(t)))


def to_value(literal, t):
    return asyncio.run(TypeEngine.to_python_value(literal, t))


VALUES = [
    (int, 3), (float, 0.5), (bool, True), (str, "é"), (None, None), (dt.timedelta, dt.timedelta(days=-1)),
    (dt.datetime, dt.datetime(2026, 1, 2, tzinfo=dt.UTC)), (list[int], [1, 2]), (dict[str, float], {"b": 1.0, "a": 2.0}),
    (dict, {"k": [1, "x", None]}), (Point, Point(1)), (Side, Side.LEFT), (Point | None, None), (list[Point | int], [Point(1), 2]),
]  # fmt: skip


@pytest.mark.parametrize(("t", "value"), VALUES, ids=lambda value: str(value)[:30])
def test_values_become_protobuf_objects_and_come_back(t, value):
    literal = to_literal(value, t)
    assert isinstance(literal, Literal)
    assert literal == Literal.FromString(encode_literal(value, t))
    assert TypeEngine.to_literal_type(t) == LiteralType.FromString(literal_type_of(t))
    assert value == to_value(literal, t)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False))
    )
)
def test_round_trips(value):
    t = list[dict[str, int | float | None]]
    assert value == to_value(to_literal(value, t), t)


@dataclass
class Cat:
    name: str


@dataclass
class Dog:
    name: str
    tricks: int = 0


@pytest.mark.parametrize("value", [Cat("Tom"), Dog("Rex")])
def test_variants_with_one_tag_are_told_apart_by_their_stored_types(value):
    assert value == to_value(to_literal(value, Cat | Dog), Cat | Dog)


@pytest.mark.parametrize(("t", "value", "text"), [
    (int, "a", "must be int, got 'a' (str)"), (list[Point], [Point(1), 3], "at `[1]` must be Point"), (int, None, "got None"),
])  # fmt: skip
def test_what_does_not_fit_is_one_error(t, value, text):
    with pytest.raises(TypeTransformerFailedError) as caught:
        to_literal(value, t)
    assert text in str(caught.value)


def test_a_literal_of_another_kind_is_the_same_error():
    with pytest.raises(TypeTransformerFailedError, match="must be int"):
        to_value(to_literal("a", str), int)


def test_checks_before_a_conversion():
    def check(value, t):
        TypeEngine.to_literal_checks(value, t, TypeEngine.to_literal_type(t))

    check(1, int)
    check(None, int | None)
    check(None, None)
    with pytest.raises(TypeTransformerFailedError, match="must be int, got None"):
        check(None, int)


def test_offloaded_literals_are_read_where_they_are_stored(tmp_path):
    stored = to_literal([1, 2], list[int])
    file = tmp_path / "literal.pb"
    file.write_bytes(stored.SerializeToString())
    offloaded = Literal(offloaded_metadata=LiteralOffloadedMetadata(uri=str(file), size_bytes=3))
    assert stored == asyncio.run(TypeEngine.unwrap_offloaded_literal(offloaded))
    assert stored is asyncio.run(TypeEngine.unwrap_offloaded_literal(stored))
    assert to_value(offloaded, list[int]) == [1, 2]
    file.write_bytes(b"\xff\xff")
    with pytest.raises(TypeTransformerFailedError, match="is not a literal"):
        to_value(offloaded, list[int])


def test_maps_of_literals():
    literals = asyncio.run(TypeEngine.dict_to_literal_map({"a": 1, "b": [1]}, {"b": list[int]}))
    assert isinstance(literals, LiteralMap)

    def kwargs(**given):
        return asyncio.run(TypeEngine.literal_map_to_kwargs(literals, **given))

    assert kwargs(python_types={"a": int, "b": list[int], "more": str}) == {"a": 1, "b": [1]}
    variables = {
        "a": Variable(type=TypeEngine.to_literal_type(int)),
        "b": Variable(type=TypeEngine.to_literal_type(list[int])),
    }
    assert kwargs(literal_types=variables) == {"a": 1, "b": [1]}
    with pytest.raises(ValueError, match="need types"):
        kwargs()
    with pytest.raises(ValueError, match="no type is given for `b`"):
        kwargs(python_types={"a": int})
    with pytest.raises(TypeTransformerFailedError, match="`a`: the value must be str"):
        kwargs(python_types={"a": str, "b": list[int]})
    with pytest.raises(TypeTransformerFailedError, match="`a`: the value must be str"):
        asyncio.run(TypeEngine.dict_to_literal_map({"a": 1}, {"a": str}))


def test_fields_of_named_tuples_and_variables():
    entries = TypeEngine.named_tuple_to_variable_map(Pair).variables
    assert [("a", "0", int), ("b", "1", str)] == [
        (entry.key, entry.value.description, TypeEngine.guess_python_type(entry.value.type)) for entry in entries
    ]
    variable = Variable(type=LiteralType(simple=INTEGER))
    assert TypeEngine.guess_python_types([VariableEntry(key="a", value=variable)]) == {"a": int}


@pytest.mark.parametrize(("t", "name", "python_type"), [
    (int, "int", int), (list[int], "Typed List", list), (dict, "Typed Dict", dict), (Point, "Object-Dataclass-Transformer", Point),
    (Side, "DefaultEnumTransformer", Side), (Annotated[int, "x"], "int", int), (None, "none", type(None)),
])  # fmt: skip
def test_built_in_transformers_have_a_face(t, name, python_type):
    transformer = TypeEngine.get_transformer(t)
    assert isinstance(transformer, TypeTransformer)
    assert (name, python_type) == (transformer.name, transformer.python_type)
    assert transformer.get_literal_type(t) == TypeEngine.to_literal_type(t)


def test_the_face_converts():
    transformer = TypeEngine.get_transformer(Point)
    literal = asyncio.run(transformer.to_literal(Point(1), Point, TypeEngine.to_literal_type(Point)))
    assert asyncio.run(transformer.to_python_value(literal, Point)) == Point(1)
    assert transformer.guess_python_type(TypeEngine.to_literal_type(Point)).__name__ == "Point"
    with pytest.raises(ValueError, match="not of the transformer"):
        transformer.guess_python_type(LiteralType(simple=INTEGER))


def transformer_for(name, t):
    class Made(TypeTransformer):
        def get_literal_type(self, t):
            return LiteralType(simple=NONE)

        async def to_literal(self, python_val, python_type, expected):
            return Literal(scalar=Scalar(primitive=Primitive(string_value=name)))

        async def to_python_value(self, lv, expected_python_type):
            return lv.scalar.primitive.string_value

    return Made(name, t)


def test_registration():
    class First:
        pass

    class Second(First):
        pass

    class Third:
        pass

    one, other = transformer_for("one", First), transformer_for("other", First)
    TypeEngine.register(one, [Third])
    assert TypeEngine.get_transformer(Second) is TypeEngine.get_transformer(Third) is one
    assert {First, Third, int} <= set(TypeEngine.get_available_transformers())
    with pytest.raises(ValueError, match="`First` has a transformer already"):
        TypeEngine.register(other)
    with pytest.raises(ValueError, match="`int` has a transformer already"):
        TypeEngine.register(transformer_for("mine", int))
    TypeEngine.register_additional_type(other, First)
    assert TypeEngine.get_transformer(First) is one
    TypeEngine.register_additional_type(other, First, override=True)
    assert TypeEngine.get_transformer(First) is other
    with pytest.raises(TypeError, match="instance of `TypeTransformer`"):
        TypeEngine.register_additional_type(object(), Second)


def test_a_plan_made_before_the_registration_is_made_again():
    class Late:
        pass

    assert TypeEngine.get_transformer(list[Late]).name == "Typed List"
    assert TypeEngine.get_transformer(Late).name == "FlytePickle"
    TypeEngine.register(transformer_for("late", Late))
    assert TypeEngine.get_transformer(Late).name == "late"
    assert to_literal([Late()], list[Late]).collection.literals[0].scalar.primitive.string_value == "late"


def test_restricted_types_are_refused():
    class Secret:
        pass

    TypeEngine.register_restricted_type("secret", Secret)
    for t in (Secret, list[Secret], Secret | None):
        with pytest.raises(RestrictedTypeError, match="`Secret` may not be used"):
            TypeEngine.to_literal_type(t)
    with pytest.raises(ValueError, match="cannot be restricted"):
        TypeEngine.register_restricted_type("numbers", int)


def test_html_is_escaped_and_renderers_are_asked():
    class Bold:
        def to_html(self, python_value: Any) -> str:
            return f"<b>{python_value}</b>"

    assert isinstance(Bold(), Renderable)
    assert TypeEngine.to_html("a<b", str) == "a&lt;b"
    assert TypeEngine.to_html(3, Annotated[int, Bold()]) == "<b>3</b>"
    assert TypeEngine.to_html(3, Annotated[int, "x"]) == "3"


def test_neither_importing_nor_registering_loads_protobuf():
    script = (
        "import sys\n"
        "from flyte_types.type_engine import TypeEngine\n"
        "from flyte_types.type_transformer import TypeTransformer\n"
        "class A: pass\n"
        "TypeEngine.register(TypeTransformer('A', A))\n"
        "print(sorted(m for m in sys.modules if m.startswith(('google', 'flyteidl2', 'pydantic', 'asyncio'))))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
