"""The long-running bridge: Asterisk's calls on one side, turns on the other."""

from __future__ import annotations

import asyncio
import gc
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING

from dialogari.app.ai import Ai, open_ai
from dialogari.app.live import CallsNow
from dialogari.app.mcp import look_at
from dialogari.app.overview import describe
from dialogari.app.readings import read_ai, read_link
from dialogari.app.spans import open_spans
from dialogari.app.tools import try_stored
from dialogari.ari import (
    ApplicationReplaced,
    Client,
    LinkState,
    Server,
    Unauthorized,
    connect,
    parse_url,
)
from dialogari.config import ConfigError, Settings
from dialogari.dialplan.door import DialplanDoor
from dialogari.dialplan.filler import Filler
from dialogari.metrics import Metrics
from dialogari.store.errors import StoreError
from dialogari.telemetry import TurnLog
from dialogari.web.api.backend import Backend
from dialogari.web.application import build_web
from dialogari.web.server import bind, serve_web

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from dialogari.live import Overview
    from dialogari.metrics import Reading
    from dialogari.progress import Step
    from dialogari.store.store import Store
    from dialogari.web.server import WebServer

DRAIN_MARGIN = 2.0
"""Seconds beyond a turn's deadline that the end of the process waits for running turns."""


class Bridge:
    """The long-running bridge. `stop` may be called from a signal handler; `run` then drains."""

    def __init__(self, settings: Settings) -> None:
        self.web_port = settings.web_port
        """The port listened on, once `run` has bound it (WEB_PORT=0 takes a free one)."""
        self._settings = settings
        self._stopping = asyncio.Event()
        self._ai: Ai | None = None
        self._client: Client | None = None
        self._door: DialplanDoor | None = None
        self._connecting = asyncio.Event()
        self._metrics = Metrics()
        self._metrics.watch(self._read)
        self._turns = TurnLog(self._metrics, content=settings.log_content)
        self._calls = CallsNow()
        self._backend: Backend | None = None
        self._web: WebServer | None = None

    def stop(self) -> None:
        """Take no new turn, let the running ones finish, then end."""
        self._stopping.set()

    async def wait_until_ready(self) -> None:
        """Wait, without a limit of its own, until calls are answered."""
        await self._connecting.wait()
        if self._client is not None:
            await self._client.wait_until_ready()

    @property
    def linked(self) -> bool:
        """Whether the link to Asterisk is up and proven."""
        return self._client is not None and self._client.session.state is LinkState.READY

    async def readiness(self) -> dict[str, bool]:
        """Name each part that a call needs, and whether it is ready."""
        return {
            "asterisk": self.linked,
            "model": self._ai is not None and self._ai.model_ready,
            "database": self._ai is not None and await _writable(self._ai.store),
            "accepting": not self._stopping.is_set(),
        }

    def _read(self) -> list[Reading]:
        readings: list[Reading] = []
        if self._client is not None:
            readings += read_link(self._client)
        if self._ai is not None:
            readings += read_ai(self._ai)
        return readings

    async def run(self, report: Callable[[Step], None]) -> None:
        """Run until `stop` is called.

        Raises:
            ConfigError, StoreError, LocalModelError: it can't work, alone or in a group.
        """
        server = _asterisk(self._settings)
        with closing(_listen(self._settings)) as listening:
            self.web_port = listening.getsockname()[1]
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(self._work(server, report))
                tasks.create_task(self._end(working))
                key = self._settings.dialogari_api_key
                web = build_web(
                    self.readiness,
                    self._metrics,
                    lambda: None if self._stopping.is_set() else self._backend,
                    key.get_secret_value() if key else "",
                )
                async with serve_web(web, listening, tasks) as self._web:
                    await asyncio.wait({working})

    async def _work(self, server: Server, report: Callable[[Step], None]) -> None:
        settings = self._settings
        async with (
            open_ai(settings, report, exclusive=True, spent=self._metrics.count_tokens) as self._ai,
            connect(
                server.url,
                settings.asterisk_app_name,
                username=server.username,
                password=server.password,
            ) as self._client,
            open_spans(settings) as spans,
        ):
            self._door = DialplanDoor(
                self._ai.conversations,
                self._ai.answers,
                TurnLog(self._metrics, content=settings.log_content, spans=spans),
                deadline=settings.turn_deadline,
                fallback=settings.fallback_text,
                filler=_filler(settings),
            )
            self._backend = self._offer(self._ai, self._client)
            self._connecting.set()
            # What is there now stays: leave it out of every collection, and collect less often.
            # Measured: a fifth to a third of the CPU of a turn at 100 at a time.
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            try:
                await self._client.serve(
                    self._calls.follow(self._door.answer), resumed=self._door.release
                )
            except ApplicationReplaced:
                # Alive but not ready until someone looks: taking it back would start a war of
                # two bridges, and so would ending, under a supervisor that restarts us.
                await self._stopping.wait()
            except Unauthorized as error:
                raise ConfigError(
                    f"ASTERISK_ARI_USERNAME, ASTERISK_ARI_PASSWORD: {error}"
                ) from error
            finally:
                self._backend = None

    def _offer(self, ai: Ai, client: Client) -> Backend:
        """Return what the REST API works on."""

        async def look() -> Overview:
            return describe(self._settings, ai, client, await self.readiness())

        return Backend(
            conversations=ai.conversations,
            store=ai.store,
            log=self._turns,
            try_tool=partial(try_stored, ai.store.tools, ai.outbound),
            look_at_server=partial(look_at, ai.store.servers, ai.servers),
            calls=self._calls,
            look=look,
        )

    async def _end(self, working: asyncio.Task[None]) -> None:
        """Wait for `stop`, drain, and end the work."""
        await self._stopping.wait()
        if self._door is not None:
            self._door.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.turn_deadline + DRAIN_MARGIN):
                if self._ai is not None:
                    await self._ai.answers.wait_until_none()
                if self._client is not None:
                    await self._client.wait_until_idle()
                self._calls.dismiss()
                if self._web is not None:
                    await self._web.wait_until_idle()
        working.cancel()


def _filler(settings: Settings) -> Filler | None:
    return Filler(settings.filler_after, settings.filler_media) if settings.filler_after else None


def _asterisk(settings: Settings) -> Server:
    try:
        url = parse_url(settings.asterisk_ari_url)
    except ValueError as error:
        raise ConfigError(f"ASTERISK_ARI_URL: {error}") from None
    for name in ("asterisk_ari_username", "asterisk_ari_password"):
        if not getattr(settings, name):
            raise ConfigError(f"{name.upper()}: missing; it is in your Asterisk's ari.conf")
    password = settings.asterisk_ari_password.get_secret_value()
    return Server(url, settings.asterisk_ari_username, password)


def _listen(settings: Settings) -> socket.socket:
    try:
        return bind(settings.web_host, settings.web_port)
    except OSError as error:
        raise ConfigError(
            f"WEB_HOST, WEB_PORT: can't listen on {settings.web_host}:{settings.web_port} "
            f"({error.strerror}); choose another port"
        ) from None


async def _writable(store: Store) -> bool:
    try:
        await store.database.check()
    except StoreError:
        return False
    return True
