"""Recording goes on FakeAsterisk as on a real one: each check runs on both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dialogari.ari.models import LiveRecording
from either_pbx import LIMIT, call

if TYPE_CHECKING:
    from either_pbx import Client, Phone


async def test_record(phone: Phone, client: Client) -> None:
    """A recording runs until it is stopped, and is stored then; its name is taken meanwhile."""
    path = await call(phone, client, extension="early")
    body = {"name": client.app, "format": "wav"}
    live, stored = f"recordings/live/{client.app}", f"recordings/stored/{client.app}"

    begun = await client.send("POST", f"{path}/record", body)
    await client.event("RecordingStarted")
    shown = await client.send("GET", live)
    again = await client.send("POST", f"{path}/record", body)
    held = [await client.send(method, f"{live}/{what}") for method, what in HELD]
    stopped = await client.send("POST", f"{live}/stop")
    finished = await client.event("RecordingFinished")
    async with asyncio.timeout(LIMIT):  # the event may come a moment before it is forgotten
        while (gone := await client.send("GET", live)).status == 200:
            await asyncio.sleep(0.01)
    kept = await client.send("GET", stored)
    taken = await client.send("POST", f"{path}/record", body)
    deleted = [await client.send("DELETE", stored) for _ in range(2)]

    assert begun.status == 201
    assert msgspec.convert(begun.body, LiveRecording).state == "queued"
    assert shown.body == {**begun.body, "state": "recording"}
    assert {answer.status for answer in held} == {204}
    assert stopped.status == 204
    assert finished["recording"] == {**begun.body, "state": "done", "duration": 0}
    assert (gone.status, gone.message) == (404, "Recording not found")
    assert kept.body == {"name": client.app, "format": "wav"}
    message = f"Recording '{client.app}' already exists and can not be overwritten"
    assert {(answer.status, answer.message) for answer in (again, taken)} == {(409, message)}
    assert [answer.status for answer in deleted] == [204, 404]
    types = [event["type"] for event in client.seen]
    # An unanswered call is answered by the recording.
    assert types == ["StasisStart", "ChannelStateChange", "RecordingStarted", "RecordingFinished"]


HELD = (("POST", "pause"), ("DELETE", "pause"), ("POST", "mute"), ("DELETE", "mute"))


async def test_thrown_away(phone: Phone, client: Client) -> None:
    """A recording that is deleted while it runs ends as any other, and is not stored."""
    path = await call(phone, client)
    await client.send("POST", f"{path}/record", {"name": client.app, "format": "wav"})
    await client.event("RecordingStarted")

    await client.send("DELETE", f"recordings/live/{client.app}")
    finished = await client.event("RecordingFinished")
    kept = await client.send("GET", f"recordings/stored/{client.app}")

    assert finished["recording"]["state"] == "done"
    assert kept.status == 404


async def test_caller_hangs_up(phone: Phone, client: Client) -> None:
    """With a hang-up a recording is finished and stored, before StasisEnd."""
    path = await call(phone, client)
    for name in ("a", "b"):
        body = {"name": f"{name}{client.app}", "format": "wav"}
        await client.send("POST", f"{path}/record", body)
    await client.event("RecordingStarted")

    await phone.hang_up()
    await client.event("StasisEnd")
    kept = await client.send("GET", f"recordings/stored/a{client.app}")

    assert kept.status == 200
    assert [event["type"] for event in client.seen[1:]] == [
        "RecordingStarted",
        "ChannelHangupRequest",
        "RecordingFinished",
        "RecordingStarted",
        "RecordingFinished",
        "StasisEnd",
    ]


@pytest.mark.parametrize("digits", ["#", "7"])
async def test_key_that_ends_it(phone: Phone, client: Client, digits: str) -> None:
    """A recording may end with a key."""
    path = await call(phone, client)
    body = {"name": client.app, "format": "wav", "terminateOn": "any"}
    await client.send("POST", f"{path}/record", body)
    await client.event("RecordingStarted")

    await phone.press(digits)

    assert (await client.event("RecordingFinished"))["recording"]["state"] == "done"


REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({"format": "nope"}, 422, "specified format is unknown on this system"),
    ({"format": None}, 422, "specified format is unknown on this system"),
    ({"name": "../x"}, 500, "Error parsing request"),
    ({"name": None}, 500, "Error parsing request"),
    ({"ifExists": "nope"}, 400, "ifExists invalid"),
    ({"terminateOn": "x"}, 400, "terminateOn invalid"),
    ({"maxDurationSeconds": -1}, 400, "max_duration_seconds cannot be negative"),
]


@pytest.mark.parametrize(("change", "status", "message"), REFUSALS)
async def test_refusals(
    phone: Phone, client: Client, change: dict[str, Any], status: int, message: str
) -> None:
    """What can't be recorded is refused in Asterisk's words."""
    path = await call(phone, client)
    body = {"name": client.app, "format": "wav", **change}
    given = {name: value for name, value in body.items() if value is not None}

    answer = await client.send("POST", f"{path}/record", given)

    assert (answer.status, answer.message) == (status, message)
