"""Where a provider's questions go, and what its server calls things."""

from __future__ import annotations

import pytest
from pydantic_ai.direct import model_request
from pydantic_ai.messages import ModelRequest

from agent.chat.raw_server import EVENTS, always, serve, words
from dialogari.agent.chat.client import ChatClient
from dialogari.agent.provider import Provider

HI = [ModelRequest.user_text_prompt("hi")]


async def _ask(url: str) -> str | None:
    client = ChatClient(Provider("acme", url, "m"))
    try:
        return (await model_request(client.model("m"), HI)).text
    finally:
        await client.aclose()


async def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server out there is asked through it, one on this machine never."""
    async with (
        serve(always(EVENTS + words("Far.", "stop"))) as proxy,
        serve(always(EVENTS + words("Near.", "stop"))) as near,
    ):
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)

        answers = [await _ask("http://model.test/v1"), await _ask(near.url)]

    assert answers == ["Far.", "Near."]
    assert proxy.visits[0].head.startswith("POST http://model.test/v1/chat/completions ")


@pytest.mark.parametrize(
    ("url", "limit"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("http://127.0.0.1:1/v1", "max_tokens"),
    ],
)
def test_what_max_tokens_is_called(url: str, limit: str) -> None:
    """OpenAI itself wants the new name, the rest of the world the old one."""
    assert ChatClient(Provider("acme", url, "m")).token_limit == limit
