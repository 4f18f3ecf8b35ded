"""The sockets that a FakeAsterisk opens to servers, and the calls that have one of their own."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from dialogari.ari.testing.outbound import OutboundSocket

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from dialogari.ari.testing.dispatch import Dispatcher
    from dialogari.ari.testing.leg import Leg
    from dialogari.ari.testing.outbound import Outbound


class Outgoing:
    """`async with` has the sockets run in the background; at the end they are cut."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._exchange = dispatcher.exchange
        self._sockets: list[OutboundSocket] = []
        self._running: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._up = asyncio.Event()

    def open(self) -> None:
        """Let sockets connect."""
        self._up.set()

    async def close(self) -> None:
        """Cut all sockets, and let none connect."""
        self._up.clear()
        await self.drop(None)

    async def stop(self) -> None:
        """End all of it, and raise what went wrong in the background."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._errors:
            raise BaseExceptionGroup("outbound sockets of the FakeAsterisk", self._errors)

    async def drop(self, code: int | None) -> None:
        """End all connections with a close code; None: cut them. They are tried again at once."""
        for socket in list(self._sockets):
            await socket.drop(code)

    def begin_anew(self) -> None:
        """Let the sockets for all calls be as new, and those of single calls end."""
        for socket in self._sockets:
            socket.forget()
            if socket.outbound.per_call:
                socket.end()
                continue
            for application in socket.applications:
                self._exchange.register(application, socket)

    def connect(self, outbound: Outbound) -> None:
        """Have a server serve these applications, from now on."""
        if outbound.per_call:
            for application in outbound.applications:
                self._exchange.doors[application] = partial(self._knock, outbound, application)
            return
        socket = OutboundSocket(outbound, outbound.applications, self._dispatcher)
        for application in outbound.applications:
            self._exchange.register(application, socket)
        self._run(socket, self._keep(socket))

    def disconnect(self, outbound: Outbound) -> None:
        """Connect there no more."""
        for application in outbound.applications:
            self._exchange.doors.pop(application, None)
        for socket in self._sockets:
            if socket.outbound == outbound and not outbound.per_call:
                self._exchange.unregister(socket)
                socket.end()

    def _run(self, socket: OutboundSocket, life: Coroutine[None, None, None]) -> None:
        self._sockets.append(socket)
        # Kept in a set, and awaited by `stop`.
        task = asyncio.get_running_loop().create_task(life)
        self._running.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._errors.append(error)

    async def _keep(self, socket: OutboundSocket) -> None:
        try:
            await socket.run(self._up, lambda: True)
        finally:
            self._sockets.remove(socket)

    def _knock(
        self, outbound: Outbound, application: str, leg: Leg, args: Sequence[str]
    ) -> asyncio.Event:
        """Begin to connect for a call; return what is set once it is in Stasis, or is not."""
        name = f"{application}:{leg.name}"
        socket = OutboundSocket(outbound, (name,), self._dispatcher)
        decided = asyncio.Event()
        leg.dialplan = ("Stasis", ",".join([application, *args]))
        self._run(socket, self._attend(socket, leg, args, decided))
        return decided

    async def _attend(
        self, socket: OutboundSocket, leg: Leg, args: Sequence[str], decided: asyncio.Event
    ) -> None:
        """Have a socket as long as its call needs it, and let the call go on where it fails."""
        (name,) = socket.applications
        clock, outbound = self._exchange.clock, socket.outbound

        def enter() -> None:
            if not leg.begin_stasis(name, args):
                socket.end()
            decided.set()

        def begin() -> bool:
            is_new = name not in self._exchange.applications
            self._exchange.register(name, socket)
            clock.after(outbound.poll, enter)
            return is_new

        leg.after_stasis = lambda: clock.after(outbound.linger, socket.end)
        try:
            is_given_up = await socket.run(self._up, begin)
        finally:
            self._sockets.remove(socket)
        self._exchange.silence(name)
        if is_given_up and leg.application in (name, None):
            leg.fail()
        decided.set()
