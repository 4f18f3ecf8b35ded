"""Server-sent events out of bytes, without I/O.

What is no event stream is told from one at its first line, so that an HTML page with status 200
fails at once, and nothing grows without bound on a line or an event that never ends.
"""

from __future__ import annotations

from typing import Final, NamedTuple

LARGEST_EVENT: Final = 1024 * 1024
"""Bytes; the largest seen are a few kilobytes."""
_OTHER_FIELDS: Final = (b":", b"event:", b"id:", b"retry:")


class NotEventsError(Exception):
    """These bytes are no event stream."""


class TooLongError(Exception):
    """A line or an event passed LARGEST_EVENT."""


class Event(NamedTuple):
    """One event."""

    kind: bytes
    """Empty, or what the field `event` said."""
    data: bytes


class EventParser:
    """Takes the bytes as the network cut them."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events these bytes finish.

        Raises:
            NotEventsError, TooLongError: nothing more will come of this stream.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        events: list[Event] = []
        for line in lines:
            if line.startswith(b"data:"):
                # Stripped of more than the standard's one blank: the data are JSON, and lines may
                # end in a carriage return.
                self._data.append(line[5:].strip())
                self._size += len(line)
            elif not line or line == b"\r":
                self._finish(events)
            elif not line.startswith(_OTHER_FIELDS):
                raise NotEventsError
            elif line.startswith(b"event:"):
                self._kind = line[6:].strip()
        if self._size + len(self._rest) > LARGEST_EVENT:
            raise TooLongError
        return events

    def close(self) -> list[Event]:
        """Return what the end of the stream finishes: some servers forget the last blank line."""
        return self.feed(b"\n\n")

    def _finish(self, events: list[Event]) -> None:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        if data:
            events.append(Event(self._kind, data))
        self._kind, self._data, self._size = b"", [], 0
