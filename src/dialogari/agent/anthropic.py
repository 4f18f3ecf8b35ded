"""Anthropic's models, by Anthropic's own library. Imported only where anthropic is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
from anthropic import AsyncAnthropic
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from dialogari.agent.chat.client import CONNECT_LIMIT, READ_LIMIT

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from dialogari.agent.provider import Provider


class AnthropicClient:
    """The connections to Anthropic."""

    def __init__(self, provider: Provider) -> None:
        self._client = AsyncAnthropic(
            api_key=provider.api_key,
            base_url=provider.base_url,
            timeout=httpx2.Timeout(READ_LIMIT, connect=CONNECT_LIMIT),
            max_retries=0,
        )
        self._provider = AnthropicProvider(anthropic_client=self._client)

    def model(self, name: str) -> Model:
        """Return one of Anthropic's models."""
        return AnthropicModel(name, provider=self._provider)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()
