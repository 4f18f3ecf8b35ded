"""One visit of a call to the application, from StasisStart until it leaves.

The same channel that comes back to Stasis() later is a new `Call`. Every method turns "the channel
is no longer here" into `ChannelGone`, so code that serves a call reads as if it never hung up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from dialogari.ari.arguments import escape_argument, is_in_application
from dialogari.ari.backoff import backoff
from dialogari.ari.errors import (
    AriError,
    ChannelGone,
    GoneReason,
    NotFound,
    NotFoundKind,
    NotInStasis,
    Unreachable,
)
from dialogari.ari.operations import Channels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dialogari.ari.connection import Connection
    from dialogari.ari.models import Channel
    from dialogari.ari.request import Request, Response

RELEASE_TIMEOUT = 60.0
LARGEST_BULK = 30_000
"""Bytes of names and values in one bulk request; a body may have 40,960, the rest is JSON."""
MOST_IN_BULK = 50
"""Variables in one bulk request; ARRAY() takes 100."""


class Call:
    """Handle of one call; made by `dialogari.ari.client`, used by its handlers."""

    def __init__(self, connection: Connection, channel: Channel, arguments: Sequence[str]) -> None:
        self.channel = channel
        self.arguments = tuple(arguments)
        """What stood in Stasis() after the application, as Asterisk split it."""
        self.started = asyncio.get_running_loop().time()
        """When we learned of it, on the loop's clock, in seconds."""
        self.gone: GoneReason | None = None
        self.released = False
        """We have sent it back to the dialplan; that it leaves now is no hang-up."""
        self._connection = connection
        self._channels = Channels(self._send)
        self._in_doubt = False
        """A `continue` was sent, and for all we know it may have been executed."""

    @property
    def id(self) -> str:
        """The channel's id."""
        return self.channel.id

    @property
    def server(self) -> str:
        """Address of the Asterisk it is on."""
        return self._connection.server.url

    async def get_variable(self, name: str) -> str | None:
        """Return a channel variable whole, without the dialplan's limit of 4,095 bytes.

        None: it is not set. Raises ChannelGone and AriError.
        """
        try:
            return (await self._channels.get_channel_var(self.id, name)).value
        except NotFound as error:
            if error.kind is NotFoundKind.VARIABLE:
                return None
            raise

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        """Set channel variables in the order given.

        When it returns all are set, or (before 20.10 and 22.0, while no sound flows) will be
        within 200 ms and before any command sent later.

        Raises ChannelGone and AriError.
        """
        features = self._connection.features
        if features.bulk_variables:
            for chunk in _chunks(variables.items()):
                await self._channels.set_channel_vars(self.id, chunk)
        elif features.array_function:
            escaped = ((name, escape_argument(value)) for name, value in variables.items())
            for chunk in _chunks(escaped):
                array, values = f"ARRAY({','.join(chunk)})", ",".join(chunk.values())
                await self._channels.set_channel_var(self.id, array, value=values)
        else:
            for name, value in variables.items():
                await self._channels.set_channel_var(self.id, name, value=value)

    async def continue_in_dialplan(self) -> None:
        """Send the call back to the dialplan; it has left, or is leaving, when this returns.

        Keeps trying while Asterisk refuses or can't be reached, because a call that is not sent
        back waits in silence; after each answer that was lost, and after a try that was cancelled,
        it looks first whether the call has left already. A second time it does nothing. That the
        caller hung up meanwhile is not an error here.

        Raises:
            AriError: what every try for RELEASE_TIMEOUT seconds came to.
        """
        if self.released:
            return
        # Before sending: StasisEnd may arrive before the answer, and must not look like a hang-up.
        self.released = True
        try:
            await self._leave()
        except BaseException:
            self.released = False
            raise

    async def _leave(self) -> None:
        failure: AriError = Unreachable("the call could not be sent back")
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT):
                for delay in backoff():
                    try:
                        return await self._try_to_leave()
                    except AriError as error:
                        failure = error
                    await asyncio.sleep(delay)
        except TimeoutError:
            raise failure from None

    async def _try_to_leave(self) -> None:
        try:
            if self._in_doubt and not await self._is_here():
                return
            self._in_doubt = True
            await self._channels.continue_in_dialplan(self.id)
        except ChannelGone:
            pass

    async def _is_here(self) -> bool:
        """Whether the call is still in this visit, or in a later one of which no event told yet."""
        channel = await self._channels.get(self.id)
        return is_in_application(channel, self._connection.application)

    async def _send(self, request: Request) -> Response:
        if self.gone is not None:  # its channel may be back, in a visit that is not ours
            raise ChannelGone(self.id, self.gone)
        try:
            return await self._connection.send(request)
        except NotFound as error:
            if error.kind is not NotFoundKind.CHANNEL:
                raise
            self.gone = self.gone or GoneReason.NOT_FOUND
            raise ChannelGone(self.id, self.gone) from error
        except NotInStasis as error:
            self.gone = self.gone or GoneReason.LEFT_STASIS
            raise ChannelGone(self.id, self.gone) from error


def _chunks(items: Iterable[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """Yield groups of items, in order, each small enough for one request."""
    chunk: dict[str, str] = {}
    size = 0
    for name, value in items:
        length = len(name.encode()) + len(msgspec.json.encode(value))
        if chunk and (size + length > LARGEST_BULK or len(chunk) == MOST_IN_BULK):
            yield chunk
            chunk, size = {}, 0
        chunk[name] = value
        size += length
    if chunk:
        yield chunk
