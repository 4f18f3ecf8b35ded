"""The same telephone on a FakeAsterisk and on a real one, and a bare client for both.

The client shares no code with the one under test: it says what it is told to say, wrong requests
too, and hands back what came, so that a check can compare the double with the original.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp

from dialogari.ari.testing import Callee, FakeAsterisk, FakeCall

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.sandbox.asterisk import Asterisk

LIMIT = 5.0
QUIET = 0.3
"""Seconds in which an event that should not come would have come."""
STEPS = ("ChannelDialplan", "ChannelVarset", "ChannelCallerId", "ChannelConnectedLine")
GIVEN = {"GIVEN": "by the dialplan"}

DIALPLAN = """
[line]
exten => s,1,Wait(60)
exten => _K.,1,SendDTMF(${EXTEN:1})
 same => n,Wait(60)
exten => up,1,Answer()
 same => n,Wait(60)
exten => ring,1,Ringing()
 same => n,Wait(60)
exten => busy,1,Busy(60)
exten => reject,1,Hangup(21)
[probe]
exten => early,1,Stasis(${APP},one)
 same => n,Wait(60)
exten => limited,1,Answer()
 same => n,Set(TIMEOUT(absolute)=1)
 same => n,Stasis(${APP},one)
 same => n,Wait(60)
exten => T,1,Wait(60)
exten => s,1,Answer()
 same => n,Set(GIVEN=by the dialplan)
 same => n,Stasis(${APP},one,UNIQUEID=${UNIQUEID})
 same => n,Wait(60)
"""


class Server(Protocol):
    """Where ARI is."""

    @property
    def url(self) -> str:
        """Address, with `/ari`."""
        ...

    @property
    def username(self) -> str:
        """Who may do everything."""
        ...

    @property
    def password(self) -> str:
        """The password of `username`."""
        ...


@dataclass(slots=True)
class Answer:
    """An answer, by HTTP or over the socket."""

    status: int
    reason: str
    body: Any

    @property
    def message(self) -> str:
        """The body's own words."""
        return self.body["message"]


@dataclass(slots=True)
class FakePhone:
    """Places calls on a FakeAsterisk that has what is in DIALPLAN."""

    server: FakeAsterisk
    _calls: list[FakeCall] = field(default_factory=list[FakeCall])

    def __post_init__(self) -> None:
        self.server.callees["Local/ring@line/n"] = Callee(after=None, rings=True)
        self.server.callees["Local/busy@line/n"] = Callee(cause=17)
        self.server.callees["Local/reject@line/n"] = Callee(cause=21)
        self.server.sounds["missing"] = None

    async def call(self, app: str, *, extension: str = "s") -> None:
        """Call an application."""
        arguments = ["one", f"UNIQUEID={len(self._calls)}"]
        answered = extension != "early"
        entered = await self.server.enter_stasis(app, arguments, GIVEN, answered=answered)
        self._calls.append(entered)

    async def press(self, digits: str) -> None:
        """Press keys in the last call."""
        await self._calls[-1].press(digits)

    async def run_out(self) -> None:
        """Wait until the last call, to the extension `limited`, has lasted as long as it may."""
        await self._calls[-1].leave()

    async def hang_up(self) -> None:
        """Hang up the last call, if there is one."""
        for call in self._calls[-1:]:
            await call.hang_up()


@dataclass(slots=True)
class RealPhone:
    """Places calls on a real Asterisk whose dialplan is DIALPLAN."""

    server: Asterisk
    _caller: str = ""

    async def call(self, app: str, *, extension: str = "s") -> None:
        """Call an application."""
        self._caller = f"caller-{secrets.token_hex(6)}"
        target = {"context": "line", "extension": "s", "priority": 1}
        endpoint = f"Local/{extension}@probe/n"
        body = {"endpoint": endpoint, **target, "variables": {"__APP": app}}
        async with bare_session(self.server) as session:
            answer = await session.post(f"{self.server.url}/channels/{self._caller}", json=body)
            assert answer.status == 200

    async def press(self, digits: str) -> None:
        """Press keys in the last call."""
        async with bare_session(self.server) as session:
            await session.post(f"{self.server.url}/asterisk/modules/app_senddtmf.so")
            channel = await send(session, f"{self.server.url}/channels/{self._caller}", "GET")
        await self.server.run_cli(f"channel redirect {channel.body['name']} line,K{digits},1")

    async def run_out(self) -> None:
        """Wait until the last call, to the extension `limited`, has lasted as long as it may."""

    async def hang_up(self) -> None:
        """Hang up the last call, if there is one."""
        async with bare_session(self.server) as session:
            await session.delete(f"{self.server.url}/channels/{self._caller}")


Phone = FakePhone | RealPhone


@dataclass(slots=True)
class Client:
    """One application's socket, read only when asked to, and commands."""

    server: Server
    app: str
    session: aiohttp.ClientSession
    socket: aiohttp.ClientWebSocketResponse
    seen: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """All that has been read, in the order it came."""

    async def event(self, kind: str, *, number: int = 1) -> dict[str, Any]:
        """Return an event of this type, the first or a later one, once it has come."""
        async with asyncio.timeout(LIMIT):
            while len(self.of_type(kind)) < number:
                await self._read()
        return self.of_type(kind)[number - 1]

    async def listen(self, seconds: float = QUIET) -> list[str]:
        """Read whatever comes for a while; return the types of all that ever came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await self._read()
        return [event["type"] for event in self.seen]

    async def closed(self) -> int | None:
        """Wait for the server to end the connection; return the close code."""
        with contextlib.suppress(EOFError):
            async with asyncio.timeout(LIMIT):
                while True:
                    await self._read()
        return self.socket.close_code

    async def _read(self) -> None:
        message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise EOFError
        self.seen.append(json.loads(message.data))

    def about(self, name: str) -> list[str]:
        """Return the types of the events that have come about a channel, without the dialplan's.

        A real Asterisk has two channels where the double has one, and tells of each step.
        """
        return [
            event["type"]
            for event in self.seen
            if _channel_of(event) == name and event["type"] not in STEPS
        ]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of this type that have come."""
        return [event for event in self.seen if event["type"] == kind]

    async def send(self, method: str, path: str, body: object = None, **query: str) -> Answer:
        """Send a command over HTTP."""
        return await send(self.session, f"{self.server.url}/{path}", method, body, query)

    async def command(self, **fields: object) -> Answer | None:
        """Send a RESTRequest over the socket; None: it was not answered."""
        return await self.say(json.dumps({"type": "RESTRequest", **fields}))

    async def say(self, text: str) -> Answer | None:
        """Send any text over the socket; return the answer, or None."""
        number = len(self.of_type("RESTResponse")) + 1
        await self.socket.send_str(text)
        try:
            async with asyncio.timeout(3 * QUIET):
                event = await self.event("RESTResponse", number=number)
        except TimeoutError:
            return None
        body = event.get("message_body")
        return Answer(event["status_code"], event["reason_phrase"], body and json.loads(body))


def _channel_of(event: dict[str, Any]) -> str:
    """Return the id of the channel that an event is about, or nothing."""
    for name in ("channel", "peer"):
        if name in event:
            return event[name]["id"]
    for name in ("playback", "recording"):
        if name in event:
            return str(event[name]["target_uri"]).removeprefix("channel:")
    return ""


@asynccontextmanager
async def connect(server: Server, app: str) -> AsyncGenerator[Client]:
    """Open an application's events socket."""
    async with (
        bare_session(server) as session,
        session.ws_connect(f"{server.url}/events?app={app}") as socket,
    ):
        yield Client(server, app, session, socket)


async def send(
    session: aiohttp.ClientSession,
    url: str,
    method: str,
    body: object = None,
    query: dict[str, str] | None = None,
) -> Answer:
    """Send one HTTP request; the body of a page is its text."""
    async with session.request(method, url, json=body, params=query) as response:
        text = await response.text()
        decoded = json.loads(text) if response.content_type == "application/json" else text
        return Answer(response.status, response.reason or "", decoded if text else None)


@asynccontextmanager
async def bare_session(
    server: Server, *, login: bool = True
) -> AsyncGenerator[aiohttp.ClientSession]:
    """Open an HTTP session, with the credentials or without."""
    token = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}"} if login else {}
    limit = aiohttp.ClientTimeout(total=LIMIT)
    async with aiohttp.ClientSession(headers=headers, timeout=limit) as session:
        yield session


async def call(phone: Phone, client: Client, *, extension: str = "s") -> str:
    """Let a call enter the client's application; return the path of its channel."""
    await phone.call(client.app, extension=extension)
    start = await client.event("StasisStart", number=len(client.of_type("StasisStart")) + 1)
    return f"channels/{start['channel']['id']}"


async def in_the_dialplan(client: Client, path: str) -> None:
    """Wait until a channel runs what stands after Stasis(), a moment after its StasisEnd."""
    async with asyncio.timeout(LIMIT):
        while (await client.send("GET", path)).body["dialplan"]["app_name"] != "Wait":
            await asyncio.sleep(0.01)
