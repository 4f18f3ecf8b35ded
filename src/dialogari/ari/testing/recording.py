"""A recording of a channel or a bridge, without sound, and its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.ari.models import (
    LiveRecording,
    RecordingFailed,
    RecordingFinished,
    RecordingStarted,
    StoredRecording,
)
from dialogari.ari.testing.exchange import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.ari.testing.playback import Place

IN_BRIDGE = "Cannot record channel while in bridge"


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """What `record` was asked for."""

    name: str
    format: str
    seconds: float = 0.0
    """The longest duration; 0: none."""
    terminate_on: str = ""
    """Digits that end it."""


class Recording:
    """A step of the line of its place."""

    def __init__(self, place: Place, options: RecordingOptions, *, forbidden: bool = False) -> None:
        self.options = options
        self._place = place
        self._target = place.uri  # and it stays that if another channel takes over
        self._forbidden = forbidden
        self._state = "queued"
        self._done: Callable[[], None] | None = None
        self._cancel: Callable[[], None] | None = None
        place.exchange.recordings[options.name] = self

    @property
    def model(self) -> LiveRecording:
        """The recording as ARI shows it."""
        return LiveRecording(
            name=self.options.name,
            format=self.options.format,
            state=self._state,
            target_uri=self._target,
        )

    @property
    def source(self) -> str:
        """The URI of what it now records."""
        return self._place.uri

    def forbid(self) -> None:
        """Let it fail when its turn comes: its channel is in a bridge."""
        self._forbidden = True

    def start(self, done: Callable[[], None]) -> bool:
        """Record."""
        if self._forbidden:
            self._fail()
            return False
        self._state = "recording"
        exchange = self._place.exchange
        exchange.tell(
            RecordingStarted(application="", timestamp=now(), recording=self.model),
            self._place.uri,
        )
        self._done = done
        if self._place.is_ending:
            self.interrupt()
        elif self.options.seconds:
            self._cancel = exchange.clock.after(self.options.seconds, self.finish)
        return self._done is not None

    def interrupt(self) -> None:
        """End because the channel goes, which is as good as any other end."""
        self.finish()

    def finish(self, *, keep: bool = True) -> None:
        """End it, and store it unless it is thrown away; one that waits only says `canceled`."""
        if self._done is None:
            self._state = "canceled"
            return
        if self._cancel is not None:
            self._cancel()
        self._state = "done"
        self._forget()
        if keep:
            stored = StoredRecording(name=self.options.name, format=self.options.format)
            self._place.exchange.stored[self.options.name] = stored
        self._tell_finished()
        done, self._done = self._done, None
        done()

    def hear(self, digit: str) -> None:
        """End where this digit ends it."""
        if self._done is not None and digit in self.options.terminate_on:
            self.finish()

    def _tell_finished(self) -> None:
        model = LiveRecording(
            name=self.options.name,
            format=self.options.format,
            state=self._state,
            target_uri=self._target,
            duration=0,
        )
        event = RecordingFinished(application="", timestamp=now(), recording=model)
        self._place.exchange.tell(event, self._place.uri)

    def _fail(self) -> None:
        self._state = "failed"
        self._forget()
        model = LiveRecording(
            name=self.options.name,
            format=self.options.format,
            state=self._state,
            target_uri=self._target,
            cause=IN_BRIDGE,
        )
        event = RecordingFailed(application="", timestamp=now(), recording=model)
        self._place.exchange.tell(event, self._place.uri)

    def _forget(self) -> None:
        self._place.exchange.recordings.pop(self.options.name, None)
