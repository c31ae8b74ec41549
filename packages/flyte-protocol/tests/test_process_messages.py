"""The messages between a devbox and the processes that carry its attempts out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_protocol.process_messages import MessageCutter, MessageError, pack_message

MESSAGES = st.tuples(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=10)), st.binary(max_size=50))


@given(st.lists(MESSAGES), st.integers(1, 20))
def test_messages_arrive_whole_in_pieces_of_any_size(messages, size) -> None:
    data = b"".join(pack_message(*message) for message in messages)
    cutter = MessageCutter()
    assert [one for place in range(0, len(data), size) for one in cutter.feed(data[place : place + size])] == messages


@given(st.binary(max_size=100))
def test_bytes_of_others_are_refused_or_read_and_nothing_else(data: bytes) -> None:
    try:
        list(MessageCutter().feed(data))
    except MessageError:
        pass


def test_a_message_that_is_too_large_is_refused_before_it_is_kept() -> None:
    with pytest.raises(MessageError, match="bytes"):
        list(MessageCutter().feed(b"\xff" * 8))
