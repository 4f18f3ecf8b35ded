"""An MCP server at an address: the library's streamable HTTP over the guard of `outbound`.

The library speaks httpx2; what it asks for goes out by our own connections, so that an MCP server
is reached under the same rules as every HTTP tool: addresses checked where they are dialled,
TOOL_NETWORKS, no proxy of the environment.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import aiohttp
import httpx2
from mcp.client.streamable_http import streamable_http_client
from yarl import URL

from dialogari.agent.outbound import LARGEST_BODY, Order, OutboundError
from dialogari.agent.tool_rules import LONGEST_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from mcp.client._transport import TransportStreams

    from dialogari.agent.outbound import Outbound
    from dialogari.tool import McpServer

_NOT_PASSED: Final = {"host", "connection", "content-length", "content-type", "accept-encoding"}
"""Headers that the other client sets by itself."""
_GOODBYE: Final = 1.0
"""Seconds for telling a server that its session is over."""
_EVENTS: Final = "text/event-stream"


@asynccontextmanager
async def open_address(
    server: McpServer, outbound: Outbound, note: Callable[[str], None]
) -> AsyncGenerator[TransportStreams]:
    """Speak with a server for the length of the block; a transport of the library.

    `note` is told why a request brought no answer, in a word of `OutboundError`.
    """
    async with (
        httpx2.AsyncClient(
            headers=dict(server.headers),
            transport=_Guarded(outbound, note),
            timeout=None,
            trust_env=False,
        ) as client,
        streamable_http_client(
            server.url, http_client=client, max_sse_event_size=LARGEST_BODY
        ) as streams,
    ):
        yield streams


class _Guarded(httpx2.AsyncBaseTransport):
    def __init__(self, outbound: Outbound, note: Callable[[str], None]) -> None:
        self._outbound = outbound
        self._note = note

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        headers = {n: v for n, v in request.headers.items() if n.lower() not in _NOT_PASSED}
        order = Order(request.method, URL(str(request.url)), headers, body or None)
        try:
            async with asyncio.timeout(_GOODBYE if request.method == "DELETE" else LONGEST_TIMEOUT):
                response = await self._outbound.open(order)
        except OutboundError as error:
            self._note(error.reason)
            raise httpx2.ConnectError(error.reason) from None
        except TimeoutError:
            raise httpx2.ReadTimeout("no answer") from None
        # An event stream that was asked for by GET lives as long as the connection; all else ends.
        endless = request.method == "GET" and response.content_type == _EVENTS
        return httpx2.Response(
            response.status,
            headers=[
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in response.raw_headers
            ],
            stream=_Body(response, None if endless else LARGEST_BODY),
        )


class _Body(httpx2.AsyncByteStream):
    """A body as it arrives, up to a limit."""

    def __init__(self, response: aiohttp.ClientResponse, limit: int | None) -> None:
        self._response = response
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise httpx2.StreamError("packed in a way nobody asked for")
        try:
            async for piece in self._response.content.iter_any():
                if self._left is not None:
                    self._left -= len(piece)
                    if self._left < 0:
                        raise httpx2.StreamError("too large")
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ReadError("the connection broke") from error

    async def aclose(self) -> None:
        self._response.close()
