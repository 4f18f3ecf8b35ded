"""What takes a turn: the store, the models and the conversations, put together."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from dialogari.agent.answer import ModelAgent
from dialogari.agent.mcp.servers import McpServers
from dialogari.agent.models import Models
from dialogari.agent.outbound import Outbound
from dialogari.agent.summary import ModelSummarist
from dialogari.agent.tools import HttpTools
from dialogari.answers import Answers
from dialogari.app.local import open_local
from dialogari.app.prompts import open_settings_store
from dialogari.app.providers import check_models, list_providers, read_prices
from dialogari.conversation import Conversations
from dialogari.store.callers import StoredCallers
from dialogari.store.errors import StoreError
from dialogari.summaries import Summaries

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from dialogari.agent.local.server import LocalServer
    from dialogari.asked import Usage
    from dialogari.config import Settings
    from dialogari.progress import Step
    from dialogari.store.store import Store
    from dialogari.tool import McpServer


@dataclass(frozen=True, slots=True)
class Ai:
    """What takes turns, whichever door they come by."""

    store: Store
    conversations: Conversations
    agent: ModelAgent
    answers: Answers
    local: LocalServer | None
    models: Models
    outbound: Outbound
    servers: McpServers

    @property
    def model_ready(self) -> bool:
        """Whether the local model, where one is wanted, is loaded and alive."""
        return self.local is None or self.local.alive


@asynccontextmanager
async def open_ai(
    settings: Settings,
    report: Callable[[Step], None],
    *,
    exclusive: bool = False,
    spent: Callable[[str, Usage], None] = lambda _model, _usage: None,
) -> AsyncGenerator[Ai]:
    """Open the store and the models; ready for turns when it yields.

    `exclusive`: as the one bridge on this database. `spent` is told what models use beside turns.
    Raises ConfigError, StoreError and LocalModelError.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_settings_store(settings, exclusive=exclusive))
        models = Models(list_providers(settings), settings.default_model, read_prices(settings))
        stack.push_async_callback(models.aclose)
        check_models(settings, models)  # before a local model is fetched for nothing
        local: LocalServer | None = None
        if settings.local_wanted:
            provider, local = await stack.enter_async_context(open_local(settings, store, report))
            models.add(provider)
        fallback = check_models(settings, models)
        outbound = Outbound(settings.tool_networks)
        stack.push_async_callback(outbound.aclose)
        servers = await stack.enter_async_context(McpServers(outbound))
        if exclusive:
            servers.watch(partial(_find_servers, store))
        agent = ModelAgent(models, fallback, HttpTools(outbound), servers, settings.history_tokens)
        summaries: Summaries | None = None
        if settings.history_summary:
            summarist = ModelSummarist(agent, settings.history_tokens, spent)
            summaries = Summaries(summarist, store.history)
            await stack.enter_async_context(summaries.running())
        days = settings.caller_memory_days
        conversations = Conversations(
            agent,
            store.history,
            store.catalogue,
            deadline=settings.turn_deadline,
            fallback=settings.fallback_text,
            callers=StoredCallers(store.database, timedelta(days=days)) if days else None,
            summaries=summaries,
        )
        answers = Answers(conversations)
        await stack.enter_async_context(answers.running())
        yield Ai(store, conversations, agent, answers, local, models, outbound, servers)


async def _find_servers(store: Store) -> Sequence[McpServer] | None:
    try:
        return await store.servers.find()
    except StoreError:
        return None
