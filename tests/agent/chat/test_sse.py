"""Events out of bytes, however the network cut them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogari.agent.chat.sse import LARGEST_EVENT, Event, EventParser, NotEventsError, TooLongError

STREAM = (
    b": hello\r\n\r\n"
    b'data: {"a": 1}\r\n\r\n'
    b"id: 7\nevent: error\ndata:two\ndata: lines\n\n"
    b"retry: 3\n\n"
    b"data: \xc3\xb1\n\ndata: last\n"
)
EVENTS = [
    Event(b"", b'{"a": 1}'),
    Event(b"error", b"two\nlines"),
    Event(b"", b"\xc3\xb1"),
    Event(b"", b"last"),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_any_cut_gives_the_same_events(cuts: list[int]) -> None:
    """Where pieces begin and end does not matter, nor that the last blank line is missing."""
    parser, events, begin = EventParser(), list[Event](), 0
    for cut in [*sorted(cuts), len(STREAM)]:
        events += parser.feed(STREAM[begin:cut])
        begin = cut

    assert [*events, *parser.close()] == EVENTS


@pytest.mark.parametrize("page", [b"<html>\n", b'{"a": 1}\n', b"Bad gateway\n", b"data\n"])
def test_what_is_no_stream(page: bytes) -> None:
    """The first line that is none of a stream's tells."""
    with pytest.raises(NotEventsError):
        EventParser().feed(page)


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"])
def test_what_never_ends(piece: bytes) -> None:
    """A line or an event without an end is left in time, and what is kept of it has a bound."""
    parser = EventParser()
    for _ in range(LARGEST_EVENT // len(piece)):
        parser.feed(piece)

    with pytest.raises(TooLongError):
        parser.feed(piece + piece)
