"""Which model answers: providers by name, and one client for each, kept for the process.

The library behind a provider is imported when the provider is added, and only then: Google's costs
a second, which no caller must wait for. Nothing is ever tried again by a client: a caller is
waiting, so a failure is told at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dialogari.agent.chat.client import ChatClient
from dialogari.agent.prices import cost
from dialogari.agent.provider import Api
from dialogari.turn import Status, TurnError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.usage import RequestUsage

    from dialogari.agent.prices import Price
    from dialogari.agent.provider import Provider

KNOWN: Final[Mapping[str, str]] = {
    "openai": "no_key",
    "gemini": "no_key",
    "anthropic": "no_key",
    "local": "not_loaded",
}
"""Providers everybody may name, and why one of them can't be asked when it is not configured."""


class Client(Protocol):
    """One provider's connections. Making one does no I/O."""

    def model(self, name: str) -> Model:
        """Return a model of this provider, whether it has one of that name or not."""
        ...

    async def aclose(self) -> None:
        """Close the connections; may be called again."""
        ...


class Models:
    """The models of all configured providers, by `provider:model`.

    `prices`: what the operator pays, by `provider:model` or provider.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        default: str,
        prices: Mapping[str, Price] | None = None,
    ) -> None:
        self._providers: dict[str, Provider] = {}
        self._clients: dict[str, Client] = {}
        self._default = default
        self._prices = prices or {}
        self._models: dict[str, Model] = {}
        for provider in providers:
            self.add(provider)

    def add(self, provider: Provider) -> None:
        """Take in a provider that is there now."""
        self._providers[provider.name] = provider
        self._clients[provider.name] = _connect(provider)

    @property
    def names(self) -> Sequence[str]:
        """The providers that can be asked."""
        return tuple(self._providers)

    def resolve(self, name: str | None) -> str:
        """Return `provider:model` for a provider's name, `provider:model`, or None.

        Raises:
            TurnError: `unknown_model`.
        """
        named, _, model = (name or self._default).strip().partition(":")
        named, model = named.strip().lower(), model.strip()
        provider = self._providers.get(named)
        if provider is None:
            reason = f"{named}.{KNOWN[named]}" if named in KNOWN else "unknown_provider"
            raise TurnError(Status.UNKNOWN_MODEL, reason)
        if provider.single and model not in {"", provider.default_model}:
            raise TurnError(Status.UNKNOWN_MODEL, f"{provider.name}.unknown_model")
        return f"{provider.name}:{model or provider.default_model}"

    def open(self, resolved: str) -> tuple[Model, ModelSettings | None]:
        """Return the model that `resolve` named, and how to ask it."""
        provider = self.provider(resolved)
        if resolved not in self._models:
            self._models[resolved] = self._clients[provider.name].model(resolved.partition(":")[2])
        return self._models[resolved], provider.settings

    def provider(self, resolved: str) -> Provider:
        """Return the provider of a model that `resolve` named."""
        return self._providers[resolved.partition(":")[0]]

    def cost(self, resolved: str, usage: RequestUsage) -> float | None:
        """Return what a request cost in US dollars, None where that is not known."""
        return cost(resolved, usage, self._prices, self.provider(resolved).price_list)

    async def aclose(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.aclose()


def _connect(provider: Provider) -> Client:
    match provider.api:
        case Api.CHAT:
            return ChatClient(provider)
        case Api.GEMINI:
            from dialogari.agent.gemini import GeminiClient  # noqa: PLC0415 - the module says why

            return GeminiClient(provider)
        case Api.ANTHROPIC:
            from dialogari.agent.anthropic import AnthropicClient  # noqa: PLC0415 - as above

            return AnthropicClient(provider)
