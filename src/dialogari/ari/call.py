"""One visit of a call to the application, from StasisStart until it leaves.

The same channel that comes back to Stasis() later is a new `Call`. Every method turns "the channel
is no longer here" into `ChannelGone`, so code that serves a call reads as if it never hung up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from dialogari.ari import operations
from dialogari.ari.errors import (
    AriError,
    ChannelGone,
    GoneReason,
    NotFound,
    NotFoundKind,
    NotInStasis,
)
from dialogari.ari.models import Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dialogari.ari.connection import Connection
    from dialogari.ari.models import Channel
    from dialogari.ari.operations import Request, Response

LARGEST_BULK = 30_000
"""Bytes of names and values in one bulk request; a body may have 40,960, the rest is JSON."""


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
            answer = await self._send(operations.get_variable(self.id, name))
        except NotFound as error:
            if error.kind is NotFoundKind.VARIABLE:
                return None
            raise
        return answer.read(Variable).value

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        """Set channel variables in the order given; all are set when it returns.

        Raises ChannelGone and AriError.
        """
        if self._connection.features.bulk_variables:
            for chunk in _chunks(variables.items()):
                await self._send(operations.set_variables(self.id, chunk))
        else:
            for name, value in variables.items():
                await self._send(operations.set_variable(self.id, name, value))

    async def continue_in_dialplan(self) -> None:
        """Send the call back to the dialplan; it has left, or is leaving, when this returns.

        Raises AriError where Asterisk could not be told. That the caller hung up meanwhile is
        not an error here.
        """
        # Before sending: StasisEnd may arrive before the answer, and must not look like a hang-up.
        self.released = True
        try:
            await self._send(operations.continue_in_dialplan(self.id))
        except ChannelGone:
            return
        except AriError:
            self.released = False
            raise

    async def _send(self, request: Request) -> Response:
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
        if chunk and size + length > LARGEST_BULK:
            yield chunk
            chunk, size = {}, 0
        chunk[name] = value
        size += length
    if chunk:
        yield chunk
