"""The frames of the channel between a devbox and the actions on its machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_protocol.channel import (
    ChannelError,
    Enqueued,
    FrameCutter,
    Kind,
    pack,
    pack_enqueue,
    pack_update,
    unpack_enqueue,
    unpack_update,
)

NUMBERS = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=50))), st.integers(1, 20))
def test_frames_arrive_whole_in_pieces_of_any_size(frames: list[tuple[Kind, bytes]], size: int) -> None:
    data = b"".join(pack(kind, content) for kind, content in frames)
    cutter = FrameCutter()
    found = [frame for place in range(0, len(data), size) for frame in cutter.feed(data[place : place + size])]
    assert found == frames


@given(NUMBERS, NUMBERS, st.binary(), st.none() | st.binary())
def test_a_request_reads_as_it_was_written(number: int, spec: int, action: bytes, inputs: bytes | None) -> None:
    request = Enqueued(number, spec, action, inputs)
    ((kind, content),) = FrameCutter().feed(pack_enqueue(request))
    assert kind is Kind.ENQUEUE
    assert unpack_enqueue(content) == request


@given(st.binary(), st.none() | st.binary())
def test_an_update_reads_as_it_was_written(update: bytes, outputs: bytes | None) -> None:
    ((kind, content),) = FrameCutter().feed(pack_update(update, outputs))
    assert kind is Kind.UPDATE
    assert unpack_update(content) == (update, outputs)


@given(st.binary(max_size=100))
def test_bytes_of_others_are_refused_or_read_and_nothing_else(data: bytes) -> None:
    for read in (unpack_enqueue, unpack_update, lambda content: list(FrameCutter().feed(content))):
        try:
            read(data)
        except ChannelError:
            pass


def test_a_frame_that_is_too_large_is_refused_before_it_is_kept() -> None:
    with pytest.raises(ChannelError, match="bytes"):
        list(FrameCutter().feed((2**32 - 1).to_bytes(4, "little") + b"\x01"))
