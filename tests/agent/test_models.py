"""Which model answers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dialogari.agent.models import Models
from dialogari.agent.provider import Provider
from dialogari.turn import Status, TurnError

OPENAI = Provider("openai", "http://127.0.0.1:1/v1", "gpt", "sk-secret")
LOCAL = Provider("local", "http://127.0.0.1:2/v1", "small", single=True)


@pytest.mark.parametrize(
    ("named", "resolved"),
    [
        (None, "openai:gpt"),
        ("", "openai:gpt"),
        ("openai", "openai:gpt"),
        (" OpenAI ", "openai:gpt"),
        ("openai:other", "openai:other"),
        ("openai: other ", "openai:other"),
        ("openai:org/model:free", "openai:org/model:free"),
        ("openai:", "openai:gpt"),
        ("local", "local:small"),
        ("local:small", "local:small"),
    ],
)
def test_names(named: str | None, resolved: str) -> None:
    """A provider, `provider:model`, or nothing; the provider without regard to case."""
    assert Models([OPENAI, LOCAL], "openai").resolve(named) == resolved


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("skynet", "unknown_provider"),
        ("skynet:1", "unknown_provider"),
        ("gemini", "gemini.no_key"),
        ("Anthropic:claude", "anthropic.no_key"),
        (":gpt", "unknown_provider"),
        ("local:large", "local.unknown_model"),
    ],
)
def test_unknown_names(named: str, reason: str) -> None:
    """What is not configured is `unknown_model`."""
    with pytest.raises(TurnError) as caught:
        Models([OPENAI, LOCAL], "openai").resolve(named)

    assert (caught.value.status, caught.value.reason) == (Status.UNKNOWN_MODEL, reason)


@pytest.mark.parametrize(
    ("configured", "imported"),
    [
        ([], set[str]()),
        (["gemini"], {"google.genai"}),
        (["anthropic"], {"anthropic"}),
    ],
)
def test_only_what_is_configured_is_imported(configured: list[str], imported: set[str]) -> None:
    """The libraries of configured providers are loaded at the start, and no others."""
    script = f"""
import sys
from dialogari.app.providers import list_providers
from dialogari.agent.models import Models
from dialogari.config import Settings
keys = {{f"{{name}}_api_key": "k" for name in {configured!r}}}
Models(list_providers(Settings(_env_file=None, openai_api_key="k", **keys)), "openai")
print(*[name for name in ("openai", "google.genai", "anthropic") if name in sys.modules])
"""
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(  # noqa: S603 - this interpreter and a script of ours
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=40,
        check=True,
        env=environment,
    )

    assert set(done.stdout.split()) == imported


async def test_a_model_and_its_client_are_made_once() -> None:
    """Two models of a provider share one client, and none shows the key."""
    models = Models([OPENAI], "openai")

    first, _ = models.open("openai:a")
    again, _ = models.open("openai:a")
    other, _ = models.open("openai:b")

    assert first is again
    assert first is not other
    assert "sk-secret" not in repr(OPENAI) + repr(first)
    await models.aclose()
    await models.aclose()
