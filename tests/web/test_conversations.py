"""Conversations by the API, on both databases: read, searched, forgotten."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from api_serving import ApiClient, ApiServer
from dialogari.turn import ConversationKey
from model_stub import ModelStub
from store.turn_records import turn


async def _say(api: ApiClient, session: str, *texts: str) -> None:
    for text in texts:
        answer = await api.post("/turns", {"text": text, "session": session})
        assert answer.json["status"] == "ok", answer.text


async def test_what_was_said(each_api: ApiClient, stub: ModelStub) -> None:
    """Every turn with its text, answer, status, model, times and tokens, oldest first."""
    await _say(each_api, "s/1 ñ", "hello")
    stub.fault = "http_500"
    await each_api.post("/turns", {"text": "again", "session": "s/1 ñ", "facts": {"Vip": "yes"}})

    found = await each_api.get("/conversations/s%2F1%20%C3%B1")

    assert found.status == 200
    assert (found.json["id"], found.json["server"]) == ("s/1 ñ", "")
    assert found.json["turn_count"] == 2
    assert found.json["next"] is None
    first, second = found.json["turns"]
    assert (first["turn"], first["text"], first["answer"]) == (1, "hello", "You said hello")
    assert (first["status"], first["error"], first["model"]) == ("ok", "", "openai:stub")
    assert first["usage"] == {"input_tokens": 11, "output_tokens": 7}
    assert first["tool_calls"] == []
    assert first["latency_ms"] >= 0
    assert first["started"].endswith("Z")
    assert (second["status"], second["error"]) == ("model_error", "openai.http_500")
    assert second["facts"] == {"vip": "yes"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("FACTURACION", ["b"]),
        ("facturación", ["b"]),
        ("fáctura", ["b"]),
        ("strasse", ["c"]),
        ("STRAẞE 100%", ["c"]),
        ("100_", []),
        ("said", ["c", "b", "a"]),
        ("hola said", ["a"]),
        ("hola facturacion", []),
        ("Ｈｏｌａ", ["a"]),
        ("\u0000hola", ["a"]),
        ("  ", ["c", "b", "a"]),
        ("'; DROP TABLE turns", []),
        ("你好", ["c"]),
    ],
)
async def test_search(each_api: ApiClient, query: str, found: list[str]) -> None:
    """All words must be in one turn; accents, case and width don't matter, and % is no wildcard."""
    await _say(each_api, "a", "¡Hola!")
    await _say(each_api, "b", "¿Y la Facturacio\u0301n de mañana?", "nada más")
    await _say(each_api, "c", "Hauptstraße 100% 你好吗")

    answer = await each_api.get(f"/conversations?q={quote(query)}")

    assert [item["id"] for item in answer.json["items"]] == found


async def test_pages_of_conversations_and_of_turns(each_api: ApiClient) -> None:
    """The newest first, each once; turns from the oldest on."""
    for n in range(5):
        await _say(each_api, f"c{n}", "hello")
    await _say(each_api, "c1", *"abcd")

    async def collect(path: str, key: str, name: str) -> list[object]:
        found: list[object] = []
        cursor = ""
        while cursor is not None:
            page = await each_api.get(f"{path}?limit=2{cursor and '&cursor='}{cursor}")
            assert len(page.json[key]) <= 2
            found += [item[name] for item in page.json[key]]
            cursor = page.json["next"]
        return found

    assert await collect("/conversations", "items", "id") == ["c1", "c4", "c3", "c2", "c0"]
    assert await collect("/conversations/c1", "turns", "turn") == [1, 2, 3, 4, 5]


async def test_a_conversation_is_forgotten(each_api: ApiClient, stub: ModelStub) -> None:
    """Nothing of it is found any more, not even by the model; the rest stays."""
    await _say(each_api, "gone", "my number is 555")
    await _say(each_api, "kept", "hello")

    deleted = await each_api.delete("/conversations/gone")
    again = await each_api.delete("/conversations/gone")
    await _say(each_api, "gone", "what was my number?")

    assert (deleted.status, again.status) == (204, 404)
    assert again.json["code"] == "conversation.unknown"
    assert [message["content"] for message in stub.asked[-1].messages][1:] == [
        "what was my number?"
    ]
    assert (await each_api.get("/conversations/gone")).json["turns"][0]["turn"] == 1
    assert (await each_api.get("/conversations?q=555")).json["items"] == []
    assert (await each_api.get("/conversations/kept")).status == 200


async def test_the_same_id_on_two_servers(api: ApiClient, server: ApiServer) -> None:
    """409 until the server is named; each is read and forgotten alone."""
    for name in ("pbx-1", "pbx-2"):
        key = ConversationKey(name, "17.1")
        await server.ai.store.history.append(turn(1, key, question=f"to {name}"))

    both = await api.get("/conversations/17.1")
    second = await api.get("/conversations/17.1?server=pbx-2")
    refused = await api.delete("/conversations/17.1")
    await api.delete("/conversations/17.1?server=pbx-1")
    left = await api.get("/conversations/17.1")

    assert (both.status, both.json["code"]) == (409, "conversation.ambiguous")
    assert second.json["turns"][0]["text"] == "to pbx-2"
    assert refused.status == 409
    assert left.json["server"] == "pbx-2"
