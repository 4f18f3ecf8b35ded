"""Who answers, as the settings say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.agent.fallback import Fallback
from dialogari.agent.prices import FREE, Price
from dialogari.agent.provider import NO_KEY, Api, Provider
from dialogari.config import ANTHROPIC, DEFAULT_OPENAI_URL, GEMINI, LOCAL, OPENAI, ConfigError
from dialogari.turn import TurnError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr

    from dialogari.agent.models import Models
    from dialogari.config import Settings

GEMINI_URL = "https://generativelanguage.googleapis.com"
ANTHROPIC_URL = "https://api.anthropic.com"
# The quick ones of each house: a caller waits for the first word.
DEFAULT_OPENAI_MODEL = "gpt-4.1-mini"
DEFAULT_GEMINI_MODEL = "gemini-3.5-flash-lite"
DEFAULT_ANTHROPIC_MODEL = "claude-haiku-5-5"

_REMEDIES = {
    "openai.no_key": "OPENAI_API_KEY: missing",
    "gemini.no_key": "GEMINI_API_KEY: missing",
    "anthropic.no_key": "ANTHROPIC_API_KEY: missing",
}


def list_providers(settings: Settings) -> Iterator[Provider]:
    """Yield the providers that are configured, but for the local model. Raises ConfigError."""
    if settings.openai_configured:
        yield _openai(settings)
    if settings.gemini_api_key is not None:
        model = settings.gemini_model_name or DEFAULT_GEMINI_MODEL
        key = settings.gemini_api_key.get_secret_value()
        yield Provider(GEMINI, GEMINI_URL, model, key, api=Api.GEMINI, price_list="google")
    if settings.anthropic_api_key is not None:
        model = settings.anthropic_model_name or DEFAULT_ANTHROPIC_MODEL
        key = settings.anthropic_api_key.get_secret_value()
        yield Provider(
            ANTHROPIC, ANTHROPIC_URL, model, key, api=Api.ANTHROPIC, price_list="anthropic"
        )
    for name, server in settings.models.items():
        yield Provider(name, server.url, server.model, _key(server.key))


def read_prices(settings: Settings) -> Mapping[str, Price]:
    """Return what the operator pays; the local model is free."""
    own = {name: Price(*price) for name, price in settings.model_prices.items()}
    return {LOCAL: FREE, **own}


def check_models(settings: Settings, models: Models) -> Fallback | None:
    """Return the fallback, where one is set, if it and the default model can be asked.

    Raises ConfigError. A local model that is still to be loaded passes.
    """
    _check("DEFAULT_AI_MODEL", settings.default_model, models)
    if not settings.fallback_ai_model:
        return None
    name = _check("FALLBACK_AI_MODEL", settings.fallback_ai_model, models)
    return Fallback(name, settings.first_token_deadline)


def _check(setting: str, name: str, models: Models) -> str:
    try:
        return models.resolve(name)
    except TurnError as error:
        if error.reason == "local.not_loaded":  # it is about to be: a setting names it
            return name
        remedy = _REMEDIES.get(error.reason)
        if remedy:
            raise ConfigError(f"{remedy}; {setting} names {name!r}") from error
        raise ConfigError(
            f"{setting}: {name!r} is no model of a configured provider ({error.reason}); "
            f"configured: {', '.join(models.names)}"
        ) from error


def _openai(settings: Settings) -> Provider:
    if settings.openai_base_url is not None and settings.openai_model_name is None:
        raise ConfigError("OPENAI_MODEL_NAME: name the model that OPENAI_BASE_URL offers")
    return Provider(
        OPENAI,
        base_url=settings.openai_base_url or DEFAULT_OPENAI_URL,
        default_model=settings.openai_model_name or DEFAULT_OPENAI_MODEL,
        api_key=_key(settings.openai_api_key),
        # Another server asks for its own prices.
        price_list=None if settings.openai_base_url else "openai",
    )


def _key(key: SecretStr | None) -> str:
    return key.get_secret_value() if key is not None else NO_KEY
