"""Which model answers: providers by name, and one client for each, kept for the process.

A provider is an OpenAI-compatible endpoint with a name, as it stands in AI_MODEL before the colon.
Clients are made when first used and kept: making one costs 21 ms of CPU (measured), mostly TLS.
Nothing is ever tried again by a client: a caller is waiting, so a failure is told at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from dialogari.turn import Status, TurnError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

NO_KEY = "none"
"""Sent where an endpoint needs no key; the client insists on one."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenAI-compatible endpoint."""

    name: str
    base_url: str
    default_model: str
    api_key: str = field(default=NO_KEY, repr=False)
    settings: ModelSettings | None = None
    """How to ask this provider's models, where the endpoint's own defaults do not do."""
    single: bool = False
    """It has no model but its default one."""


class Models:
    """The models of all configured providers, by `provider:model`."""

    def __init__(self, providers: Sequence[Provider], default: str) -> None:
        self._providers: Mapping[str, Provider] = {p.name: p for p in providers}
        self._default = default
        self._clients: dict[str, AsyncOpenAI] = {}
        self._models: dict[str, Model] = {}

    def resolve(self, name: str | None) -> str:
        """Return `provider:model` for a provider's name, `provider:model`, or None.

        Raises:
            TurnError: `unknown_model`.
        """
        provider_name, _, model = (name or self._default).strip().partition(":")
        provider = self._providers.get(provider_name.strip().lower())
        model = model.strip()
        if provider is None:
            raise TurnError(Status.UNKNOWN_MODEL, "unknown_provider")
        if provider.single and model not in {"", provider.default_model}:
            raise TurnError(Status.UNKNOWN_MODEL, f"{provider.name}.unknown_model")
        return f"{provider.name}:{model or provider.default_model}"

    def open(self, resolved: str) -> tuple[Model, ModelSettings | None]:
        """Return the model that `resolve` named, and how to ask it."""
        provider_name, _, model_name = resolved.partition(":")
        provider = self._providers[provider_name]
        if resolved not in self._models:
            client = self._client(provider)
            self._models[resolved] = OpenAIChatModel(
                model_name, provider=OpenAIProvider(openai_client=client)
            )
        return self._models[resolved], provider.settings

    async def aclose(self) -> None:
        """Close every client."""
        while self._clients:
            await self._clients.popitem()[1].close()

    def _client(self, provider: Provider) -> AsyncOpenAI:
        if provider.name not in self._clients:
            self._clients[provider.name] = AsyncOpenAI(
                base_url=provider.base_url, api_key=provider.api_key, max_retries=0
            )
        return self._clients[provider.name]
