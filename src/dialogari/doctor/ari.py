"""Questions to Asterisk's REST interface over one HTTP connection, and what their failures mean.

Beside `dialogari.ari`, which hides why a connection failed and what time the server thinks it is.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

import aiohttp
import msgspec
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from datetime import datetime

    from dialogari.ari import Server

T = TypeVar("T")
PATIENCE = 5.0
"""Seconds for one answer."""


class Silence(StrEnum):
    """Why there is no HTTP answer."""

    NOTHING_LISTENS = "nothing_listens"
    TLS = "tls"
    SLOW = "slow"
    CLOSED = "closed"
    """The connection was taken and closed without a byte: what Asterisk does over sessionlimit."""
    NOT_HTTP = "not_http"


class NoAnswerError(Exception):
    """There is no HTTP answer; `detail` says it in our own words."""

    def __init__(self, why: Silence, detail: str) -> None:
        super().__init__(why, detail)
        self.why = why
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def read(self, shape: type[T]) -> T | None:
        """Return the body as `shape`; None if it is something else."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    @property
    def date(self) -> datetime | None:
        """The server's clock, in whole seconds."""
        try:
            return parsedate_to_datetime(self.headers.get("Date", ""))
        except ValueError:
            return None


class Ari:
    """Asks one Asterisk. Made by `open_ari`."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self._session = session

    async def get(self, path: str) -> Answer:
        """Read `path`, percent-encoded, below /ari. Raises NoAnswerError."""
        return await self.ask("GET", path)

    async def ask(self, method: str, path: str) -> Answer:
        """Send a request without a body. Raises NoAnswerError."""
        return await fetch(self._session, method, f"{self.server.url}/{path}")


async def fetch(session: aiohttp.ClientSession, method: str, url: str) -> Answer:
    """Return the answer, whatever its status.

    Raises:
        NoAnswerError: there is none that speaks HTTP.
    """
    try:
        async with session.request(
            method, URL(url, encoded=True), allow_redirects=False
        ) as response:
            return Answer(response.status, await response.read(), response.headers)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _explain(error) from error


@asynccontextmanager
async def open_ari(server: Server) -> AsyncGenerator[Ari]:
    """Open one connection, closed at the end of the block."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1),
        headers={"Authorization": server.authorization},
        timeout=aiohttp.ClientTimeout(total=PATIENCE),
    ) as session:
        yield Ari(server, session)


_CAUSES: tuple[tuple[type[Exception], Silence, str], ...] = (
    (aiohttp.ClientConnectorCertificateError, Silence.TLS, "its certificate is not trusted"),
    (aiohttp.ClientSSLError, Silence.TLS, "it does not speak TLS"),
    (aiohttp.ClientConnectorDNSError, Silence.NOTHING_LISTENS, "the host's name is unknown"),
    (aiohttp.ClientConnectorError, Silence.NOTHING_LISTENS, "no connection"),
    (TimeoutError, Silence.SLOW, f"no answer in {PATIENCE:.0f} s"),
    (aiohttp.ClientResponseError, Silence.NOT_HTTP, "it does not speak HTTP"),
)
"""The first that fits counts: subclasses stand before their bases."""


def _explain(error: Exception) -> NoAnswerError:
    for kind, why, detail in _CAUSES:
        if isinstance(error, kind):
            return NoAnswerError(why, detail)
    return NoAnswerError(Silence.CLOSED, "it closes the connection without an answer")
