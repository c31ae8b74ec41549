"""The way back: stored literals of other writers, and Python types for stored literal types; and where ours is better."""

import asyncio
import sys
from pathlib import Path

import pytest
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import LiteralType

sys.path.insert(0, str(Path(__file__).parent))

from corpus import NEEDS_FLYTE_IO, describe, describe_type, load_cases, load_recorded

from flyte_types.codec import InterfaceCodec
from flyte_types.type_engine import TypeEngine
from flyte_types.type_transformer import TypeTransformerFailedError
from flyte_types.wire import message, text

RECORDED = load_recorded()
READS = [case for _, case in load_cases(["reads"])]

READ_OTHERWISE = {
    # reads-another-kind: a literal of another kind is refused, not read as False or [].
    "read-bool-from-int": None,
    "read-list-from-scalar": None,
    "read-list-from-nothing": None,
    # int-for-float: an int is accepted wherever a float is declared.
    "read-float-from-msgpack-int": "float(5.0)",
    # A datetime is aware in UTC, wherever it was stored.
    "read-datetime-from-msgpack": "datetime.datetime(datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc))",
    # A union value without a tag goes to the variant that reads it.
    "read-optional-no-tag": "int(5)",
}


def read(literal, t):
    return asyncio.run(TypeEngine.to_python_value(literal, t))


@pytest.mark.parametrize("case", READS, ids=lambda case: case.id)
def test_stored_literals_are_read_as_recorded(case):
    recorded = RECORDED.reads[case.id]
    expected = READ_OTHERWISE.get(case.id, recorded.back)
    literal = Literal.FromString(recorded.literal)
    if expected is None:
        with pytest.raises(TypeTransformerFailedError):
            read(literal, case.type)
    else:
        assert expected == describe(read(literal, case.type))


@pytest.mark.parametrize("case", READS, ids=lambda case: case.id)
def test_inputs_are_read_like_single_literals(case):
    """Nested in a list as well, so that the foreign form is found below the surface."""
    recorded = RECORDED.reads[case.id]
    expected = READ_OTHERWISE.get(case.id, recorded.back)
    nested = message(2, message(1, recorded.literal))
    data = b"".join(
        message(1, text(1, name) + message(2, one)) for name, one in (("x", recorded.literal), ("xs", nested))
    )
    codec = InterfaceCodec({"x": case.type, "xs": list[case.type]}, {}, task_name="env.f")
    if expected is None:
        with pytest.raises((TypeError, ValueError)):
            codec.decode_inputs(data)
    else:
        values = codec.decode_inputs(data)
        assert (expected, f"list({expected})") == (describe(values["x"]), describe(values["xs"]))


TYPED = [one for one in RECORDED.values.values() if one.literal_type is not None]


@pytest.mark.parametrize("recorded", TYPED, ids=lambda recorded: recorded.id)
def test_a_python_type_is_found_for_every_literal_type(recorded):
    guessed = TypeEngine.guess_python_type(LiteralType.FromString(recorded.literal_type))
    if recorded.guessed is not None:
        assert recorded.guessed == describe_type(guessed)


@pytest.mark.parametrize("recorded", TYPED, ids=lambda recorded: recorded.id)
def test_the_found_type_has_the_stored_literal_type(recorded):
    """A union of rebuilt classes finds the variant by it."""
    stored = LiteralType.FromString(recorded.literal_type)
    guessed = TypeEngine.guess_python_type(stored)
    if (
        isinstance(guessed, type)
        and guessed is not dict
        and stored.structure.tag in ("Object-Dataclass-Transformer", "Pydantic Transformer")
    ):
        assert stored == TypeEngine.to_literal_type(guessed)
    assert guessed is TypeEngine.guess_python_type(stored) or not isinstance(guessed, type)


BETTER = {
    # Classes stay classes in lists and dicts, of the kind that was stored; they were dicts, or dataclasses inside models.
    "nested classes": (
        "dc-outer", "dc-deep", "dc-generic-point", "dc-from-dict-nested", "model-outer-full", "model-discriminated",
        "model-generic-model", "model-with-dataclass", "tuple-dataclass", "typeddict-nested", "every-tuple-of-dataclass",
        "every-tuple-of-model",
    ),
    # Values were turned into text: bytes, Any, integers of enums and literals, items of tuples.
    "values keep their type": (
        "dc-blob", "dc-blob-empty", "dc-enums", "dc-enums-defaults", "dc-tuples", "dc-untyped", "dc-literals",
        "dc-with-namedtuple", "dc-generic-bare", "dc-keys", "dc-number-union-float", "model-odd", "model-unions",
    ),
    # The default of an int was a float.
    "defaults keep their type": ("model-keyword-alias", "model-from-other"),
}  # fmt: skip
BETTER_IDS = {one: reason for reason, ids in BETTER.items() for one in ids}
# Their literals point at files, or their classes are at home in a module of cases.
ELSEWHERE = {case.id for name, case in load_cases(["pickled"])} | {
    one.id for one in TYPED if one.literal and b"/tmp/flyte-type-corpus" in one.literal
}
READABLE = [one for one in TYPED if one.literal is not None and one.id not in ELSEWHERE]
"""`frames` and `io_handles` are among them: their classes are ours."""


@pytest.mark.parametrize("recorded", READABLE, ids=lambda recorded: recorded.id)
def test_values_are_read_under_the_found_type(recorded):
    guessed = TypeEngine.guess_python_type(LiteralType.FromString(recorded.literal_type))
    if recorded.guessed_back is None:
        # More is read than by the reference; what cannot be is an error like any other.
        try:
            read(Literal.FromString(recorded.literal), guessed)
        except TypeTransformerFailedError:
            pass
        return
    back = describe(read(Literal.FromString(recorded.literal), guessed))
    if recorded.id in BETTER_IDS:
        assert recorded.guessed_back != back
    else:
        assert recorded.guessed_back == back


def test_what_is_said_to_be_better_exists():
    assert BETTER_IDS.keys() <= {one.id for one in READABLE}
    assert set(NEEDS_FLYTE_IO) == {"io_handles", "frames"}
