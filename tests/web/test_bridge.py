"""The API of a whole bridge, on a FakeAsterisk: its calls, their stream, and how it stands."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from pydantic import SecretStr

from api_serving import KEY, ApiClient
from dialogari.ari.testing import FakeAsterisk
from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge

if TYPE_CHECKING:
    from pathlib import Path


async def test_calls_and_status(tmp_path: Path, stub: ModelStub) -> None:
    """A call is there from Stasis() to its return; the stream tells of both, and of hang-ups."""
    stub.delay = 0.5
    async with FakeAsterisk() as fake:
        settings = make_settings(fake, stub, tmp_path, dialogari_api_key=SecretStr(KEY))
        app = settings.asterisk_app_name
        async with (
            running_bridge(settings) as bridge,
            ApiClient(f"http://127.0.0.1:{bridge.web_port}/api/v1") as api,
            aclosing(api.stream("GET", "/calls/stream")) as stream,
            asyncio.timeout(15),
        ):
            before = await anext(stream)
            arguments = ["UNIQUEID=17.1", "AI_PROMPT_NAME=reception", "AI_MODEL=openai"]
            await fake.enter_stasis(app, arguments, {"USER_INPUT": "hello"})
            began = await anext(stream)
            during = await api.get("/calls")
            status = await api.get("/status")
            returned = await anext(stream)
            after = await api.get("/calls")
            said = await api.get("/conversations/17.1")
            second = await fake.enter_stasis(app, [], {"USER_INPUT": "hello"})
            await anext(stream)
            await second.hang_up()
            left = await anext(stream)

    assert before == ("calls", {"items": []})
    assert began[0] == "began"
    call = began[1]
    assert (call["conversation"], call["prompt"], call["model"]) == (
        *("17.1", "reception", "openai"),
    )
    assert call["server"] == said.json["server"]
    assert during.json == {"items": [call], "next": None}
    assert returned == ("returned", call)
    assert after.json["items"] == []
    assert said.json["turns"][0]["answer"] == "You said hello"
    assert left[0] == "hung_up"
    assert status.json["ready"] is True
    assert status.json["calls"] == 1
    (link,) = status.json["links"]
    assert (link["state"], link["application"], link["connects"]) == ("ready", app, 1)
    assert status.json["database"] == {"kind": "sqlite", "writable": True}
    assert status.json["models"]["default"] == "openai:stub"


async def test_the_end_of_a_bridge(tmp_path: Path, stub: ModelStub) -> None:
    """A turn in hand is answered, new ones are refused, and who watches the calls is let go."""
    stub.delay = 1.0
    async with FakeAsterisk() as fake:
        settings = make_settings(fake, stub, tmp_path, dialogari_api_key=SecretStr(KEY))
        async with (
            asyncio.timeout(15),
            running_bridge(settings) as bridge,
            ApiClient(f"http://127.0.0.1:{bridge.web_port}/api/v1") as api,
            aclosing(api.stream("GET", "/calls/stream")) as stream,
            asyncio.TaskGroup() as tasks,
        ):
            await anext(stream)
            turn = tasks.create_task(api.post("/turns", {"text": "hello"}))
            while not stub.asked:
                await asyncio.sleep(0.01)
            bridge.stop()
            late = await api.post("/turns", {"text": "hello"})
            rest = [event async for event in stream]

    assert turn.result().json["text"] == "You said hello"
    assert (late.status, late.json["code"]) == (503, "not_ready")
    assert rest == []
