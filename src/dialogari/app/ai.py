"""What takes a turn: the store, the models and the conversations, put together."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.agent.answer import ModelAgent
from dialogari.agent.models import Models
from dialogari.agent.provider import NO_KEY, Provider
from dialogari.app.local import open_local
from dialogari.app.prompts import open_settings_store
from dialogari.config import DEFAULT_OPENAI_URL, OPENAI, ConfigError, Settings
from dialogari.conversation import Conversations
from dialogari.turn import TurnError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from dialogari.agent.local.server import LocalServer
    from dialogari.progress import Step
    from dialogari.store.store import Store

DEFAULT_OPENAI_MODEL = "gpt-4.1-mini"


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
        store = await stack.enter_async_context(open_settings_store(settings, exclusive=exclusive))
        providers = [_openai(settings)] if settings.openai_configured else []
        local: LocalServer | None = None
        if settings.local_wanted:
            provider, local = await stack.enter_async_context(open_local(settings, store, report))
            providers.append(provider)
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
