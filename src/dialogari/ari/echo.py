"""The proof that a link carries events: one of our own that comes back."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from dialogari.ari.errors import Unreachable
from dialogari.ari.models import ChannelUserevent
from dialogari.ari.operations import Events
from dialogari.ari.request import successful

if TYPE_CHECKING:
    from dialogari.ari.models import Event, UnknownEvent
    from dialogari.ari.request import Request, Response
    from dialogari.ari.transport import Transport

ECHO_TIMEOUT = 4.0
ECHO_EVENT = "dialogari.echo"


class Echo:
    """Sends the events and hears them.

    Args:
        transport: What they travel on; best one that carries nothing else, so that a queue of
            commands never looks like a dead link.
    """

    def __init__(self, application: str, transport: Transport) -> None:
        self._application = application
        self._transport = transport
        self._expected: dict[str, asyncio.Event] = {}

    async def prove(self) -> None:
        """Return once an event sent now has come back.

        Raises:
            AriError: it could not be sent, or did not come back in time.
        """
        token = secrets.token_hex(8)
        heard = self._expected[token] = asyncio.Event()
        try:
            async with asyncio.timeout(ECHO_TIMEOUT):
                await Events(self._send).user_event(
                    ECHO_EVENT, self._application, variables={"token": token}
                )
                await heard.wait()
        except TimeoutError:
            raise Unreachable("our own event did not come back") from None
        finally:
            del self._expected[token]

    async def _send(self, request: Request) -> Response:
        twice = replace(request, repeatable=True)  # a second one with our token does no harm
        return successful(request, await self._transport.send(twice, ECHO_TIMEOUT))

    def hear(self, event: Event | UnknownEvent) -> bool:
        """Take an event; tell whether it was one of these."""
        if not isinstance(event, ChannelUserevent) or event.eventname != ECHO_EVENT:
            return False
        heard = self._expected.get(str(event.userevent.get("token")))
        if heard is not None:
            heard.set()
        return True
