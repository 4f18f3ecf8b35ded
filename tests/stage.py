"""Where an example of a page plays: an application, and a telephone that calls it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import quote

import either_pbx
from ari_serving import serving, until
from dialogari.ari import Call, Client, Listener, Session
from dialogari.ari.models import PlaybackStarted, RecordingStarted
from documents import Example
from either_pbx import LIMIT, FakePhone, Phone, bare_session

Started = PlaybackStarted | RecordingStarted


@dataclass(slots=True)
class Stage:
    """Where an example plays: it serves the application that this telephone calls."""

    phone: Phone
    app: str
    example: Example
    printed: list[str] = field(default_factory=list[str])
    calls: list[Call] = field(default_factory=list[Call])
    _client: Client | None = None
    _started: Listener[Started] | None = None

    @property
    def client(self) -> Client:
        """The client that serves."""
        assert self._client is not None
        return self._client

    @property
    def session(self) -> Session:
        """Its session, by which a test looks at Asterisk."""
        return self.client.session

    @asynccontextmanager
    async def called(self, changes: Mapping[str, str] | None = None) -> AsyncGenerator[Call]:
        """Have the example handle a call, with which it is done at the end."""
        handle = self.example.function(self.printed, changes or {})

        async def handler(call: Call) -> None:
            self.calls.append(call)
            await handle(call)

        async with (
            serving(self.phone.server, self.app, handler) as self._client,
            self.session.listen(types=(PlaybackStarted, RecordingStarted)) as self._started,
        ):
            await self.phone.call(self.app)
            await until(lambda: self.calls)
            yield self.calls[-1]
            await until(lambda: not self.client.calls, 2 * LIMIT)

    async def sounds(self, name: str) -> None:
        """Wait until a medium plays, or a recording runs."""
        assert self._started is not None
        async with asyncio.timeout(2 * LIMIT):
            async for event in self._started:
                match event:
                    case PlaybackStarted() if event.playback.media_uri == name:
                        return
                    case RecordingStarted() if event.recording.name == name:
                        return
                    case _:
                        pass

    @asynccontextmanager
    async def used_by(self, client: Client) -> AsyncGenerator[None]:
        """Have the example use a client beside the body."""
        self._client = client
        use = cast(
            "Callable[[Client], Coroutine[None, None, None]]",
            self.example.function(self.printed, {}),
        )
        async with asyncio.TaskGroup() as tasks:
            using = tasks.create_task(use(client))
            yield
            using.cancel()

    async def bridged(self, count: int) -> str:
        """Wait until so many are in a bridge, the call among them; return the one who is not it."""
        (call,) = self.calls
        async with asyncio.timeout(LIMIT):
            while True:
                for bridge in await self.session.bridges.list():
                    others = {*bridge.channels} - {call.id}
                    if len(bridge.channels) == count and len(others) == 1:
                        return others.pop()
                await asyncio.sleep(0.02)


async def variable(phone: Phone, call: Call, name: str) -> str:
    """Return a channel variable, asked for by a way of the test's own."""
    url = f"{phone.server.url}/channels/{quote(call.id)}/variable"
    async with bare_session(phone.server) as session:
        answer = await either_pbx.send(session, url, "GET", query={"variable": name})
        assert answer.status == 200, answer
        return answer.body["value"]


async def press_at(phone: Phone, channel_id: str, keys: str) -> None:
    """Press keys at somebody who was called."""
    if isinstance(phone, FakePhone):
        await phone.server.call(channel_id).press(keys)
        return
    async with bare_session(phone.server) as session:
        url = f"{phone.server.url}/channels/{channel_id}"
        channel = await either_pbx.send(session, url, "GET")
    far_end = channel.body["name"].removesuffix(";1") + ";2"
    await phone.server.run_cli(f"channel redirect {far_end} line,K{keys},1")
