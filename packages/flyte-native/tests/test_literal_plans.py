"""Native plans on their own: texts of every width, hostile claims, models, order of maps, and what stays alive."""

import gc
import json
import struct
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_native import LiteralError, Plan, Record, inputs_repr

ANY = Plan(("msgpack", ("any",)), {})
TEXTS = Plan(("list", ("str",)), {})


@dataclass
class Point:
    x: int
    name: str = "p"


POINT = ("object", Point, [("x", ("int",), None, None, False), ("name", ("str",), ("p",), None, False)], True)


def payload(data):
    """A binary literal around msgpack bytes, by hand."""

    def field(tag, content):
        length, bytes_ = len(content), bytearray([tag])
        while length > 0x7F:
            bytes_.append(length & 0x7F | 0x80)
            length >>= 7
        return bytes(bytes_) + bytes([length]) + content

    return field(0x0A, field(0x1A, field(0x0A, data) + field(0x12, b"msgpack")))


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=400), max_size=10))
def test_texts_of_every_width_come_back(texts):
    assert texts == TEXTS.decode(TEXTS.encode(texts))
    assert texts == ANY.decode(ANY.encode(texts))
    assert dict.fromkeys(texts, 1) == ANY.decode(ANY.encode(dict.fromkeys(texts, 1)))


@pytest.mark.parametrize(
    "text", [b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"a" * 300 + b"\xff"]
)
def test_text_that_is_not_utf8_is_refused(text):
    good = TEXTS.encode(["a" * len(text)])
    with pytest.raises(LiteralError, match="UTF-8"):
        TEXTS.decode(good.replace(b"a" * len(text), text))


@pytest.mark.parametrize("plan", [ANY, Plan(("msgpack", ("list", ("any",))), {})])
def test_arrays_may_not_all_claim_the_same_bytes(plan):
    """Each of 150 nested heads claims a million items; together they would take a gigabyte."""
    heads = b"".join(b"\xdd" + struct.pack(">I", 1_000_000) for _ in range(150))
    with pytest.raises(LiteralError):
        plan.decode(payload(heads + bytes(1_000_100)))


def test_nested_arrays_with_room_for_all_are_read():
    value = [[1, 2], [[3], []], [[[4]], 5]]
    assert value == ANY.decode(ANY.encode(value))


def test_a_list_that_cannot_be_filled_leaves_nothing_behind():
    data = payload(b"\x92" + b"\x81\xa1x\x01" + b"\x81\xa1x\xc0")
    plan = Plan(("msgpack", ("list", POINT)), {})
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        with pytest.raises(LiteralError) as raised:
            plan.decode(data)
        assert raised.value.args[1] == "[1].x"
        del raised
    gc.collect()
    assert abs(len(gc.get_objects()) - before) < 50


def test_references_are_given_back():
    name = "a name that is nobody else's"
    point = Point(10**15, name)
    plan = Plan(("msgpack", ("list", POINT)), {})
    before = sys.getrefcount(name), sys.getrefcount(point), sys.getrefcount(Point)
    for _ in range(100):
        assert plan.decode(plan.encode([point])) == [point]
    assert before == (sys.getrefcount(name), sys.getrefcount(point), sys.getrefcount(Point))


def test_a_list_is_hidden_until_it_is_full():
    seen = []

    def load(plain):
        seen.extend(one for one in gc.get_objects() if type(one) is list and len(one) == 77_777)
        return plain

    plan = Plan(("msgpack", ("list", ("custom", 0, "x", None, load))), {})
    data = payload(b"\xdd" + struct.pack(">I", 77_777) + bytes(77_777))
    calls = iter(range(77_777))
    hook = Plan(
        ("msgpack", ("list", ("custom", 0, "x", None, lambda plain: load(plain) if next(calls) == 5 else plain))), {}
    )
    assert len(hook.decode(data)) == 77_777
    assert seen == []
    assert plan.label == "list[x]"


class Model:
    """What a model of pydantic looks like from native code."""

    def __init__(self, data):
        self.data = data

    def dump(self, **keywords):
        assert keywords == {"warnings": False}
        return json.dumps(self.data).encode()

    @classmethod
    def validate(cls, plain, **keywords):
        assert keywords == {"context": 1}
        if "refused" in plain:
            raise ValueError("refused")
        return cls(plain)


def model_plan(hooks=(None, None)):
    node = (
        "model",
        Model,
        Model.dump,
        {"warnings": False},
        Model.validate,
        {"context": 1},
        ("custom", 0, "Model", *hooks),
        None,
    )
    return Plan(("msgpack", node), {})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=5), inner, max_size=18),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=40), json_values, max_size=4))
def test_a_model_is_stored_as_its_json_says(data):
    encoded = model_plan().encode(Model(data))
    assert encoded == ANY.encode(json.loads(json.dumps(data)))
    assert data == model_plan().decode(encoded).data


def test_what_a_model_refuses_goes_to_the_hooks():
    plan = model_plan((lambda value: {"hook": value}, lambda plain: ["hook", plain]))
    assert ANY.decode(plan.encode(5)) == {"hook": 5}
    assert plan.decode(ANY.encode({"refused": 1})) == ["hook", {"refused": 1}]


def test_a_model_that_is_no_object_goes_to_the_hooks():
    plan = model_plan((lambda value: {"not": "a map"}, None))
    assert ANY.decode(plan.encode(Model([1]))) == {"not": "a map"}
    assert ANY.decode(plan.encode(Model({"big": 2**70}))) == {"not": "a map"}


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=12), st.integers(0, 9), max_size=40), st.randoms())
def test_hashes_do_not_see_the_order_of_a_map(value, random):
    record = Record([("d", ("dict", ("int",)), None)], {})
    shuffled = dict(random.sample(list(value.items()), len(value)))
    assert inputs_repr(record.encode({"d": value})) == inputs_repr(record.encode({"d": shuffled}))
    plan = Plan(("dict", ("int",)), {})
    assert plan.encode(value) == plan.encode(shuffled)
