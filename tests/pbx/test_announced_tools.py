"""A slow tool announces itself on a real Asterisk, while it is still at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

from dialogari.app.prompts import open_settings_store
from dialogari.sandbox.asterisk import Asterisk
from dialogari.tool import Tool
from dialogari.turn import Prompt
from model_stub import Ask, Asked, ModelStub
from pbx_fixtures import make_settings, running_bridge
from piecewise import Exchange, callers_of
from web_stub import WebStub

PHRASE = "One moment, I'll look that up."


def act(asked: Asked) -> str | list[Ask | str]:
    """Ask for the tool, and say what it has said; know the second question's answer."""
    if asked.question == "thanks":
        return "You are welcome."
    return f"We open at {asked.outcomes[-1]}." if asked.outcomes else [Ask("hours")]


@asynccontextmanager
async def exchange_with(
    asterisk: Asterisk, folder: Path, path: str
) -> AsyncGenerator[tuple[Exchange, ModelStub, WebStub]]:
    """Run a bridge whose prompt has a tool at a path of a web service, and callers."""
    async with ModelStub(act=act) as model, WebStub(answer="nine") as web:
        settings = make_settings(
            asterisk, model, folder, tool_networks=(ip_network("127.0.0.1/32"),), turn_deadline=12.0
        )
        async with running_bridge(settings):
            async with open_settings_store(settings) as store:
                tool = Tool("hours", "When the shop is open.", {"type": "object"}, web.url + path)
                await store.tools.put(tool)
                prompt = Prompt("default", "Be brief.", tools=("hours",), tool_phrase=PHRASE)
                await store.prompts.set_prompt(prompt)
            async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
                yield exchange, model, web


async def test_the_phrase_is_a_piece(asterisk: Asterisk, tmp_path: Path) -> None:
    """It is told while the tool works, then the answer; later the model knows what was heard."""
    async with exchange_with(asterisk, tmp_path, "/slow/2.5") as (exchange, model, web):
        caller = await exchange.call("when are you open?")
        first = await caller.hear()
        assert (first["AI_STATUS"], first["AI_RESPONSE"], first["AI_MORE"]) == ("ok", PHRASE, "1")
        assert web.at_once == 1
        assert 1000 <= int(first["AI_LATENCY_MS"] or "") < 2000

        answer = await caller.rest()
        await caller.go("ask", "thanks")
        again = await caller.hear()

    assert " ".join(answer).strip() == "We open at nine."
    assert (again["AI_RESPONSE"], again["AI_TURN"]) == ("You are welcome.", "2")
    said = [m.get("content") for m in model.asked[-1].messages if m["role"] == "assistant"]
    assert [words for words in said if words] == [f"{PHRASE} We open at nine."]


async def test_a_hang_up_after_the_phrase(asterisk: Asterisk, tmp_path: Path) -> None:
    """It ends the tool's request; the phrase stays in history as all that was heard."""
    async with exchange_with(asterisk, tmp_path, "/slow/9") as (exchange, model, web):
        caller = await exchange.call("when are you open?", "kept")
        assert (await caller.hear())["AI_RESPONSE"] == PHRASE
        await caller.go()
        await asyncio.sleep(0.3)
        assert web.at_once == 1
        await caller.hang_up()
        async with asyncio.timeout(3):
            while web.at_once:
                await asyncio.sleep(0.02)

        heard = await (await exchange.call("thanks", "kept")).hear()

    assert (heard["AI_TURN"], heard["AI_RESPONSE"]) == ("2", "You are welcome.")
    said = [m["content"] for m in model.asked[-1].messages if m["role"] == "assistant"]
    assert said == [PHRASE]
