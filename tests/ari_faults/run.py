"""One fault run, from the first call to the proof that nothing is left."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from ari_faults.accounts import Accounts, settle
from ari_faults.answering import Answering
from ari_faults.placing import DIALPLAN, Placer, read_book
from cable import Cable
from dialogari.ari import Client, connect, listen
from dialogari.sandbox.asterisk import Asterisk, Settings
from either_pbx import bare_session, send
from outbound import CREDENTIALS, PATH, connected_out

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from dialogari.sandbox.installation import Installation

Way = Literal["inbound", "persistent"]

APP = "fault"
READY_LIMIT = 20.0
END_LIMIT = 20.0
"""Seconds after the last fault within which the last call has to be over."""
TIDY_LIMIT = 2.0


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """How much of everything."""

    calls: int
    cuts: int
    kills: int
    seed: int
    rate: float
    """Calls a second, about."""
    way: Way = "inbound"


@dataclass(slots=True)
class Report:
    """What a run came to."""

    accounts: Accounts
    placed: int
    """Calls that Asterisk took."""
    cuts: list[float]
    """When, on the machine's clock."""
    kills: list[float]
    errors: dict[str, int]
    """What commands raised in the handlers."""
    seconds: float
    left: list[str] = field(default_factory=list[str])
    """What should not be there any more; empty, or the run has failed."""


async def run_faults(installation: Installation, plan: FaultPlan) -> Report:
    """Do it."""
    began = time.time()
    # Or a channel that ARI has set a variable of may not write to the book any more.
    settings = Settings(live_dangerously=True)
    async with Asterisk(installation, dialplan=DIALPLAN, settings=settings) as asterisk:
        sockets, tasks = _open_sockets(), asyncio.all_tasks()
        run = _Run(asterisk, plan)
        async with _connected(asterisk, plan.way) as (client, cable):
            await run.serve(client, cable)
        left = [*run.left, *await _what_is_left(sockets, tasks)]
        accounts = settle(read_book(run.placer.book), run.answering, run.cuts + run.kills)
    return Report(
        accounts=accounts,
        placed=run.placer.taken,
        cuts=run.cuts,
        kills=run.kills,
        errors=dict(run.answering.errors),
        seconds=time.time() - began,
        left=left,
    )


@asynccontextmanager
async def _connected(asterisk: Asterisk, way: Way) -> AsyncGenerator[tuple[Client, Cable]]:
    """Connect one of the two ways, by a cable."""
    if way == "inbound":
        async with Cable(urlsplit(asterisk.url).port or 0) as cable:
            url = f"http://127.0.0.1:{cable.port}"
            name, password = asterisk.username, asterisk.password
            async with connect(url, APP, username=name, password=password) as client:
                yield client, cable
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    name, password = CREDENTIALS.username, CREDENTIALS.password
    async with (
        Cable(port) as cable,
        listen("127.0.0.1", port, APP, username=name, password=password, path=PATH) as client,
        connected_out(asterisk, cable.port, APP),
    ):
        yield client, cable


class _Run:
    """The parts of a run, and what they wrote down."""

    def __init__(self, asterisk: Asterisk, plan: FaultPlan) -> None:
        self.answering = Answering(plan.seed)
        self.placer = Placer(asterisk, APP, plan.seed, plan.calls, plan.rate)
        self.cuts: list[float] = []
        self.kills: list[float] = []
        self.left: list[str] = []
        self._asterisk = asterisk
        self._plan = plan
        self._chance = random.Random(plan.seed)  # noqa: S311 - a run that comes back the same

    async def serve(self, client: Client, cable: Cable) -> None:
        """Serve the calls while the faults happen, until no call is left."""
        answering = self.answering
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(
                client.serve(answering.handle, resumed=answering.handle_resumed)
            )
            watching = tasks.create_task(answering.watch(client))
            async with asyncio.timeout(READY_LIMIT):
                await client.wait_until_ready()
            async with asyncio.TaskGroup() as doing:
                doing.create_task(self.placer.place_all())
                doing.create_task(self._harm(cable))
            async with asyncio.timeout(READY_LIMIT):
                await client.wait_until_ready()
            await self._await_end(client)
            watching.cancel()
            await asyncio.wait({watching})
            self.left += self._leftovers(client)
            serving.cancel()

    async def _harm(self, cable: Cable) -> None:
        """Cut and kill at random moments of the time that the calls take."""
        plan, chance = self._plan, self._chance
        seconds = plan.calls / plan.rate / 1.5  # it places one and a half at a moment
        moments: list[tuple[float, Callable[[], Awaitable[None]]]]
        cut = partial(self._cut, cable)
        moments = [(chance.uniform(0.0, seconds), cut) for _ in range(plan.cuts)]
        # The kills apart from each other, so that there are calls to kill.
        for number in range(plan.kills):
            share = (number + chance.uniform(0.3, 0.9)) / plan.kills
            moments.append((share * seconds, self._kill))
        began = time.monotonic()
        for moment, harm in sorted(moments, key=lambda pair: pair[0]):
            await asyncio.sleep(began + moment - time.monotonic())
            await harm()

    async def _cut(self, cable: Cable) -> None:
        try:
            async with asyncio.timeout(READY_LIMIT):
                while not cable.connections:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            found = await self._asterisk.run_cli("core show uptime")
            raise TimeoutError(f"nobody connects any more; Asterisk says: {found}") from None
        self.cuts.append(time.time())
        if self._chance.random() < 0.5:
            cable.cut()
            return
        with cable.unplugged():
            await asyncio.sleep(self._chance.uniform(0.0, 0.5))

    async def _kill(self) -> None:
        self.kills.append(time.time())
        await self._asterisk.kill()
        await asyncio.sleep(self._chance.uniform(0.0, 1.0))
        await self._asterisk.start()

    async def _await_end(self, client: Client) -> None:
        """Wait until Asterisk has no channel and we have no handler."""
        try:
            async with asyncio.timeout(END_LIMIT), bare_session(self._asterisk) as session:
                while (await send(session, f"{self._asterisk.url}/channels", "GET")).body:
                    await asyncio.sleep(0.1)
                await client.wait_until_idle()
                while client.session.calls:  # their ends may be on their way
                    await asyncio.sleep(0.05)
        except TimeoutError:
            channels = await self._asterisk.run_cli("core show channels concise")
            self.left += [f"channel {line}" for line in channels.splitlines()]

    def _leftovers(self, client: Client) -> list[str]:
        session = client.session
        return [
            f"{count} {what}"
            for what, count in (
                ("handlers", client.calls),
                ("calls in the registry", len(session.calls)),
                ("objects that somebody listens to", len(session.router)),
            )
            if count
        ]


async def _what_is_left(sockets: set[str], tasks: set[asyncio.Task[object]]) -> list[str]:
    """Return the sockets and tasks that came with the run and did not go with it."""
    end = time.monotonic() + TIDY_LIMIT
    while True:
        await asyncio.sleep(0.05)  # a closed connection takes the loop a step or two
        left = [*(_open_sockets() - sockets), *map(repr, asyncio.all_tasks() - tasks)]
        if not left or time.monotonic() > end:
            return left


def _open_sockets() -> set[str]:
    """Return the sockets that this process has open, as the kernel calls them."""
    found: set[str] = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add(str(descriptor.readlink()))
        except FileNotFoundError:  # that of the folder we are reading
            continue
    return {name for name in found if name.startswith("socket:")}
