"""Bytes that nobody well-meaning wrote: always one clear error, never a crash, a hang or a large allocation."""

from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyte_types import ConversionError, InterfaceCodec
from flyte_types.codec import decode_literal, encode_literal


@dataclass
class Point:
    x: int
    tags: dict[str, list[str]]


TYPES = [int, float, str, bool, list[int], dict[str, str], int | None | list[str], Point, dict, list[list[int]]]
GOOD = [encode_literal(value, t) for value, t in [
    (1, int), ([1, 2**62], list[int]), ({"a": "b"}, dict[str, str]), (Point(1, {"a": ["b"]}), Point), (["x"], int | None | list[str]),
]]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(TYPES), st.binary(max_size=80) | st.sampled_from(GOOD).flatmap(
    lambda data: st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)).map(
        lambda change: data[: change[0]] + bytes([change[1]]) + data[change[0] + 1 :]
    )
))  # fmt: skip
@example(list[int], b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
@example(int, b"\x0a" * 50)
@example(int, b"\x0b" * 5000)
@example(Point, b"\x0a\x0e\x1a\x0c\x0a\x05\xdf\xff\xff\xff\xff\x12\x07msgpack"[:14])
def test_every_input_is_a_value_or_an_error(t, data):
    try:
        decode_literal(data, t)
    except ConversionError:
        pass


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_inputs_and_their_hash(data):
    codec = InterfaceCodec({"a": (int, 1), "p": (Point | None, None)}, {}, task_name="env.f")
    for convert in (codec.decode_inputs, codec.inputs_hash):
        try:
            convert(data)
        except ConversionError:
            pass


@pytest.mark.parametrize(
    "claim", [b"\xdd\xff\xff\xff\xff", b"\xdf\x7f\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"]
)
def test_claimed_lengths_are_not_believed(claim):
    payload = b"\x81\xa1k" + claim
    binary = b"\x0a" + bytes([len(payload)]) + payload + b"\x12\x07msgpack"
    data = b"\x0a" + bytes([len(binary) + 2]) + b"\x1a" + bytes([len(binary)]) + binary
    with pytest.raises(ConversionError, match="cannot be read"):
        decode_literal(data, dict)


def test_deep_payloads_are_refused():
    payload = b"\x81\xa1k" + b"\x91" * 5000 + b"\xc0"
    length = bytes([len(payload) & 0x7F | 0x80, len(payload) >> 7])
    binary = b"\x0a" + length + payload + b"\x12\x07msgpack"
    inner = b"\x1a" + bytes([len(binary) & 0x7F | 0x80, len(binary) >> 7]) + binary
    data = b"\x0a" + bytes([len(inner) & 0x7F | 0x80, len(inner) >> 7]) + inner
    with pytest.raises(ConversionError, match="nested deeper"):
        decode_literal(data, dict)
