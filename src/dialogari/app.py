"""The shell: builds every part, hands each what it needs, runs them and stops them in order.

The only module that may import all others, and the only one that knows which part plays which
protocol of `dialogari.turn`. Nothing connects before it is asked to.

    open_ai       store + models + conversations: enough for a turn from the terminal
    Bridge.run    the same, and the link to Asterisk, the web server, and an end without loss
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from dialogari.agent.answer import ModelAgent
from dialogari.agent.local.errors import LocalModelError
from dialogari.agent.local.server import LocalServer
from dialogari.agent.models import NO_KEY, Models, Provider
from dialogari.ari import ApplicationReplaced, Client, LinkState, Server, Unauthorized, parse_url
from dialogari.ari.errors import leaves
from dialogari.config import DEFAULT_OPENAI_URL, OPENAI, ConfigError, Settings
from dialogari.conversation import Conversations
from dialogari.dialplan.door import DialplanDoor
from dialogari.sandbox.errors import SandboxError
from dialogari.store.errors import DatabaseUrlError, StoreError
from dialogari.store.store import Store, open_store
from dialogari.telemetry import TurnLog
from dialogari.turn import TurnError
from dialogari.web.health import build_web
from dialogari.web.server import bind, serve_web

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncGenerator, Callable

    from dialogari.progress import Step
    from dialogari.store.prompts import StoredPrompts

DEFAULT_OPENAI_MODEL = "gpt-4.1-mini"
DRAIN_MARGIN = 2.0
"""Seconds beyond a turn's deadline that the end of the process waits for running turns."""

OPERATOR_ERRORS = (ConfigError, StoreError, LocalModelError, SandboxError)
"""What a person at the terminal can mend; the text says how."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.app")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What to tell the operator."""

    text: str
    misconfigured: bool
    """A setting is wrong, rather than that the thing asked for failed."""


def complain(error: BaseException) -> Complaint | None:
    """Return what an operator can do about `error`; None if it is a fault of ours."""
    errors = list(leaves(error))
    if not all(isinstance(e, OPERATOR_ERRORS) for e in errors):
        return None
    lines = dict.fromkeys(str(e) for e in errors)
    return Complaint(
        "\n".join(lines), any(isinstance(e, ConfigError | DatabaseUrlError) for e in errors)
    )


@asynccontextmanager
async def open_prompts(settings: Settings) -> AsyncGenerator[StoredPrompts]:
    """Open the store for the prompts alone, beside a running bridge or not."""
    settings.dialogari_state_dir.mkdir(parents=True, exist_ok=True)
    async with open_store(settings.store_url) as store:
        yield store.prompts


@asynccontextmanager
async def _open_local(
    settings: Settings, store: Store, report: Callable[[Step], None]
) -> AsyncGenerator[LocalServer]:
    raise NotImplementedError
    yield


@dataclass(frozen=True, slots=True)
class Ai:
    """What takes turns, whichever door they come by."""

    store: Store
    conversations: Conversations
    local: LocalServer | None

    @property
    def model_ready(self) -> bool:
        """Whether the local model, where one is wanted, is loaded and alive."""
        return self.local is None or self.local.alive


@asynccontextmanager
async def open_ai(
    settings: Settings, report: Callable[[Step], None], *, exclusive: bool = False
) -> AsyncGenerator[Ai]:
    """Open the store and the models; ready for turns when it yields.

    `exclusive`: as the one bridge on this database. Raises ConfigError, StoreError and
    LocalModelError.
    """
    async with AsyncExitStack() as stack:
        settings.dialogari_state_dir.mkdir(parents=True, exist_ok=True)
        store = await stack.enter_async_context(open_store(settings.store_url, exclusive=exclusive))
        providers = [_openai(settings)] if settings.openai_configured else []
        local: LocalServer | None = None
        if settings.local_wanted:
            local = await stack.enter_async_context(_open_local(settings, store, report))
            providers.append(_local_provider(local))
        models = Models(providers, settings.default_model)
        stack.push_async_callback(models.aclose)
        try:
            models.resolve(None)
        except TurnError as error:
            raise ConfigError(
                f"DEFAULT_AI_MODEL: {settings.default_model!r} is no model of a configured "
                f"provider ({error.reason}); configured: {', '.join(p.name for p in providers)}"
            ) from error
        conversations = Conversations(
            ModelAgent(models),
            store.history,
            store.prompts,
            deadline=settings.turn_deadline,
            fallback=settings.fallback_text,
        )
        yield Ai(store, conversations, local)


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
        return self._client is not None and self._client.state is LinkState.READY

    async def readiness(self) -> dict[str, bool]:
        """Name each part that a call needs, and whether it is ready."""
        return {
            "asterisk": self.linked,
            "model": self._ai is not None and self._ai.model_ready,
            "database": self._ai is not None and await _writable(self._ai.store),
            "accepting": not self._stopping.is_set(),
        }

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
                async with serve_web(build_web(self.readiness), listening, tasks):
                    await asyncio.wait({working})

    async def _work(self, server: Server, report: Callable[[Step], None]) -> None:
        settings = self._settings
        async with (
            open_ai(settings, report, exclusive=True) as self._ai,
            Client(server, settings.asterisk_app_name) as self._client,
        ):
            self._door = DialplanDoor(
                self._ai.conversations,
                TurnLog(content=settings.log_content),
                deadline=settings.turn_deadline,
                fallback=settings.fallback_text,
            )
            self._connecting.set()
            # What is there now stays: leave it out of every collection, and collect less often.
            # Measured: a fifth to a third of the CPU of a turn at 100 at a time.
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            try:
                await self._client.serve(self._door.answer, resumed=self._door.release)
            except ApplicationReplaced as error:
                # Alive but not ready until someone looks: taking it back would start a war of
                # two bridges, and so would ending, under a supervisor that restarts us.
                logger.critical("application_taken_over", application=error.application)
                await self._stopping.wait()
            except Unauthorized as error:
                raise ConfigError(
                    f"ASTERISK_ARI_USERNAME, ASTERISK_ARI_PASSWORD: {error}"
                ) from error

    async def _end(self, working: asyncio.Task[None]) -> None:
        """Wait for `stop`, drain, and end the work."""
        await self._stopping.wait()
        if self._door is not None:
            self._door.close()
        if self._client is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.turn_deadline + DRAIN_MARGIN):
                    await self._client.wait_until_idle()
        working.cancel()


def _openai(settings: Settings) -> Provider:
    if settings.openai_base_url is not None and settings.openai_model_name is None:
        raise ConfigError("OPENAI_MODEL_NAME: name the model that OPENAI_BASE_URL offers")
    key = settings.openai_api_key
    return Provider(
        OPENAI,
        base_url=settings.openai_base_url or DEFAULT_OPENAI_URL,
        default_model=settings.openai_model_name or DEFAULT_OPENAI_MODEL,
        api_key=key.get_secret_value() if key is not None else NO_KEY,
    )


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
