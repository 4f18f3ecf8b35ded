"""Playing goes on FakeAsterisk as on a real one: each check runs on both."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dialogari.ari.models import Playback
from either_pbx import FakePhone, call

if TYPE_CHECKING:
    from either_pbx import Client, Phone

SECOND = "sound:silence/1"
LONG = "sound:silence/5"


def told(client: Client) -> list[tuple[str, str, str]]:
    """Return type, playback and state of all events about playbacks."""
    return [
        (event["type"], event["playback"]["id"], event["playback"]["state"])
        for event in client.seen
        if "playback" in event
    ]


async def test_play(phone: Phone, client: Client) -> None:
    """A playback begins, lasts as long as its sound and ends; then it is not known any more."""
    path = await call(phone, client)

    begun = await client.send("POST", f"{path}/play/{client.app}", {"media": SECOND})
    await client.event("PlaybackStarted")
    started = time.monotonic()
    shown = await client.send("GET", f"playbacks/{client.app}")
    finished = await client.event("PlaybackFinished")
    seconds = time.monotonic() - started
    gone = await client.send("GET", f"playbacks/{client.app}")

    assert begun.status == 201
    # A real one may have begun before it answers.
    waiting = {**begun.body, "state": "queued"}
    assert begun.body["state"] in ("queued", "playing")
    assert msgspec.convert(waiting, Playback) == Playback(
        id=client.app,
        media_uri=SECOND,
        target_uri=path.replace("channels/", "channel:"),
        language="en",
        state="queued",
    )
    assert shown.body == {**waiting, "state": "playing"}
    assert finished["playback"] == {**waiting, "state": "done"}
    assert seconds > 0.8
    assert (gone.status, gone.message) == (404, "Playback not found")


async def test_several_media(phone: Phone, client: Client) -> None:
    """Several media are one playback; a text in the body is one medium, commas or not."""
    path = await call(phone, client)

    media = ["sound:missing", SECOND]
    await client.send("POST", f"{path}/play/{client.app}", {"media": media})
    await client.event("PlaybackFinished")
    wrong = {"media": ",".join([SECOND] * 2)}
    wrong_media = {"media": wrong["media"]}
    await client.send("POST", f"{path}/play/w{client.app}", wrong_media)
    await client.listen()

    assert told(client)[:4] == [
        ("PlaybackStarted", client.app, "playing"),
        ("PlaybackContinuing", client.app, "continuing"),
        ("PlaybackStarted", client.app, "playing"),
        ("PlaybackFinished", client.app, "done"),
    ]
    first, continuing, second = (client.of_type("PlaybackStarted")[0], *client.seen[2:4])
    assert first["playback"]["next_media_uri"] == SECOND
    assert continuing["playback"]["media_uri"] == "sound:missing"
    assert second["playback"]["media_uri"] == SECOND
    assert "next_media_uri" not in second["playback"]


async def test_stopping(phone: Phone, client: Client) -> None:
    """A playback that is stopped is done, and the next one begins; one that waits never does."""
    path = await call(phone, client)
    names = [f"{client.app}-{number}" for number in range(3)]

    for name in names:
        await client.send("POST", f"{path}/play/{name}", {"media": LONG})
    waiting = await client.send("GET", f"playbacks/{names[1]}")
    stopped = [await client.send("DELETE", f"playbacks/{name}") for name in (names[1], names[0])]
    await client.event("PlaybackStarted", number=2)
    again = await client.send("DELETE", f"playbacks/{names[0]}")

    assert waiting.body["state"] == "queued"
    assert [answer.status for answer in stopped] == [204, 204]
    assert (again.status, again.message) == (404, "Playback not found")
    assert told(client) == [
        ("PlaybackStarted", names[0], "playing"),
        ("PlaybackFinished", names[0], "done"),
        ("PlaybackFinished", names[1], "done"),
        ("PlaybackStarted", names[2], "playing"),
    ]


@pytest.mark.parametrize("how", ["caller", "application"])
async def test_hang_up_while_playing(phone: Phone, client: Client, how: str) -> None:
    """With a hang-up what plays fails, what waits begins and fails, and StasisEnd is last."""
    path = await call(phone, client)
    for name in ("a", "b"):
        await client.send("POST", f"{path}/play/{name}{client.app}", {"media": LONG})
    await client.event("PlaybackStarted")

    if how == "caller":
        await phone.hang_up()
    else:
        await client.send("DELETE", path)
    await client.event("StasisEnd")

    assert [event["type"] for event in client.seen[1:]] == [
        "PlaybackStarted",
        "ChannelHangupRequest",
        "PlaybackFinished",
        "PlaybackStarted",
        "PlaybackFinished",
        "StasisEnd",
    ]
    assert told(client)[1:] == [
        ("PlaybackFinished", f"a{client.app}", "failed"),
        ("PlaybackStarted", f"b{client.app}", "playing"),
        ("PlaybackFinished", f"b{client.app}", "failed"),
    ]


async def test_commands_wait_for_the_playback(phone: Phone, client: Client) -> None:
    """While something plays, `continue` waits, and so does the answer to a set variable."""
    path = await call(phone, client)
    await client.send("POST", f"{path}/play", {"media": SECOND})
    started = time.monotonic()

    going = await client.send("POST", f"{path}/continue")
    early = time.monotonic() - started
    await client.send("POST", f"{path}/variable", {"variable": "A", "value": "1"})
    late = time.monotonic() - started
    await client.event("StasisEnd")

    assert going.status == 204
    assert early < 0.8 < late
    types = [event["type"] for event in client.seen if event["type"] != "StasisStart"]
    assert types == ["PlaybackStarted", "PlaybackFinished", "ChannelVarset", "StasisEnd"]


@pytest.mark.parametrize("media", ["recording:none", "nonsense:x", "nonsense"])
async def test_what_never_ends(phone: Phone, client: Client, media: str) -> None:
    """A recording that is not there, or an unknown scheme, begins and is forgotten silently."""
    path = await call(phone, client)

    begun = await client.send("POST", f"{path}/play/{client.app}", {"media": media})
    await client.event("PlaybackStarted")
    await client.listen()
    gone = await client.send("GET", f"playbacks/{client.app}")

    assert begun.status == 201
    assert gone.status == 404
    assert told(client) == [("PlaybackStarted", client.app, "playing")]


async def test_control(phone: Phone, client: Client) -> None:
    """What plays can be paused, and goes on; what waits can't, and some things nobody can."""
    path = await call(phone, client)
    for name in ("a", "b"):
        await client.send("POST", f"{path}/play/{name}{client.app}", {"media": LONG})
    await client.event("PlaybackStarted")
    control = f"playbacks/a{client.app}/control?operation="

    paused = await client.send("POST", f"{control}pause")
    shown = await client.send("GET", f"playbacks/a{client.app}")
    going = await client.send("POST", f"{control}unpause")
    await client.event("PlaybackStarted", number=2)
    waiting = await client.send("POST", f"playbacks/b{client.app}/control?operation=pause")
    wrong = await client.send("POST", f"{control}stop")
    missing = await client.send("POST", f"playbacks/a{client.app}/control")
    unknown = await client.send("POST", "playbacks/none/control?operation=pause")

    assert [paused.status, going.status, shown.body["state"]] == [204, 204, "paused"]
    assert (waiting.status, waiting.message) == (409, "Can only pause while media is playing")
    assert (wrong.status, wrong.message) == (400, "Invalid operation stop")
    assert (missing.status, missing.message) == (400, "Missing operation")
    assert (unknown.status, unknown.message) == (404, "Playback not found")


@pytest.mark.parametrize("body", [{}, {"media": ""}])
async def test_nothing_to_play(phone: Phone, client: Client, body: dict[str, Any]) -> None:
    """Without media there is no playback."""
    path = await call(phone, client)

    answer = await client.send("POST", f"{path}/play", body)

    assert (answer.status, answer.message) == (500, "Failed to queue media for playback")


@pytest.mark.parametrize("media", ["digits:123", "number:123", "characters:abc"])
async def test_what_is_said_to_its_end(phone: Phone, client: Client, media: str) -> None:
    """What is said can't be stopped or steered, and what comes after it is played."""
    if isinstance(phone, FakePhone):
        phone.server.sounds[media] = 0.5
    path = await call(phone, client)
    await client.send("POST", f"{path}/play/{client.app}", {"media": [media, "tone:ring"]})
    await client.event("PlaybackStarted")

    stopped = await client.send("DELETE", f"playbacks/{client.app}")
    paused = await client.send("POST", f"playbacks/{client.app}/control?operation=pause")
    await client.event("PlaybackStarted", number=2)

    assert (stopped.status, stopped.message) == (500, "Could not stop playback")
    assert (paused.status, paused.message) == (500, "Could not pause playback")


async def test_a_tone_of_several(phone: Phone, client: Client) -> None:
    """A tone that is stopped is followed by what comes after it."""
    path = await call(phone, client)
    media = ["tone:ring", "tone:busy"]
    await client.send("POST", f"{path}/play/{client.app}", {"media": media})
    await client.event("PlaybackStarted")

    stopped = [await client.send("DELETE", f"playbacks/{client.app}")]
    await client.event("PlaybackStarted", number=2)
    stopped.append(await client.send("DELETE", f"playbacks/{client.app}"))
    finished = await client.event("PlaybackFinished")

    assert [answer.status for answer in stopped] == [204, 204]
    assert finished["playback"]["media_uri"] == "tone:busy"
