"""Inputs and outputs of a task: the reference's bytes and hashes, round trips, and errors that say where."""
# ruff: noqa: UP045  (both spellings are tested)

import datetime as dt
import enum
import inspect
from dataclasses import dataclass, field
from enum import Flag
from typing import Optional

import pytest
from flyteidl2.task.common_pb2 import Inputs
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.errors import InlineIOMaxBytesBreached, RuntimeDataValidationError
from flyte_types import (
    InlineLimitError,
    InputTypeError,
    InputValueError,
    InterfaceCodec,
    OutputError,
    UnsupportedTypeError,
)
from flyte_types.file import File


@dataclass
class In:
    z: str
    a: int


@dataclass
class Address:
    zip: int


@dataclass
class Person:
    address: Address
    names: list[str] = field(default_factory=list)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


def codec_of(inputs, outputs=None):
    return InterfaceCodec(inputs, outputs or {}, task_name="env.f")


REFERENCE_INPUTS = {
    "n": (int, inspect.Parameter.empty),
    "x": (float, 1.5),
    "s": (Optional[str], None),
    "p": (In, In("a", 1)),
    "d": (dict[str, int], {"b": 1, "a": 2}),
}


def test_inputs_are_those_of_the_reference_bit_for_bit():
    """Recorded from PyPI flyte 2.12.1: `convert_from_native_to_inputs` of the same signature, entries of maps in order."""
    codec = codec_of(REFERENCE_INPUTS)
    expected = (
        b"\n\x0b\n\x01n\x12\x06\n\x04\n\x02\x08\x01\n\x12\n\x01x\x12\r\n\x0b\n\t\x11\x00\x00\x00\x00\x00\x00\xf8?"
        b"\n\x1b\n\x01s\x12\x16\n\x14J\x12\n\x04\n\x02*\x00\x12\n\x08\x00Z\x06\n\x04none"
        b"\n\x1c\n\x01p\x12\x17\n\x15\x1a\x13\n\x08\x82\xa1z\xa1a\xa1a\x01\x12\x07msgpack"
        b"\n!\n\x01d\x12\x1c\x1a\x1a\n\x0b\n\x01a\x12\x06\n\x04\n\x02\x08\x02\n\x0b\n\x01b\x12\x06\n\x04\n\x02\x08\x01"
    )
    assert expected == Inputs.FromString(codec.encode_inputs({"n": 1})).SerializeToString(deterministic=True)


nested = st.dictionaries(
    st.text(max_size=3), st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=4), max_size=5
)


@given(nested, st.randoms())
def test_the_order_of_a_dict_has_no_part_in_hashes(value, random):
    codec = codec_of({"d": dict[str, dict[str, int]], "u": dict[str, dict[str, int]] | None})
    shuffled = {
        key: dict(random.sample(list(value[key].items()), len(value[key])))
        for key in random.sample(list(value), len(value))
    }
    assert codec.inputs_hash({"d": value, "u": value}) == codec.inputs_hash({"d": shuffled, "u": shuffled})


def test_hashes_are_those_of_the_reference():
    """Recorded from PyPI flyte 2.12.1; child action names are derived from them."""
    codec = codec_of(REFERENCE_INPUTS, {"o0": int, "o1": str})
    assert codec.interface_hash() == "GKiTUudU/DiAO+jkazNQtiY6bG1w2l7NtcllAYmkvgY="
    assert codec.inputs_hash({"n": 1}) == "VDXEFJoGpP88PMEA/2BqYO0/QlXgXGQNBt93/RSvFZ0="
    assert codec.inputs_hash({"n": 1, "s": "x", "d": {"q": 3}}) == "ozF5NGjXVp9YMF7cbKQHlo937ftmvquSswKVn84HKYk="
    assert codec_of({"a": int}).interface_hash() == "belyFZjHjoEReMSS1lZPOp+PqZ0gnqDledCIwIW1cQI="
    assert codec_of({"a": int}, {"o0": In}).interface_hash() == "LLJ4PDPJNglkaQUxGmp7KcM/iWnnVvMaDgHR8kHHa7I="


def test_no_inputs_hash_to_nothing():
    assert codec_of({}).inputs_hash(b"") == ""


def test_ignored_inputs_do_not_count():
    codec = codec_of({"a": int, "b": int})
    assert codec.inputs_hash({"a": 1, "b": 2}, ["b"]) == codec.inputs_hash({"a": 1, "b": 3}, ["b"])
    assert codec.inputs_hash({"a": 1, "b": 2}) != codec.inputs_hash({"a": 1, "b": 3})


def test_values_come_back_in_the_order_of_the_signature():
    codec = codec_of({"n": int, "person": Person, "color": Color, "when": dt.datetime, "some": Optional[list[In]]})
    values = {
        "color": Color.BLUE,
        "person": Person(Address(8), ["a"]),
        "n": 3,
        "when": dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
        "some": [In("a", 1)],
    }
    back = codec.decode_inputs(codec.encode_inputs(values))
    assert list(back) == ["n", "person", "color", "when", "some"]
    assert back == values


def test_context_travels_with_the_inputs():
    codec = codec_of({"n": int})
    data = codec.encode_inputs({"n": 1}, {"key": "value", "": "x"})
    assert codec.decode_inputs_and_context(data) == ({"n": 1}, {"key": "value", "": "x"})


@pytest.mark.parametrize(("outputs", "value"), [
    ({}, None), ({"o0": int}, 3), ({"o0": int, "o1": str}, (1, "a")), ({"left": int, "right": list[str]}, (1, ["a"])),
    ({"o0": Optional[int]}, None), ({"o0": list[In]}, [In("a", 1)]),
])  # fmt: skip
def test_outputs_come_back(outputs, value):
    codec = codec_of({}, outputs)
    assert value == codec.decode_outputs(codec.encode_outputs(value))


def test_a_whole_number_is_a_float_where_a_float_is_declared():
    codec = codec_of({"x": float})
    back = codec.decode_inputs(codec.encode_inputs({"x": 2}))["x"]
    assert (2.0, float) == (back, type(back))


def error_of(kind, function, *args):
    with pytest.raises(kind) as caught:
        function(*args)
    return caught.value


def test_a_wrong_type_names_the_place():
    codec = codec_of({"people": list[Person]})
    people = [Person(Address(1)), Person(Address("x"))]
    error = error_of(InputTypeError, codec.encode_inputs, {"people": people})
    assert str(error) == "input `people[1].address.zip` of task `env.f` must be int, got 'x' (str)"
    assert ("env.f", "people", "[1].address.zip", "'x' (str)", "int") == (
        error.task, error.parameter, error.path, error.came, error.expected,
    )  # fmt: skip
    assert isinstance(error, TypeError)


def test_missing_and_unknown_inputs():
    codec = codec_of({"count": int})
    error = error_of(InputValueError, codec.encode_inputs, {})
    assert str(error) == "missing required input `count` (int) of task `env.f`\nhint: pass `count=...`"
    error = error_of(InputValueError, codec.encode_inputs, {"count": 1, "cuont": 1})
    assert str(error).endswith("hint: did you mean `count`? the inputs are `count`")
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(("t", "value", "text"), [
    (int, True, "must be int, got True (bool)"),
    (int, 2**63, "must be an int between -2**63 and 2**63 - 1"),
    (str, "\ud800", "must be text without lone surrogates"),
    (dict[str, int], {1: 2}, "must be str as key"),
    (list[int], (1, 2), "must be list[int], got (1, 2) (tuple)"),
    (Optional[int], "a", "must be int | None, got 'a' (str)"),
    (int, None, "hint: declare it `int | None`"),
    (In, {"z": "a", "b": 1}, "`v['b']` of task `env.f` is not a field of In"),
    (In, {"z": "a"}, "`v.a` of task `env.f` is missing (int expected)"),
    (list[int] | list[str], [], "must be a value that fits only one of"),
])  # fmt: skip
def test_values_that_do_not_fit(t, value, text):
    error = error_of((InputTypeError, InputValueError), codec_of({"v": t}).encode_inputs, {"v": value})
    assert text in str(error)


def test_outputs_that_do_not_fit_are_validation_errors():
    codec = codec_of({}, {"o0": int, "o1": str})
    for value in (1, (1,), ("a", 1), None):
        assert isinstance(error_of(OutputError, codec.encode_outputs, value), RuntimeDataValidationError)
    error = error_of(OutputError, codec_of({}).encode_outputs, 3)
    assert str(error) == "the result of task `env.f` must be None, since the task has no return annotation, got 3"


def test_a_value_that_contains_itself_is_an_error():
    loop: list = []
    loop.append(loop)
    codec = codec_of({"v": dict})
    assert "nested deeper" in str(error_of(InputValueError, codec.encode_inputs, {"v": {"a": loop}}))


def test_types_that_cannot_be_passed_are_named():
    error = error_of(UnsupportedTypeError, codec_of({"v": list[Flag]}).encode_inputs, {"v": []})
    assert str(error).startswith(
        "input `v` of task `env.f`: only enums of text and `IntEnum` can be passed between tasks"
    )


def test_dataclass_rules():
    """None where the default is None; a frozen class and one with `__post_init__` go through their constructor."""

    @dataclass
    class Loose:
        text: str = None  # type: ignore[assignment]

    @dataclass(frozen=True)
    class Frozen:
        x: int

    @dataclass
    class Doubled:
        x: int
        y: int = field(init=False, default=0)

        def __post_init__(self):
            self.y = self.x * 2

    codec = codec_of({"a": Loose, "b": Frozen, "c": Doubled})
    values = {"a": Loose(), "b": Frozen(1), "c": Doubled(4)}
    assert values == codec.decode_inputs(codec.encode_inputs(values))


def test_a_dict_stands_for_a_dataclass():
    codec = codec_of({"p": Person})
    assert {"p": Person(Address(1))} == codec.decode_inputs(codec.encode_inputs({"p": {"address": {"zip": 1}}}))


def test_files_keep_path_format_and_hash():
    codec = codec_of({"f": File, "g": Optional[File]})
    values = {"f": File(path="s3://b/k.csv", format="csv", hash="h"), "g": None}
    assert values == codec.decode_inputs(codec.encode_inputs(values))
    assert b"\n\x03csv" in codec.encode_inputs(values)


def test_bytes_that_are_not_inputs_are_an_error():
    codec = codec_of({"n": int})
    data = codec.encode_inputs({"n": 2**40})
    for cut in range(1, len(data)):
        error_of((InputValueError, InputTypeError), codec.decode_inputs, data[:cut])


def test_inputs_above_the_limit_are_refused_with_the_largest_one():
    codec = InterfaceCodec({"a": str, "b": list[int]}, {}, task_name="env.f", max_inline_io_bytes=4000)
    assert codec.decode_inputs(codec.encode_inputs({"a": "x" * 3900, "b": []})) == {"a": "x" * 3900, "b": []}
    with pytest.raises(InlineIOMaxBytesBreached) as caught:
        codec.encode_inputs({"a": "x" * 2_000_000, "b": [1]})
    assert str(caught.value) == (
        "input `a` of task `env.f` takes 1.9 MiB (2,000,012 bytes): at most 4,000 bytes of inputs travel with an action\n"
        "hint: pass large data as a `File`, `Dir` or `DataFrame`, which travel as references, "
        "or raise the limit: `max_inline_io_bytes=2 * 1024 * 1024` of the task"
    )
    error = caught.value
    assert isinstance(error, InlineLimitError)
    assert (error.problem, error.task, error.parameter, error.size, error.limit) == (
        "size",
        "env.f",
        "a",
        2_000_012,
        4000,
    )
    assert error.total == 2_000_040


def test_inputs_that_are_too_large_only_together_say_so():
    codec = InterfaceCodec({"a": str, "b": str}, {}, task_name="env.f", max_inline_io_bytes=4000)
    with pytest.raises(
        InlineLimitError, match=r"input `b` .* takes 3,010 bytes, and all inputs together 6,0\d\d bytes"
    ):
        codec.encode_inputs({"a": "x" * 3000, "b": "x" * 3001})


def test_outputs_above_the_limit_are_refused():
    codec = InterfaceCodec({}, {"o0": int, "o1": list[str]}, task_name="env.f", max_inline_io_bytes=100)
    assert codec.encode_outputs((1, ["a"]))
    with pytest.raises(
        InlineLimitError, match=r"output `o1` of task `env.f` takes 1\d\d bytes: at most 100 bytes of outputs"
    ):
        codec.encode_outputs((1, ["a" * 100]))


def test_the_limit_is_ten_mebibytes_unless_told():
    codec = codec_of({"a": str}, {"o0": bytes})
    codec.encode_inputs({"a": "x" * (10 * 1024 * 1024 - 100)})
    with pytest.raises(InlineLimitError, match="at most 10.0 MiB"):
        codec.encode_inputs({"a": "x" * (10 * 1024 * 1024)})


@pytest.mark.parametrize("extra", [0, 1, 2**18 - 1, 2**18, 2**18 + 1, 2**20])
def test_long_bytes_are_whole(extra: int):
    """They are moved piece by piece; the sizes lie around the borders of pieces."""
    codec = InterfaceCodec({"v": list[str]}, {}, task_name="env.f")
    overhead = len(codec.encode_inputs({"v": ["x" * 2**20]})) - 2**20
    text = "".join(chr(33 + index % 90) for index in range(2**20 + extra - overhead))
    data = codec.encode_inputs({"v": [text]})
    assert len(data) == 2**20 + extra
    message = Inputs.FromString(data)
    assert message.literals[0].value.collection.literals[0].scalar.primitive.string_value == text
