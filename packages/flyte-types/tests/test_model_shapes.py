"""Models that are read without their validator are what the validator would have made; all others are left to it."""

import math
import pickle
from typing import Annotated, Any, Literal, Optional

import msgpack
import pydantic
import pytest
from flyteidl2.core.literals_pb2 import Binary, Scalar
from flyteidl2.core.literals_pb2 import Literal as LiteralMessage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from flyte_types import ConversionError
from flyte_types.codec import decode_literal, encode_literal
from flyte_types.model_shapes import shape_of


class Inner(BaseModel):
    a: int = 3
    b: str | None = None
    c: Optional[list[float]] = Field(default_factory=list, description="noted")  # noqa: UP045


class Outer(BaseModel):
    model_config = ConfigDict(frozen=True)
    inner: Inner
    named: dict[str, Inner]
    flag: bool
    rest: list[list[int]]


class Counting(BaseModel):
    a: int

    def __new__(cls, *args: Any, **kwargs: Any) -> "Counting":
        made.append(1)
        return super().__new__(cls)


made: list[int] = []


class Node(BaseModel):
    value: int
    children: list["Node"] = []


class Private(BaseModel):
    a: int
    _seen: int = 0


class PostInit(BaseModel):
    a: int

    def model_post_init(self, context: Any) -> None:
        object.__setattr__(self, "a", self.a + 1)


class Validated(BaseModel):
    a: int

    @pydantic.field_validator("a")
    @classmethod
    def more(cls, value: int) -> int:
        return value + 1


class Initialised(BaseModel):
    a: int

    def __init__(self, **data: Any) -> None:
        super().__init__(**{"a": 7, **data})


class Root(pydantic.RootModel[int]):
    pass


def stored(payload: Any) -> bytes:
    binary = Binary(value=msgpack.packb(payload), tag="msgpack")
    return LiteralMessage(scalar=Scalar(binary=binary)).SerializeToString()


def assert_alike(expected: Any, value: Any) -> None:
    """Equal, and equal in what equality does not look at."""
    assert type(expected) is type(value)
    if isinstance(expected, BaseModel):
        assert list(expected.__dict__) == list(value.__dict__)
        assert expected.model_fields_set == value.model_fields_set
        assert expected.__pydantic_extra__ == value.__pydantic_extra__
        assert expected.__pydantic_private__ == value.__pydantic_private__
        for name, item in expected.__dict__.items():
            assert_alike(item, value.__dict__[name])
    elif isinstance(expected, list):
        assert len(expected) == len(value)
        for one, other in zip(expected, value, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, dict):
        assert list(expected) == list(value)
        for name, item in expected.items():
            assert_alike(item, value[name])
    else:
        assert expected == value or (math.isnan(expected) and math.isnan(value))


def test_kinds_are_found():
    inner = (("a", "int"), ("b", ("optional", "str")), ("c", ("optional", ("list", "float"))))
    assert shape_of(Inner) == (Inner, inner)
    assert shape_of(Outer) == (
        Outer,
        (
            ("inner", ("model", Inner, inner)),
            ("named", ("dict", ("model", Inner, inner))),
            ("flag", "bool"),
            ("rest", ("list", ("list", "int"))),
        ),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"a": (Annotated[int, Field(ge=0)], ...)},
        {"a": (Annotated[str, Field(alias="b")], ...)},
        {"a": (Annotated[int, Field(strict=True)], ...)},
        {"a": (Annotated[int, Field(frozen=True)], 1)},
        {"a": (Annotated[int, Field(validate_default=True)], 1)},
        {"a": (Annotated[list[int], Field(max_length=3)], ...)},
        {"a": (Annotated[int, pydantic.BeforeValidator(lambda value: value)], ...)},
        {"a": (Literal["x"], ...)},
        {"a": (int | str, ...)},
        {"a": (tuple[int, ...], ...)},
        {"a": (list, ...)},
        {"a": (dict[int, int], ...)},
        {"a": (bytes, ...)},
        {"a": (Any, ...)},
        {"a": (pydantic.SecretStr, ...)},
    ],
)
def test_what_is_more_than_a_kind_is_left_to_pydantic(fields: dict[str, Any]):
    assert shape_of(pydantic.create_model("Made", **fields)) is None


@pytest.mark.parametrize(
    "config",
    [
        {"extra": "allow"}, {"extra": "forbid"}, {"strict": True}, {"str_strip_whitespace": True}, {"str_max_length": 3},
        {"allow_inf_nan": False}, {"coerce_numbers_to_str": True}, {"from_attributes": True},
    ],
)  # fmt: skip
def test_settings_of_a_model_are_left_to_pydantic(config: Any):
    made = pydantic.create_model("Made", __config__=ConfigDict(**config), a=(str, ...))
    assert shape_of(made) is None


@pytest.mark.parametrize("model", [Node, Private, PostInit, Validated, Initialised, Root])
def test_models_with_code_of_their_own_are_left_to_pydantic(model: Any):
    assert shape_of(model) is None


def test_a_class_with_its_own_instances_makes_them():
    made.clear()
    literal = encode_literal([Counting(a=1)], list[Counting])
    assert [1] == made
    assert decode_literal(literal, list[Counting]) == [Counting(a=1)]
    assert len(made) == 3


_kinds = st.recursive(
    st.sampled_from(
        [
            (int, st.integers(-(2**63), 2**64 - 1)),
            (float, st.floats(allow_nan=False, allow_infinity=False)),
            (bool, st.booleans()),
            (str, st.text(st.characters(exclude_categories=["Cs"]), max_size=40)),
        ]
    ),
    lambda inner: st.one_of(
        st.builds(lambda pair: (list[pair[0]], st.lists(pair[1], max_size=3)), inner),
        st.builds(lambda pair: (pair[0] | None, st.none() | pair[1]), inner),
        st.builds(lambda pair: (dict[str, pair[0]], st.dictionaries(st.text("abé", max_size=3), pair[1])), inner),
        st.builds(
            lambda pairs: _model([pair[0] for pair in pairs], [pair[1] for pair in pairs]),
            st.lists(inner, max_size=3),
        ),
    ),
    max_leaves=5,
)


def _model(hints: list[Any], values: list[Any]) -> tuple[Any, Any]:
    names = [f"field_{index}" for index in range(len(hints))]
    model = pydantic.create_model("Made", **{name: (hint, ...) for name, hint in zip(names, hints, strict=True)})
    fields = st.fixed_dictionaries(dict(zip(names, values, strict=True)))
    return model, fields.map(lambda data: model(**data))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_instance_is_what_the_validator_makes(data: st.DataObject):
    pairs = data.draw(st.lists(_kinds, min_size=1, max_size=3))
    model, values = _model([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    assert shape_of(model) is not None
    value = data.draw(values)
    read = decode_literal(encode_literal(value, model), model)
    assert_alike(model.model_validate(value.model_dump()), read)
    assert read.model_copy() == value


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]),
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text("1a", max_size=2)
        | st.lists(st.floats() | st.integers(-5, 5) | st.text("1", max_size=1) | st.none(), max_size=3),
    )
)  # fmt: skip
def test_foreign_data_is_what_the_validator_makes_of_it(payload: dict[str, Any]):
    literal = stored(payload)
    try:
        expected = Inner.model_validate(payload)
    except pydantic.ValidationError:
        with pytest.raises(ConversionError):
            decode_literal(literal, Inner)
    else:
        assert_alike(expected, decode_literal(literal, Inner))


@pytest.mark.parametrize("length", range(0, 60, 3))
def test_cut_data_is_an_error(length: int):
    value = Outer(inner=Inner(b="é" * 40, c=[1.5]), named={"x": Inner()}, flag=True, rest=[[1, 2], []])
    payload = msgpack.packb(value.model_dump())
    assert len(payload) > 60
    binary = Binary(value=payload[:length], tag="msgpack")
    with pytest.raises(ConversionError):
        decode_literal(LiteralMessage(scalar=Scalar(binary=binary)).SerializeToString(), Outer)
    assert decode_literal(stored(value.model_dump()), Outer) == value


def test_instances_can_be_changed_copied_and_pickled():
    (read,) = decode_literal(encode_literal([Inner(b="x")], list[Inner]), list[Inner])
    read.a = 5
    assert read.model_copy(deep=True) == pickle.loads(pickle.dumps(read)) == Inner(a=5, b="x", c=[])
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        decode_literal(encode_literal(Outer(inner=read, named={}, flag=False, rest=[]), Outer), Outer).flag = True
