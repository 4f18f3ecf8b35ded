"""FakeAsterisk: the server itself, and the levers a test pulls."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

import msgspec
from aiohttp import web

from dialogari.ari.models import ApplicationReplaced
from dialogari.ari.testing.call import FakeCall
from dialogari.ari.testing.envelope import open_envelope, seal
from dialogari.ari.testing.exchange import ASTERISK_ID, Exchange, Nowhere, now
from dialogari.ari.testing.fault import Fault, Faults
from dialogari.ari.testing.rest import Answer, Command, RestInterface
from dialogari.ari.testing.socket import Socket

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
    from types import TracebackType

    Reply = Callable[[Answer], Awaitable[None]]

KEEP_ALIVE = 15.0
LARGEST_BODY = 40_960
SHUTDOWN = 0.1
SILENCE = 300.0
"""Seconds after which even an answer that never comes has its connection closed."""
VERSIONS = {(True, True): "22.10.1", (True, False): "22.5.0", (False, False): "16.28.0"}


class FakeAsterisk:
    """An Asterisk on a free loopback port, from `async with` on.

    Args:
        rest_over_websocket: Take commands on the events socket, as 22.4 and later do.
        bulk_variables: Have `POST /channels/{id}/variables`, as 22.10 and later do. Without it
            variables come one by one, as it does not have the function ARRAY() either.
    """

    username = "fake"
    password = "fake secret"  # noqa: S105 - of a server that only tests reach

    def __init__(self, *, rest_over_websocket: bool = True, bulk_variables: bool = True) -> None:
        self._exchange = Exchange()
        version = VERSIONS.get((rest_over_websocket, bulk_variables), "22.10.1")
        self._rest = RestInterface(self._exchange, version, rest_over_websocket, bulk_variables)
        self._faults = Faults()
        self._sockets: set[Socket] = set()
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def url(self) -> str:
        """Address of the REST interface."""
        return f"http://127.0.0.1:{self._port}/ari"

    @property
    def calls(self) -> list[FakeCall]:
        """The calls that have not hung up."""
        return list(self._exchange.calls.values())

    @property
    def applications(self) -> list[str]:
        """The names of the applications that it knows, with or without a client."""
        return list(self._exchange.applications)

    async def enter_stasis(
        self, app: str, args: Sequence[str] = (), variables: Mapping[str, str] | None = None
    ) -> FakeCall:
        """Let a new call run Stasis(); see `FakeCall.enter_stasis`."""
        call = FakeCall(self._exchange, self._exchange.next_channel_id())
        self._exchange.calls[call.id] = call
        await call.enter_stasis(app, args, variables)
        return call

    async def send(self, app: str, event: Mapping[str, Any]) -> None:
        """Send any event, known to Asterisk or not; what all events have is added."""
        shared = {"application": app, "timestamp": now(), "asterisk_id": ASTERISK_ID}
        frame = msgspec.json.encode({**shared, **event})
        await self._exchange.deliver(app, str(event.get("type", "")), frame)

    def inject(self, fault: Fault) -> None:
        """Have a fault meet the next commands that match it."""
        self._faults.add(fault)

    def heal(self) -> None:
        """Take back all faults, swallowed user events too."""
        self._faults.clear()
        self.swallow_user_events(False)

    def swallow_user_events(self, swallow: bool = True) -> None:
        """Answer 204 to user events but send none: what a dead application's socket looks like."""
        self._exchange.swallow_user_events = swallow

    async def replace(self, app: str) -> None:
        """Let another client take an application over: its socket hears so, then nothing more."""
        known = self._exchange.applications[app]
        await self._exchange.publish(ApplicationReplaced(application=app, timestamp=now()))
        known.link = Nowhere()

    async def drop(self, *, code: int | None = None) -> None:
        """End all events sockets with a close code; None: cut them without a word."""
        for socket in list(self._sockets):
            if code is None:
                socket.abort()
            else:
                await socket.close(code)

    @asynccontextmanager
    async def down(self) -> AsyncGenerator[None]:
        """Refuse connections for a while, and cut those there are; calls stay where they are."""
        await self._close()
        try:
            yield
        finally:
            await self._open()

    async def _open(self) -> None:
        application = web.Application(client_max_size=2 * LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._respond)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=SHUTDOWN,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        if not self._authorized(request):
            refused = web.json_response({"message": "Authentication required"}, status=401)
            refused.headers["WWW-Authenticate"] = 'Basic realm="Asterisk REST Interface"'
            return refused
        if request.path == "/ari/events":
            return await self._serve_events(request)
        return await self._serve_command(request)

    def _authorized(self, request: web.Request) -> bool:
        """Check the credentials; a header counts more than `api_key`, as measured."""
        expected = f"{self.username}:{self.password}"
        header = request.headers.get("Authorization")
        if header is None:
            return request.query.get("api_key") == expected
        return header == f"Basic {base64.b64encode(expected.encode()).decode()}"

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
        command = Command(request.method, segments, decoded, tuple(request.query.items()))
        response: web.StreamResponse | None = None

        async def reply(answer: Answer) -> None:
            nonlocal response
            response = _response(answer)
            with contextlib.suppress(ConnectionError):  # the client has given up
                await response.prepare(request)
                await response.write_eof()

        await self._carry_out(command, reply)
        if response is None:
            await asyncio.sleep(SILENCE)
            raise web.HTTPServiceUnavailable
        return response

    async def _serve_events(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return _page(426)
        names = [name for name in request.query.get("app", "").split(",") if name]
        if not names:
            return _page(400)
        socket = Socket()
        connection = await socket.accept(request)
        self._sockets.add(socket)
        try:
            for name in names:
                await self._exchange.register(name, socket)
            async for text in socket.texts():
                if self._rest.rest_over_websocket:
                    await self._answer_on(socket, names[0], text)
        finally:
            self._sockets.discard(socket)
            self._exchange.unregister(socket)
        return connection

    async def _answer_on(self, socket: Socket, application: str, text: str) -> None:
        fields, command = open_envelope(text)

        async def reply(answer: Answer) -> None:
            known = self._exchange.applications.get(application)
            # The event filter holds answers back too, and a forgotten application gets none.
            if known is not None and known.passes("RESTResponse"):
                await socket.send(seal(fields, answer, application))

        if isinstance(command, Answer):
            await reply(command)
        else:
            await self._carry_out(command, reply)

    async def _carry_out(self, command: Command, reply: Reply) -> None:
        fault = self._faults.take(command)
        if fault.status is None:
            answer = self._rest.answer(command)
        else:
            words = {"message": fault.message} if fault.message else {"error": "Allocation failed"}
            answer = Answer(fault.status, words)
        first = answer.events_first if fault.events_first is None else fault.events_first
        if first:
            await self._publish(answer)
        await asyncio.sleep(fault.delay)
        if not fault.silent:
            await reply(answer)
        if not first:
            await self._publish(answer)

    async def _publish(self, answer: Answer) -> None:
        for event in answer.events:
            await self._exchange.publish(event)


def _response(answer: Answer) -> web.Response:
    body = None if answer.body is None else msgspec.json.encode(answer.body)
    kind = None if body is None else "application/json"
    return web.Response(status=answer.status, reason=answer.phrase, body=body, content_type=kind)


def _page(status: int) -> web.Response:
    """Return what Asterisk's HTTP layer answers, before ARI has seen the request."""
    return web.Response(status=status, text="<html></html>", content_type="text/html")
