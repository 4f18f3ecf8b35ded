"""Where something can be played and recorded: what channels and bridges have in common."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar, overload

from dialogari.ari.errors import GoneReason
from dialogari.ari.handles.playback import Playback
from dialogari.ari.handles.recording import Recording
from dialogari.ari.handles.waiting import settled, undone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import Unpack

    from dialogari.ari.handles.playback import PlaybackEnd
    from dialogari.ari.handles.recording import RecordingOptions
    from dialogari.ari.models import LiveRecording
    from dialogari.ari.operations import Bridges, Channels
    from dialogari.ari.routing import EarlyEvents, Listener, Told
    from dialogari.ari.session import Session

E = TypeVar("E")

RECORDING_MARGIN = 10.0
"""Seconds beyond its longest duration that a recording may take to begin and to end."""


class Carried(Protocol):
    """What goes when its place goes."""

    def lose(self) -> None:
        """Take note that it has gone."""
        ...


class Place(ABC):
    """A channel or a bridge, as long as it is ours.

    Args:
        sounding: The operations of its kind; they raise what `absence` returns where it is gone.
    """

    def __init__(self, session: Session, sounding: Channels | Bridges) -> None:
        self.session = session
        """The application it is in: bridges, other channels and all operations of ARI."""
        self.sounding = sounding
        self.started = asyncio.get_running_loop().time()
        """When we learned of it, on the loop's clock, in seconds."""
        self.generation = session.generation
        """Of the link when it was last known to be here."""
        self.gone: GoneReason | None = None
        self._ended = asyncio.Event()
        self._carried: set[Carried] = set()
        self._early: EarlyEvents | None = None

    def __repr__(self) -> str:
        state = "" if self.gone is None else f" gone: {self.gone}"
        return f"<{type(self).__name__} {self.id}{state}>"

    @property
    @abstractmethod
    def id(self) -> str:
        """Its name on its Asterisk."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What events name it by."""

    @abstractmethod
    def absence(self) -> Exception:
        """Return the error that says that it is gone."""

    @overload
    def listen(self) -> Listener[Told]: ...

    @overload
    def listen(self, *types: type[E]) -> Listener[E]: ...

    def listen(self, *types: type[E]) -> Listener[E] | Listener[Told]:
        """Return a listener for its events, of these types or of all; it ends when this is gone.

        The first one of a channel begins with what came since that entered the application.
        """
        listener = self.session.listen(self.key, types=types, early=self._early)
        if self.gone is not None:
            listener.end()
        return listener

    async def wait_until_gone(self) -> GoneReason:
        """Wait, without a limit of its own, until it is no longer here; return why."""
        await self._ended.wait()
        return self.gone or GoneReason.STASIS_END

    async def is_gone_within(self, seconds: float) -> bool:
        """Wait until it is no longer here, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    def end(self, reason: GoneReason) -> None:
        """Take note that it is gone; the first reason counts."""
        self.gone = self.gone or reason
        self._ended.set()
        for carried in list(self._carried):
            carried.lose()

    def carry(self, carried: Carried) -> None:
        """Have something go when this goes."""
        self._carried.add(carried)

    def drop(self, carried: Carried) -> None:
        """Take back `carry`."""
        self._carried.discard(carried)

    @asynccontextmanager
    async def playing(self, *media: str, language: str | None = None) -> AsyncGenerator[Playback]:
        """Play in the background; what still plays at the end of the scope is stopped.

        Media are `sound:NAME`, `recording:NAME`, `number:N`, `digits:D`, `characters:C` and
        `tone:NAME`, which plays until it is stopped. Several playbacks come one after the other.

        Raises:
            AriError: it could not be begun.
        """
        playback = Playback(self)
        try:
            await settled(playback.begin(media, language))
            yield playback
        finally:
            await undone(self.session, playback.key, playback.leave)

    async def play(
        self, *media: str, language: str | None = None, seconds: float = 300.0
    ) -> PlaybackEnd:
        """Play to the end; return how it ended. Cancelled, it is stopped.

        Raises:
            TimeoutError: it still plays after so many seconds; it is stopped.
            ChannelGone: the channel is gone, or hung up meanwhile.
            BridgeGone: the bridge is gone.
            AriError: it could not be begun.
        """
        async with self.playing(*media, language=language) as playback:
            return await playback.wait(seconds)

    async def say_digits(self, digits: str, *, language: str | None = None) -> PlaybackEnd:
        """Say digits one by one, such as `123` or `*9`; otherwise as `play`."""
        return await self.play(f"digits:{digits}", language=language)

    @asynccontextmanager
    async def recording(
        self, name: str, *, seconds: int = 3600, **options: Unpack[RecordingOptions]
    ) -> AsyncGenerator[Recording]:
        """Record in the background, so many seconds at most; at the end of the scope it is stored.

        Raises:
            Conflict: there is a recording of this name.
            AriError: it could not be begun.
        """
        recording = Recording(self, name)
        try:
            await settled(recording.begin(seconds, options))
            yield recording
        finally:
            await undone(self.session, recording.key, recording.leave)

    async def record(
        self, name: str, *, seconds: int = 60, **options: Unpack[RecordingOptions]
    ) -> LiveRecording:
        """Record until it ends: by a key, silence, a hang-up or its time; return how it ended.

        Cancelled, it is stopped and kept.

        Raises:
            TimeoutError: it did not end `RECORDING_MARGIN` seconds after its time, because it was
                paused, or something else was still playing when it should have begun.
            Conflict: there is a recording of this name.
            ChannelGone: the channel is gone, and what became of the recording was not told.
            BridgeGone: the bridge is.
            AriError: it could not be begun.
        """
        async with self.recording(name, seconds=seconds, **options) as recording:
            return await recording.wait(seconds + RECORDING_MARGIN)

    async def start_moh(self, moh_class: str | None = None) -> None:
        """Play music on hold, of a class of musiconhold.conf. Raises AriError."""
        await self.sounding.start_moh(self.id, moh_class=moh_class)

    async def stop_moh(self) -> None:
        """End the music on hold. Raises AriError."""
        await self.sounding.stop_moh(self.id)
