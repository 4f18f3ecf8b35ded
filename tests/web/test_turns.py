"""Turns by the API, as JSON and as a stream."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from api_serving import ApiClient, ApiServer, api_settings, serving, take
from dialogari.app.readings import read_ai
from dialogari.config_models import ModelServer
from model_stub import PIECE, Ask, Asked, ModelStub

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_turn(api: ApiClient, stub: ModelStub) -> None:
    """The model is asked with the prompt, facts in place; the answer is that of the contract."""
    await api.put("/prompts/shop", {"content": "You are {{ vip }}."})
    asked = {"text": "hello", "session": "s1", "prompt": "shop", "facts": {"VIP": "gold"}}

    first = await api.post("/turns", asked)
    second = await api.post("/turns", {"text": "and now?", "session": "s1", "prompt": "shop"})

    assert first.status == second.status == 200
    assert set(first.json) == {
        *("text", "status", "error", "model", "session", "turn", "latency_ms", "usage")
    }
    assert first.json["text"] == "You said hello"
    assert first.json["status"] == "ok"
    assert first.json["model"] == "openai:stub"
    assert first.json["usage"] == {"input_tokens": 11, "output_tokens": 7}
    assert (first.json["turn"], second.json["turn"]) == (1, 2)
    assert stub.asked[0].instructions == "You are gold."
    assert [m["content"] for m in stub.asked[1].messages][1:3] == ["hello", "You said hello"]


async def test_a_turn_streams_while_the_model_writes(api: ApiClient, stub: ModelStub) -> None:
    """Deltas, then `done` with the whole answer, the same object as without a stream."""
    words = "one two three four five six seven. " * 10
    stub.answer = lambda _: words

    events = await take(api.stream("POST", "/turns", {"text": "count"}), 1000)

    names = [name for name, _ in events]
    assert names == ["delta"] * (len(words) // PIECE + 1) + ["done"]
    assert "".join(data["text"] for name, data in events if name == "delta") == words
    assert events[-1][1]["text"] == words.strip()
    assert events[-1][1]["status"] == "ok"
    assert events[-1][1]["session"].startswith("api-")


async def test_a_stream_tells_of_tools(api: ApiClient, server: ApiServer, stub: ModelStub) -> None:
    """A call of a tool is told when it begins and when it ended, and counted."""

    def act(asked: Asked) -> str | list[Ask | str]:
        return asked.outcomes[-1] if asked.outcomes else [Ask("nobody", "{}")]

    stub.act = act
    tool = {"description": "d", "parameters": {"type": "object"}, "url": "https://x.example/"}
    await api.put("/tools/hours", tool)
    await api.put("/prompts/default", {"content": "Be brief.", "tools": ["hours"]})

    events = await take(api.stream("POST", "/turns", {"text": "when?"}), 1000)

    used = [data for name, data in events if name == "tool"]
    assert [call["status"] for call in used] == ["running", "failed"]
    assert used[1]["reason"] == "unknown_tool"
    assert used[0]["name"] == "nobody"
    figures = server.metrics.render().decode()
    counted = '{reason="unknown_tool",status="failed",tool="(unknown)"} 1.0'
    assert f"dialogari_tool_calls_total{counted}" in figures


async def test_a_client_that_leaves_ends_the_turn(
    api: ApiClient, server: ApiServer, stub: ModelStub
) -> None:
    """The model's connection is closed, nothing is stored, and the turn counts as a hang-up."""
    stub.fault = "stall_in_stream"
    stream = api.stream("POST", "/turns", {"text": "hello", "session": "left"})

    async with aclosing(stream):
        assert (await anext(stream))[0] == "delta"

    async with asyncio.timeout(3):
        while not stub.abandoned:
            await asyncio.sleep(0.02)
    assert (await api.get("/conversations/left")).status == 404
    assert 'dialogari_turns_total{model="",reason="",status="hang_up"} 1.0' in (
        server.metrics.render().decode()
    )


async def test_a_turn_that_fails_is_a_status(api: ApiClient, stub: ModelStub) -> None:
    """200 with the status a dialplan would read, and never the server's words."""
    stub.fault = "http_500"

    failed = await api.post("/turns", {"text": "hello"})
    unknown = await api.post("/turns", {"text": "hello", "prompt": "nobody"})
    model = await api.post("/turns", {"text": "hello", "model": "nobody:x"})
    silent = await api.post("/turns", {"text": " "})

    assert (failed.status, failed.json["status"]) == (200, "model_error")
    assert (failed.json["text"], failed.json["error"]) == ("", "openai.http_500")
    assert unknown.json["status"] == "unknown_prompt"
    assert model.json["status"] == "unknown_model"
    assert silent.json["status"] == "no_input"


async def test_a_prompt_is_tried_before_it_is_stored(api: ApiClient, stub: ModelStub) -> None:
    """`prompt_content` stands in place of what is stored, with the rest of that prompt."""
    await api.put("/prompts/shop", {"content": "Old."})

    new = await api.post(
        "/turns", {"text": "a", "session": "t", "prompt": "shop", "prompt_content": "New."}
    )
    missing = await api.post("/turns", {"text": "a", "prompt": "nobody", "prompt_content": "New."})
    await api.delete("/prompts/default")
    alone = await api.post("/turns", {"text": "a", "prompt_content": "Alone."})
    kept = await api.get("/conversations/t")

    assert [asked.instructions for asked in stub.asked] == ["New.", "Alone."]
    assert new.json["status"] == alone.json["status"] == "ok"
    assert missing.json["status"] == "unknown_prompt"
    assert kept.json["turns"][0]["prompt_version"] == 0
    assert (await api.get("/prompts/shop")).json["content"] == "Old."


async def test_a_model_that_is_skipped_shows(tmp_path: Path, stub: ModelStub) -> None:
    """1 while turns go past it; the default model is always there."""
    other = ModelServer(url=stub.url, model="y")
    asked = {"text": "hello", "model": "broken"}
    async with ModelStub(fault="http_500") as bad:
        models = {"other": other, "broken": ModelServer(url=bad.url, model="x")}
        settings = api_settings(tmp_path, stub, models=models, fallback_ai_model="other")
        async with serving(settings) as server, ApiClient(f"{server.url}/api/v1") as api:
            server.metrics.watch(lambda: list(read_ai(server.ai)))
            for _ in range(3):
                assert (await api.post("/turns", asked)).json["model"] == "other:y"
            figures = server.metrics.render().decode()

    assert 'dialogari_model_skipped{model="broken:x"} 1.0' in figures
    assert 'dialogari_model_skipped{model="openai:stub"} 0.0' in figures
    assert figures.count("dialogari_model_skipped{") == 2
