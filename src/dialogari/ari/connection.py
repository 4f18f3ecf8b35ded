"""The inbound way: we connect to Asterisk, and connect again whatever ended the last socket.

Any end means the same, close code 1000 included: a stopping Asterisk sends that one. The one
exception is ApplicationReplaced. Another client has the application; fighting for it would throw
both out in turns, so the connection ends with an error and stays ended.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NoReturn, Self

from dialogari.ari.backoff import backoff
from dialogari.ari.echo import Echo
from dialogari.ari.errors import ApplicationReplaced, AriError, Unauthorized
from dialogari.ari.features import Probe
from dialogari.ari.link import Link
from dialogari.ari.transport.http import HttpTransport
from dialogari.ari.transport.websocket import open_event_socket

if TYPE_CHECKING:
    from types import TracebackType

    from dialogari.ari.client import Sessions
    from dialogari.ari.interest import Interest
    from dialogari.ari.link import Receiver
    from dialogari.ari.transport import Server

logger = logging.getLogger(__name__)


class Connection:
    """Keeps one link up; `async with` opens its HTTP side, `run` the events side."""

    def __init__(self, server: Server, application: str, interest: Interest) -> None:
        self._server = server
        self._application = application
        self._http = HttpTransport(server)
        self._echo_http = HttpTransport(server, connections=1)
        self._echo = Echo(application, self._echo_http)
        self._interest = interest
        self._open = AsyncExitStack()
        self._receiver: Receiver | None = None
        self._link = Link(server.url, application, Probe(), interest, self._http)

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self._http)
        await self._open.enter_async_context(self._echo_http)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    def begin(self, sessions: Sessions) -> None:
        """Have one session, from now on."""
        self._receiver = sessions.admit(self._link).calls

    async def run(self) -> NoReturn:
        """Keep the link up until cancelled.

        Raises:
            Unauthorized: the very first connect was refused; later refusals are retried.
            ApplicationReplaced: another client has the application.
        """
        delays = backoff()
        told = ""
        while True:
            generation = self._link.generation
            try:
                await self._connect_once()
            except ApplicationReplaced:
                raise
            except AriError as error:
                if isinstance(error, Unauthorized) and self._link.generation == 0:
                    raise
                if self._link.generation != generation:
                    delays, told = backoff(), ""
                if str(error) != told:
                    told = str(error)
                    extra = {"server": self._server.url, "cause": told}
                    logger.warning("ari_link_down", extra=extra)
            await asyncio.sleep(next(delays))

    async def _connect_once(self) -> None:
        """Connect and stay connected; always ends by raising."""
        await self._link.probe.ask(self._link.send)
        async with open_event_socket(
            self._server, self._application, subscribe_all=self._interest.subscribe_all
        ) as socket:
            if self._receiver is not None:
                await self._link.carry(socket, self._receiver, self._echo)
