"""The HTTP server of a FakeAsterisk: requests, events sockets, and who may use them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import weakref
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec
from aiohttp import web

from dialogari.ari.testing.dispatch import SILENCE
from dialogari.ari.testing.rest import Answer, Command, Thread
from dialogari.ari.testing.socket import Socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialogari.ari.testing.dispatch import Dispatcher

KEEP_ALIVE = 15.0
LARGEST_BODY = 40_960
SHUTDOWN = 0.1
HTML = "<html></html>"
PATIENCE = 5.0
SESSIONS = 100


class HttpServer:
    """Listens on a free loopback port, the same one whenever it is opened again.

    `authorized` is asked with the Authorization header and the `api_key` of a request.
    """

    patience = PATIENCE
    """Seconds for which a client may not read its socket."""
    session_limit = SESSIONS
    """Connections, events sockets included; one more is closed without a byte."""
    starting: Answer | None = None
    """What is answered to everything, while Asterisk is starting."""

    def __init__(
        self, dispatcher: Dispatcher, authorized: Callable[[str | None, str | None], bool]
    ) -> None:
        self.port = 0
        self._dispatcher = dispatcher
        self._authorized = authorized
        self._sockets: set[Socket] = set()
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._threads: weakref.WeakKeyDictionary[asyncio.BaseTransport, Thread] = (
            weakref.WeakKeyDictionary()
        )

    async def open(self) -> None:
        """Begin to listen."""
        application = web.Application(client_max_size=2 * LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._respond)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=SHUTDOWN,
        )
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._take, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    def _take(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        server = None if self._runner is None else self._runner.server
        if server is None or len(server.connections) >= self.session_limit:
            return _Refusal()
        return server()

    async def close(self) -> None:
        """Cut all connections and listen no more."""
        if self._listener is not None:
            self._listener.close()
        await self.drop(None)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def drop(self, code: int | None) -> None:
        """End all events sockets with a close code; None: cut them without a word."""
        for socket in list(self._sockets):
            if code is None:
                socket.abort()
            else:
                await socket.close(code)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        if self.starting is not None:
            return _response(self.starting)
        if not self._authorized(request.headers.get("Authorization"), request.query.get("api_key")):
            refused = web.json_response({"message": "Authentication required"}, status=401)
            refused.headers["WWW-Authenticate"] = 'Basic realm="Asterisk REST Interface"'
            return refused
        if request.path == "/ari/events":
            return await self._serve_events(request)
        return await self._serve_command(request)

    async def _serve_command(self, request: web.Request) -> web.StreamResponse:
        # A body that does not call itself JSON is ignored.
        body = await request.read() if request.content_type == "application/json" else b""
        if len(body) > LARGEST_BODY:
            return web.json_response({"message": "Request body too large"}, status=413)
        try:
            decoded = json.loads(body) if body else None
        except ValueError:
            return web.json_response({"message": "Error parsing request body"}, status=400)
        path = request.rel_url.raw_path.removeprefix("/ari/").split("/")
        segments = tuple(unquote(segment) for segment in path)
        query = tuple(request.query.items())
        command = Command(request.method, segments, decoded, query, self._thread(request))
        response: web.StreamResponse | None = None

        async def reply(answer: Answer) -> None:
            nonlocal response
            response = _response(answer)
            with contextlib.suppress(ConnectionError):  # the client has given up
                await response.prepare(request)
                await response.write_eof()

        def cut() -> None:
            if request.transport is not None:
                request.transport.abort()

        await self._dispatcher.carry_out(command, reply, cut)
        if response is None:
            await asyncio.sleep(SILENCE)
            raise web.HTTPServiceUnavailable
        return response

    def _thread(self, request: web.Request) -> Thread:
        """Return the thread of a connection: the requests of one are answered by one."""
        if request.transport is None:
            return Thread()
        return self._threads.setdefault(request.transport, Thread())

    async def _serve_events(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return _page(426)
        names = [name for name in request.query.get("app", "").split(",") if name]
        if not names:
            return _page(400)
        everything = request.query.get("subscribeAll", "") in ("true", "yes", "1")
        socket = Socket(self.patience)
        connection = await socket.accept(request)
        self._sockets.add(socket)
        exchange = self._dispatcher.exchange
        try:
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(socket.write())
                for name in names:
                    exchange.register(name, socket, everything=everything)
                await self._read(socket, names[0])
                writing.cancel()
        finally:
            self._sockets.discard(socket)
            exchange.unregister(socket)
        return connection

    async def _read(self, socket: Socket, application: str) -> None:
        thread = Thread()
        async for text in socket.texts():
            if self._dispatcher.rest.rest_over_websocket:
                await self._dispatcher.answer_text(socket, application, text, thread)


class _Refusal(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        transport.close()


def _response(answer: Answer) -> web.Response:
    if answer.body == HTML:
        return _page(answer.status)
    body = None if answer.body is None else msgspec.json.encode(answer.body)
    kind = None if body is None else "application/json"
    headers = {"Location": answer.location} if answer.location else None
    return web.Response(
        status=answer.status,
        reason=answer.phrase,
        body=body,
        content_type=kind,
        headers=headers,
    )


def _page(status: int) -> web.Response:
    """Return what Asterisk's HTTP layer answers, before ARI has seen the request."""
    return web.Response(status=status, text=HTML, content_type="text/html")
