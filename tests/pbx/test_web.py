"""What a supervisor and Prometheus see of a bridge at work."""

from __future__ import annotations

import aiohttp

from dialogari.app.bridge import Bridge
from model_stub import ModelStub
from phone import Phone
from releases import newest_alone


async def _get(bridge: Bridge, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{bridge.web_port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


@newest_alone
async def test_health(bridge: Bridge) -> None:
    """Alive and ready, with each part named."""
    assert await _get(bridge, "/healthz") == (200, '{"status":"alive"}')
    status, body = await _get(bridge, "/readyz")
    assert status == 200
    assert '"asterisk":true' in body
    assert '"database":true' in body


@newest_alone
async def test_metrics(bridge: Bridge, phone: Phone, stub: ModelStub) -> None:
    """Turns by status, steps, calls, the link and the journal, after two calls."""
    await phone.call("hello")
    stub.fault = "http_500"
    await phone.call("hello")

    status, text = await _get(bridge, "/metrics")

    assert status == 200
    for line in (
        'dialogari_turns_total{model="openai:stub",reason="",status="ok"} 1.0',
        'dialogari_turns_total{model="openai:stub",reason="openai.http_500",status="model_error"}',
        'dialogari_turn_step_seconds_count{step="words"} 2.0',
        'dialogari_turn_step_seconds_count{step="store"} 1.0',
        'dialogari_turn_step_seconds_count{step="return"} 2.0',
        'dialogari_tokens_total{direction="output",model="openai:stub"} 7.0',
        "dialogari_calls{server=",
        'dialogari_model_skipped{model="openai:stub"} 0.0',
        'state="ready"} 1.0',
        "dialogari_journal_records_total 2.0",
        "dialogari_link_connects_total{server=",
    ):
        assert line in text, line
