"""Google's models, by Google's own library. Imported only where gemini is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

from dialogari.agent.chat.client import CONNECT_LIMIT, READ_LIMIT

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from dialogari.agent.provider import Provider


class GeminiClient:
    """The connections to Google. Its library tries nothing again unless it is told to."""

    def __init__(self, provider: Provider) -> None:
        self._http = httpx2.AsyncClient(timeout=httpx2.Timeout(READ_LIMIT, connect=CONNECT_LIMIT))
        self._provider = GoogleProvider(
            api_key=provider.api_key, base_url=provider.base_url, http_client=self._http
        )

    def model(self, name: str) -> Model:
        """Return one of Google's models."""
        return GoogleModel(name, provider=self._provider)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._provider.client.aio.aclose()
        await self._http.aclose()
