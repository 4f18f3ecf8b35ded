"""The doctor's checks, with the models that they ask."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from dialogari.agent.answer import ModelAgent
from dialogari.agent.models import Models
from dialogari.app.providers import list_providers
from dialogari.config import LOCAL
from dialogari.doctor.examine import Subject, examine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from dialogari.config import Settings
    from dialogari.doctor.findings import Finding


async def diagnose(settings: Settings, asterisk_config: Path | None) -> AsyncGenerator[Finding]:
    """Yield every finding. Raises ConfigError where the settings contradict themselves."""
    providers = list(list_providers(settings))
    # The local model is not asked: to load it beside the bridge's would take its memory twice.
    chosen = (settings.default_model, settings.fallback_ai_model)
    asked = [name for name in chosen if name and _provider(name) != LOCAL]
    named = {_provider(name) for name in asked}
    asked += [provider.name for provider in providers if provider.name not in named]
    models = Models(providers, settings.default_model)
    try:
        subject = Subject(settings, ModelAgent(models), asked, asterisk_config)
        async with aclosing(examine(subject)) as findings:
            async for finding in findings:
                yield finding
    finally:
        await models.aclose()


def _provider(model: str) -> str:
    return model.partition(":")[0].strip().lower()
