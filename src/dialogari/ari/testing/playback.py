"""A playback on a channel or a bridge: its media one after another, and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dialogari.ari.models import (
    Playback,
    PlaybackContinuing,
    PlaybackFinished,
    PlaybackStarted,
)
from dialogari.ari.testing.exchange import now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dialogari.ari.models import Event
    from dialogari.ari.testing.exchange import Exchange


SAID = ("digits:", "number:", "characters:")


class Place(Protocol):
    """Where something is played or recorded."""

    exchange: Exchange

    @property
    def uri(self) -> str:
        """`channel:ID` or `bridge:ID`; also what applications subscribe to."""
        ...

    @property
    def is_ending(self) -> bool:
        """Whether it has hung up, so that nothing lasts any more."""
        ...

    def heard(self, uri: str) -> None:
        """Take note of a medium that is played."""
        ...


class Play:
    """A step of the line of its place."""

    def __init__(self, place: Place, identifier: str, media: Sequence[str], language: str) -> None:
        self.id = identifier
        self._place = place
        self._target = place.uri  # and it stays that if another channel takes over
        self._media = list(media)
        self._language = language
        self._state = "queued"
        self._number = 0
        self._done: Callable[[], None] | None = None
        self._cancel: Callable[[], None] | None = None
        self._stopped = False
        place.exchange.playbacks[identifier] = self

    @property
    def model(self) -> Playback:
        """The playback as ARI shows it."""
        following = self._media[self._number + 1 : self._number + 2]
        return Playback(
            id=self.id,
            media_uri=self._media[self._number],
            next_media_uri=following[0] if following else None,
            target_uri=self._target,
            language=self._language,
            state=self._state,
        )

    @property
    def is_playing(self) -> bool:
        """Whether it can be controlled: one that waits can only be stopped."""
        return self._done is not None

    def start(self, done: Callable[[], None]) -> bool:
        """Play the first medium; one that was stopped before its turn only ends."""
        if self._stopped:
            self._finish("done")
            return False
        self._done = done
        self._play()
        return self._done is not None

    def interrupt(self) -> None:
        """Fail, because the channel goes."""
        self._finish("failed")

    @property
    def is_said(self) -> bool:
        """Whether it is digits and the like, which nothing interrupts, as measured."""
        return self.is_playing and self._media[self._number].startswith(SAID)

    def stop(self) -> None:
        """End as if all had been played, or not begin at all; of tones only the one that plays."""
        if self._done is None:
            self._stopped = True
            self._state = "done"
        elif self._media[self._number].startswith("tone:"):
            self._next("done")
        else:
            self._finish("done")

    def pause(self) -> None:
        """Stand still."""
        if self._cancel is not None:
            self._cancel()
        self._cancel = None
        self._state = "paused"

    def go_on(self) -> None:
        """Play again after a pause; the medium begins anew."""
        if self._state == "paused":
            self._play()

    def _play(self) -> None:
        exchange = self._place.exchange
        self._state = "playing"
        self._tell(PlaybackStarted(application="", timestamp=now(), playback=self.model))
        uri = self._media[self._number]
        self._place.heard(uri)
        fate = exchange.sounds.fate(uri, set(exchange.stored))
        if not fate.end:
            self._forget()
        elif self._place.is_ending or fate.end == "failed":
            self._next("failed")
        elif fate.seconds is not None:
            self._cancel = exchange.clock.after(fate.seconds, lambda: self._next("done"))

    def _next(self, state: str) -> None:
        if self._cancel is not None:
            self._cancel()
        self._cancel = None
        if self._number + 1 == len(self._media) or self._place.is_ending:
            self._finish(state)
            return
        self._state = "continuing"
        self._tell(PlaybackContinuing(application="", timestamp=now(), playback=self.model))
        self._number += 1
        self._play()

    def _finish(self, state: str) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        self._state = state
        self._tell(PlaybackFinished(application="", timestamp=now(), playback=self.model))
        self._forget()

    def _forget(self) -> None:
        self._place.exchange.playbacks.pop(self.id, None)
        done, self._done = self._done, None
        if done is not None:
            done()

    def _tell(self, event: Event) -> None:
        self._place.exchange.tell(event, self._place.uri)
