"""A caller who hears answers in pieces: a call through the context `pieces` of `phone.DIALPLAN`.

Between two visits to the bridge the call is held in an application of the test's own, which reads
what came and sends the call to the extension that the test names.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ari_serving import connect_to
from dialogari.ari import AriError, Call, Client
from dialogari.sandbox.asterisk import Asterisk
from phone import VARIABLES

LIMIT = 15.0


@dataclass(slots=True)
class Caller:
    """One call; each piece is heard by `hear` and followed by `go` or `hang_up`."""

    client: Client
    tag: str
    arrived: asyncio.Queue[tuple[Call, Mapping[str, str | None], asyncio.Future[str]]] = field(
        default_factory=asyncio.Queue["tuple[Call, Mapping[str, str | None], asyncio.Future[str]]"]
    )
    _leave: asyncio.Future[str] | None = None
    _call: Call | None = None

    async def hear(self) -> Mapping[str, str | None]:
        """Return what came back, once the dialplan has the call."""
        async with asyncio.timeout(LIMIT):
            self._call, found, self._leave = await self.arrived.get()
        return found

    async def go(self, extension: str = "continue", words: str | None = None) -> None:
        """Send the call on, with new words or the old ones."""
        assert self._call is not None
        assert self._leave is not None
        if words is not None:
            await self._call.set_variables({"USER_INPUT": words})
        self._leave.set_result(extension)

    async def next(self) -> Mapping[str, str | None]:
        """Fetch the next piece."""
        await self.go()
        return await self.hear()

    async def rest(self) -> list[str]:
        """Fetch pieces until there are no more."""
        heard = await self.next()
        pieces = [heard["AI_RESPONSE"] or ""]
        while heard["AI_MORE"] == "1":
            heard = await self.next()
            pieces.append(heard["AI_RESPONSE"] or "")
        return pieces

    async def hang_up(self) -> None:
        """Put the receiver down, wherever the call is."""
        try:
            await self.client.session.channels.hangup(self.tag)
        except AriError as error:
            assert "not found" in str(error)  # noqa: PT017


@dataclass(slots=True)
class Exchange:
    """Callers of one bridge; made by `callers_of`."""

    client: Client
    application: str
    probe: str
    callers: dict[str, Caller] = field(default_factory=dict[str, Caller])

    async def call(
        self, words: str, conversation: str = "", *, extension: str = "s", more: str = ""
    ) -> Caller:
        """Place a call and return at once."""
        tag = f"t-{secrets.token_hex(6)}"
        caller = self.callers[tag] = Caller(self.client, tag)
        variables = {
            "APP": self.application,
            "PROBE": self.probe,
            "TAG": tag,
            "CONVERSATION": conversation or tag,
            "USER_INPUT": words,
            "MORE": more,
        }
        await self.client.session.channels.originate_with_id(
            tag,
            f"Local/{extension}@pieces/n",
            context="line",
            extension="s",
            priority=1,
            variables={f"__{name}": value for name, value in variables.items()},
        )
        return caller

    async def arrived(self, call: Call) -> None:
        """Hold a call until the test says where it goes."""
        found = {name: await call.get_variable(name) for name in ("STASISSTATUS", *VARIABLES)}
        leave: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.callers[call.arguments[0]].arrived.put_nowait((call, found, leave))
        await call.set_variables({"NEXT": await leave})
        await call.continue_in_dialplan()


@asynccontextmanager
async def callers_of(asterisk: Asterisk, application: str) -> AsyncGenerator[Exchange]:
    """Connect; whoever still has a call at the end hangs up."""
    probe = f"probe-{secrets.token_hex(4)}"
    async with connect_to(asterisk, probe) as client, asyncio.TaskGroup() as tasks:
        exchange = Exchange(client, application, probe)
        serving = tasks.create_task(client.serve(exchange.arrived))
        async with asyncio.timeout(LIMIT):
            await client.wait_until_ready()
        try:
            yield exchange
        finally:
            for caller in exchange.callers.values():
                await caller.hang_up()
            serving.cancel()
