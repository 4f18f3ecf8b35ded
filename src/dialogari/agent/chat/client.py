"""One provider's connections: a session, kept for the process and made when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from dialogari.agent.chat.model import ChatModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_ai.models import Model

    from dialogari.agent.provider import Provider

CONNECT_LIMIT: Final = 10.0
READ_LIMIT: Final = 300.0
"""Seconds without a byte; the longest a turn may take. The turn's own deadline ends it earlier."""
_IDLE: Final = {"http": 4.0, "https": 50.0}
"""Seconds a connection is kept for the next turn: less than servers keep theirs, or a question
would be sent into one that is just being closed. Those behind TLS keep theirs a minute at least,
and save a handshake; uvicorn and its like close after five seconds, and connect at no cost."""
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


class ChatClient:
    """The connections to one OpenAI-compatible server."""

    def __init__(self, provider: Provider) -> None:
        self.name = provider.name
        self.base_url = provider.base_url
        # OpenAI's newer models refuse max_tokens, many other servers know nothing else.
        official = urlsplit(provider.base_url).hostname == "api.openai.com"
        self.token_limit = "max_completion_tokens" if official else "max_tokens"
        self._hangs_up = provider.hangs_up
        self.tools_by_schema = provider.tools_by_schema
        self._url = provider.base_url.rstrip("/") + "/chat/completions"
        self._headers = {
            "Authorization": f"Bearer {provider.api_key}",
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",  # a compressed stream comes in lumps
        }
        self._proxy = _proxy(provider.base_url)
        self._session: aiohttp.ClientSession | None = None

    def model(self, name: str) -> Model:
        """Return a model of this server, known or not."""
        return ChatModel(name, self)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Send a request; the response is open. Raises what aiohttp raises.

        No redirect is followed: it would take the key along.
        """
        if self._session is None:
            self._session = self._open()
        return await self._session.post(
            self._url, data=body, headers=headers, allow_redirects=False, proxy=self._proxy
        )

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._hangs_up:
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
        else:
            idle = _IDLE[urlsplit(self._url).scheme]
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=idle)
        return aiohttp.ClientSession(
            headers=self._headers,
            connector=connector,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_LIMIT, sock_read=READ_LIMIT
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for this address, looked up once."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")
