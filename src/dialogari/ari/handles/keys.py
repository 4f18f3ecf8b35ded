"""The keys that a caller presses: collected one by one, none missed between."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from dialogari.ari.errors import Unreachable
from dialogari.ari.models import ChannelDtmfReceived

if TYPE_CHECKING:
    from types import TracebackType

    from dialogari.ari.handles.channel import Channel


class KeysEnd(StrEnum):
    """Why no more keys were waited for."""

    FULL = "full"
    """There were as many as asked for."""
    TERMINATOR = "terminator"
    """The key that ends it was pressed."""
    TIMEOUT = "timeout"
    """None came in time."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a caller pressed."""

    digits: str
    """Without the terminator."""
    end: KeysEnd


class Keys:
    """The keys pressed on a channel; from the start of `async with` on none is missed."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._listener = channel.listen(ChannelDtmfReceived)
        self._held: deque[str] = deque()

    def __repr__(self) -> str:
        return f"<Keys of {self._channel!r}>"

    async def __aenter__(self) -> Self:
        await self._listener.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._listener.__aexit__(exc_type, exc, traceback)

    async def wait(self) -> None:
        """Wait, without a limit of its own, until there is a key to collect.

        Raises:
            ChannelGone: the channel is gone.
            Unreachable: no events come any more.
        """
        if self._held:
            return
        async for event in self._listener:
            self._held.append(event.digit)
            return
        if self._channel.gone is None:
            raise Unreachable("no events come any more")
        raise self._channel.absence()

    async def collect(
        self, count: int, *, seconds: float = 10.0, between: float = 3.0, terminator: str = "#"
    ) -> Collected:
        """Return the keys pressed since the start, or since the last `collect`, and the next ones.

        Args:
            count: How many at most.
            seconds: How long to wait for the first.
            between: How long to wait for each further one.
            terminator: Keys that end it at once; may be empty.

        Raises:
            ChannelGone: the channel is gone.
            Unreachable: no events come any more.
        """
        digits = ""
        while len(digits) < count:
            try:
                async with asyncio.timeout(between if digits else seconds):
                    await self.wait()
            except TimeoutError:
                return Collected(digits, KeysEnd.TIMEOUT)
            digit = self._held.popleft()
            if digit in terminator:
                return Collected(digits, KeysEnd.TERMINATOR)
            digits += digit
        return Collected(digits, KeysEnd.FULL)
