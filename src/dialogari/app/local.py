"""The local model as a provider: its file, its process, and the prompt it has read already."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dialogari.agent.chat.by_schema import explain_tools
from dialogari.agent.local.catalogue import LocalModel, choose
from dialogari.agent.local.errors import UnknownModelError
from dialogari.agent.local.fetch import default_cache, fetch_model
from dialogari.agent.local.progress import Progress
from dialogari.agent.local.server import REQUEST_EXTRAS, LocalServer
from dialogari.agent.provider import Provider
from dialogari.agent.template import fill
from dialogari.agent.tools import define
from dialogari.config import LOCAL, ConfigError, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from dialogari.progress import Step
    from dialogari.store.store import Store
    from dialogari.turn import Prompt

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
LOG = "local-model.log"
"""What the native code prints, in the state directory."""


@asynccontextmanager
async def open_local(
    settings: Settings, store: Store, report: Callable[[Step], None]
) -> AsyncGenerator[tuple[Provider, LocalServer]]:
    """Fetch, load and prime the local model; it answers at once when this yields.

    Raises:
        ConfigError: DIALOGARI_LOCAL_MODEL names no model.
        LocalModelError: it can't be had or does not run.
    """
    try:
        chosen = choose(settings.dialogari_local_model)
    except UnknownModelError as error:
        raise ConfigError(f"DIALOGARI_LOCAL_MODEL: {error}") from error
    log = settings.dialogari_state_dir / LOG
    if isinstance(chosen, LocalModel):
        name = chosen.name
        file = await asyncio.to_thread(fetch_model, chosen, default_cache(), report)
        server = LocalServer(file, chosen.settings, log=log)
    else:
        name = chosen.stem
        server = LocalServer(chosen, log=log)
    async with server:
        await server.start(report)
        prompts = await store.prompts.list_prompts()
        if prompts:
            # One can be kept ready. The one changed last is the likeliest to be called.
            newest = max(prompts, key=lambda prompt: prompt.created or _LONG_AGO)
            await read_prompt(server, newest, store, report)
        provider = Provider(
            LOCAL,
            base_url=server.base_url,
            default_model=name,
            api_key=server.api_key,
            settings={"extra_body": dict(REQUEST_EXTRAS)},
            single=True,
            hangs_up=True,
            tools_by_schema=True,
            patient=True,
        )
        yield provider, server


async def read_prompt(
    server: LocalServer, prompt: Prompt, store: Store, report: Callable[[Step], None]
) -> None:
    """Have the local model read a prompt, so that answers under it begin at once.

    Raises:
        LocalModelError: it can't.
    """
    report(Progress(f"The local model reads the prompt {prompt.name}", 0, None))
    tools = [define(tool) for tool in await store.tools.find_tools(prompt.tools)]
    await server.prime(explain_tools(fill(prompt.content, {}), tools))
