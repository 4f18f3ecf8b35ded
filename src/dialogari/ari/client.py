"""Serve the calls of one application: one coroutine per call, cancelled when the caller hangs up.

    async with connect("http://127.0.0.1:8088", "hello", username="me", password="…") as client:
        await client.serve(answer)

Guarantees:
- The reader of the events never waits for a handler, and a fault in one handler never touches
  another call.
- A call that leaves before its handler sent it back has its handler cancelled, together with all
  that the handler started beside it.
- A call whose handler ended without sending it back is sent back: nobody is left in silence.
- Calls of this application that a snapshot shows and no handler owns, left over by a program that
  died or by a gap, go to `resumed`, once; so does a call that could not be sent back.
- When another client takes the application over, running handlers finish over HTTP and `serve`
  raises ApplicationReplaced.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, Self

from dialogari.ari.connection import Connection
from dialogari.ari.errors import AriError, Unreachable
from dialogari.ari.handlers import Handlers, send_back
from dialogari.ari.interest import Interest
from dialogari.ari.outbound import Outbound
from dialogari.ari.session import Session
from dialogari.ari.stall import Stall
from dialogari.ari.transport import Server, parse_url
from dialogari.ari.transport.server import Credentials, Door

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Iterator
    from types import TracebackType

    from dialogari.ari.handlers import Handler
    from dialogari.ari.link import Link

    Admit = Callable[[Link], Session]


class Way(Protocol):
    """How sockets between an application and Asterisk come about; `async with` opens its means."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def begin(self, sessions: Sessions) -> None:
        """Take note where the sessions go; those known before any socket are admitted now."""
        ...

    async def run(self) -> None:
        """Keep connecting, or being connected to. Raises AriError when that is over."""
        ...


def connect(
    url: str, application: str, *, username: str, password: str, subscribe_all: bool = False
) -> Client:
    """Connect to an Asterisk as the one client of an application; `async with` the result.

    Args:
        url: Where ARI is, such as `http://127.0.0.1:8088`, with `/ari` or without.
        application: What stands in the dialplan's Stasis().
        username: A user of Asterisk's ari.conf.
        password: That user's.
        subscribe_all: Hear of every channel, bridge, endpoint and device of the Asterisk.

    Raises:
        ValueError: the address is none.
    """
    server = Server(parse_url(url), username, password)
    return Client(Connection(server, application, Interest(subscribe_all=subscribe_all)))


def listen(
    host: str,
    port: int,
    application: str,
    *,
    username: str,
    password: str,
    path: str = "/",
    tls: ssl.SSLContext | None = None,
) -> Client:
    """Have Asterisk connect to us, by its outbound websockets; `async with` the result.

    Needs Asterisk 20.15, 21.10 or 22.5; `connection_type` in its websocket_client.conf says whether
    one socket carries all calls (`persistent`) or each has its own (`per_call_config`).

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        application: What stands in the dialplan's Stasis().
        username: What Asterisk has to give, in websocket_client.conf.
        password: What Asterisk has to give.
        path: The path in its `uri`.
        tls: For `wss:`.
    """
    door = Door(host, port, Credentials(username, password), path, tls)
    return Client(Outbound(door, application, Interest()))


class Sessions:
    """The sessions of one client: one, or where each call has a socket of its own, many."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._all: dict[Link, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = False
        self.changed = asyncio.Event()
        """Set when one is admitted."""
        self.group = asyncio.TaskGroup()

    def admit(self, link: Link) -> Session:
        """Return the session of a link, a new one where there is none."""
        session = self._all.get(link)
        if session is None:
            session = self._all[link] = Session(link, self._handlers, self.spawn)
            self.changed.set()
        return session

    def dismiss(self, link: Link) -> None:
        """Forget a link for good; what its session still has is over."""
        session = self._all.pop(link)
        session.calls.abandon()
        session.router.end_all()

    def __iter__(self) -> Iterator[Session]:
        """Yield all there are now."""
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        """How many there are now."""
        return len(self._all)

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run a task that ends with the client; one that comes when that is ending never runs."""
        if self._over:
            coroutine.close()
            return
        task = self.group.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Cancel all that was spawned."""
        self._over = True
        for task in self._tasks:
            task.cancel()


class Client:
    """The client of one application; made by `connect` or `listen`."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._handlers = Handlers()
        self._sessions = Sessions(self._handlers)
        self._stall = Stall()
        self._failure: AriError | None = None
        self._over = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Client {self.sessions} calls: {self.calls}>"

    async def __aenter__(self) -> Self:
        await self._way.__aenter__()
        await self._sessions.group.__aenter__()
        self._way.begin(self._sessions)
        self._sessions.spawn(self._keep())
        self._sessions.spawn(self._stall.watch())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._handlers.release()
        finally:
            await self._end(exc_type, exc, traceback)

    async def _end(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._sessions.cancel()
        try:
            # The body's own error is not the group's: it must reach the caller as it is.
            if isinstance(exc, asyncio.CancelledError):
                await self._sessions.group.__aexit__(exc_type, exc, traceback)
            else:
                await self._sessions.group.__aexit__(None, None, None)
        finally:
            await self._way.__aexit__(exc_type, exc, traceback)
            for session in self._sessions:
                session.calls.abandon()

    async def _keep(self) -> None:
        try:
            await self._way.run()
        except AriError as error:
            self._failure = error
        finally:
            self._over.set()
            for session in self._sessions:
                session.router.end_all()

    @property
    def session(self) -> Session:
        """The one session there is.

        Raises:
            Unreachable: there is none yet, or there are several, as where each call has its own.
        """
        sessions = list(self._sessions)
        if len(sessions) != 1:
            raise Unreachable(f"the client has {len(sessions)} sessions: use that of a call")
        return sessions[0]

    @property
    def sessions(self) -> list[Session]:
        """All sessions there are."""
        return list(self._sessions)

    @property
    def calls(self) -> int:
        """How many handlers are running now."""
        return len(self._handlers)

    @property
    def lag(self) -> float:
        """Seconds by which the event loop was late at most, of late, and with it all events.

        Asterisk drops a client that does not read for 0.1 s (`websocket_write_timeout`); half of
        that is logged as `ari_loop_blocked`.
        """
        return self._stall.worst

    async def wait_until_ready(self) -> None:
        """Wait, without a limit of its own, until a link is proven.

        Raises:
            Unauthorized: Asterisk refused the user.
            ApplicationReplaced: another client has the application.
        """
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(self._ready()), tasks.create_task(self._wait_for_end())]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
        if self._failure is not None:
            raise self._failure

    async def _ready(self) -> None:
        while not self._sessions:
            self._sessions.changed.clear()
            await self._sessions.changed.wait()
        await next(iter(self._sessions)).wait_until_ready()

    async def _wait_for_end(self) -> None:
        await self._over.wait()

    async def wait_until_idle(self) -> None:
        """Wait, without a limit of its own, until no handler is running."""
        await self._handlers.wait_until_idle()

    async def serve(self, handler: Handler, *, resumed: Handler = send_back) -> None:
        """Serve calls until cancelled; the handlers then running send their calls back.

        Args:
            handler: What to do with a call; cancelled when the call leaves.
            resumed: What to do with a call that was here before us; sent back by default.

        Raises:
            Unauthorized: the first connect was refused.
            ApplicationReplaced: after the running handlers have ended.
        """
        await self._handlers.serve(handler, resumed, self._over.wait)
        if self._failure is not None:
            raise self._failure
