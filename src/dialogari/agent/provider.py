"""A provider of models: what is known of it before anything is connected."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_ai.settings import ModelSettings

NO_KEY: Final = "none"
"""Sent where a server needs no key: some insist on one being there."""


class Api(StrEnum):
    """The wire format a provider speaks."""

    CHAT = "chat"
    """OpenAI's chat completions: OpenAI, the local model, and every compatible server."""
    GEMINI = "gemini"
    ANTHROPIC = "anthropic"


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who answers, under the name that stands in AI_MODEL before the colon."""

    name: str
    base_url: str
    default_model: str
    api_key: str = field(default=NO_KEY, repr=False)
    settings: ModelSettings | None = None
    """How to ask this provider's models, where the endpoint's own defaults do not do."""
    single: bool = False
    """It has no model but its default one."""
    api: Api = Api.CHAT
    hangs_up: bool = False
    """It ends a connection after each answer without saying so, so none is used again."""
    tools_by_schema: bool = False
    """Its models have no form of their own for tools; a JSON schema holds them to ours."""
    patient: bool = False
    """Its first token is waited for to the end of the turn: it answers as fast as this machine."""
    price_list: str | None = None
    """Its name in the list of `genai-prices`; None: only MODEL_PRICES tells what it costs."""
