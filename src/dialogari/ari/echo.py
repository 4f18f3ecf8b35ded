"""The proof that the link carries events: one of our own that comes back.

It travels on a connection of its own, so that a queue of commands never looks like a dead link.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from dialogari.ari.errors import Unreachable
from dialogari.ari.models import ChannelUserevent
from dialogari.ari.operations import Events
from dialogari.ari.request import successful
from dialogari.ari.transport.http import HttpTransport

if TYPE_CHECKING:
    from types import TracebackType

    from dialogari.ari.models import Event, UnknownEvent
    from dialogari.ari.request import Request, Response
    from dialogari.ari.transport import Server

ECHO_TIMEOUT = 4.0
ECHO_EVENT = "dialogari.echo"


class Echo:
    """Sends the events and hears them; `async with` opens and closes its connection."""

    def __init__(self, server: Server, application: str) -> None:
        self._http = HttpTransport(server, connections=1)
        self._application = application
        self._expected: dict[str, asyncio.Event] = {}

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(exc_type, exc, traceback)

    async def prove(self) -> None:
        """Return once an event sent now has come back.

        Raises:
            AriError: it could not be sent, or did not come back in time.
        """
        token = secrets.token_hex(8)
        heard = self._expected[token] = asyncio.Event()
        try:
            async with asyncio.timeout(ECHO_TIMEOUT):
                events = Events(self._send)
                await events.user_event(ECHO_EVENT, self._application, variables={"token": token})
                await heard.wait()
        except TimeoutError:
            raise Unreachable("our own event did not come back") from None
        finally:
            del self._expected[token]

    async def _send(self, request: Request) -> Response:
        """Send, and again where an answer is lost: one more of these events does no harm."""
        request = replace(request, repeatable=True)
        return successful(request, await self._http.send(request, ECHO_TIMEOUT))

    def hear(self, event: Event | UnknownEvent) -> bool:
        """Take an event; tell whether it was one of these."""
        if not isinstance(event, ChannelUserevent) or event.eventname != ECHO_EVENT:
            return False
        heard = self._expected.get(str(event.userevent.get("token")))
        if heard is not None:
            heard.set()
        return True
