"""A bare server for the sockets that Asterisk opens, to see what arrives."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from dialogari.ari.testing import Outbound
from dialogari.sandbox.outbound import OutboundSocket
from either_pbx import LIMIT, FakePhone, Phone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


@dataclass(slots=True)
class Server:
    """Takes Asterisk's sockets, keeps what comes over each, and can go away for a while."""

    port: int = 0
    handshakes: list[web.BaseRequest] = field(default_factory=list[web.BaseRequest])
    sockets: list[web.WebSocketResponse] = field(default_factory=list[web.WebSocketResponse])
    frames: list[list[dict[str, Any]]] = field(default_factory=list[list[dict[str, Any]]])
    """What came over each socket."""
    refuse: bool = False
    _runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen, on the same port whenever it is done again."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._take)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Go away."""
        if self._runner is None:
            return
        for site in list(self._runner.sites):  # first of all, or Asterisk is back at once
            await site.stop()
        for socket in self.sockets:
            await socket.close()
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.handshakes.append(request)
        if self.refuse:
            return web.Response(status=401)
        socket = web.WebSocketResponse(protocols=("ari",))
        await socket.prepare(request)
        self.sockets.append(socket)
        self.frames.append(frames := [])
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            frames.append(json.loads(message.data))
        return socket

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(LIMIT):
            while not condition():
                await asyncio.sleep(0.005)

    async def told(self, number: int, count: int) -> list[str]:
        """Return the types of what came over a socket, once so much has come."""
        await self.until(lambda: len(self.frames) > number and len(self.frames[number]) >= count)
        return [frame["type"] for frame in self.frames[number]]

    async def command(self, number: int, method: str, uri: str) -> dict[str, Any]:
        """Send a command over a socket; return the answer."""
        name = secrets.token_hex(4)
        request = {"type": "RESTRequest", "request_id": name, "method": method, "uri": uri}
        await self.sockets[number].send_json(request)
        frames = self.frames[number]
        await self.until(lambda: any(frame.get("request_id") == name for frame in frames))
        return next(frame for frame in frames if frame.get("request_id") == name)


@asynccontextmanager
async def connected(
    phone: Phone, app: str, *, per_call: bool = False, begin: bool = True
) -> AsyncGenerator[Server]:
    """Have Asterisk connect to a server, which listens unless it shall not begin so."""
    server = Server()
    await server.open()
    if not begin:
        await server.close()
    url = f"ws://127.0.0.1:{server.port}/x?q=1"
    name = f"out-{secrets.token_hex(4)}"
    real = OutboundSocket(
        name, url, "user", "se:cret", (app,), per_call=per_call, reconnect_interval=100
    )
    double = Outbound(url, "user", "se:cret", (app,), per_call=per_call)
    if isinstance(phone, FakePhone):
        await phone.server.connect_out(double)
    else:
        await phone.server.connect_out(real)
    try:
        yield server
    finally:
        await phone.hang_up()
        if isinstance(phone, FakePhone):
            await phone.server.disconnect_out(double)
        else:
            await phone.server.disconnect_out(name)
        await server.close()
