"""Events decode into typed structs, and nothing that Asterisk says is lost or fatal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogari.ari.models import (
    ApplicationReplaced,
    Channel,
    ChannelUserevent,
    Event,
    FrameError,
    StasisStart,
    TextMessage,
    UnknownEvent,
    decode_event,
)

DATA = Path(__file__).parent / "data"
FRAMES = (DATA / "events-22.jsonl").read_text(encoding="utf-8").splitlines()
"""One frame of each type that a session with subscribeAll on 22.10.1 brought."""
STARTS = sorted(DATA.glob("stasisstart-*.json"))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def start_frame(**changes: Any) -> dict[str, Any]:
    """Return the StasisStart recorded on 22.10 with some fields changed."""
    return {**json.loads((DATA / "stasisstart-22.json").read_text(encoding="utf-8")), **changes}


def channel(channel_id: str) -> dict[str, Any]:
    """Return a channel's JSON."""
    return {**start_frame()["channel"], "id": channel_id}


def decoded(**fields: Any) -> Event | UnknownEvent:
    """Decode an event made of these fields."""
    shared = {"application": "app", "timestamp": "2026-11-22T09:44:01.000+0000"}
    return decode_event(json.dumps({**shared, **fields}))


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: json.loads(frame)["type"])
def test_recorded_events(frame: str) -> None:
    """Every event that a real Asterisk sent is known, with no field left over and none lost."""
    event = decode_event(frame)

    assert isinstance(event, Event)
    assert event.type == json.loads(frame)["type"]
    assert event.frame == frame
    assert event.extra() == {}
    made_by_hand = msgspec.structs.replace(event, frame="")
    assert json.loads(msgspec.json.encode(made_by_hand)) == json.loads(frame)


@pytest.mark.parametrize("path", STARTS, ids=lambda path: path.stem)
def test_recorded_starts(path: Path) -> None:
    """A StasisStart of 16 and of 22, from a SIP phone or not, gives its arguments and channel."""
    told = json.loads(path.read_bytes())

    event = decode_event(path.read_bytes())

    assert isinstance(event, StasisStart)
    assert event.args == told["args"]
    assert event.channel.caller.number == told["channel"]["caller"]["number"]
    assert event.application == "ai-bridge"
    assert event.keys() == (f"channel:{told['channel']['id']}",)


def test_all_events_are_there() -> None:
    """All 45 event types of 22.10 are in the union, RESTResponse among them."""
    names = {kind.__name__ for kind in Event.__subclasses__()}

    assert len(names) == 45
    assert {"StasisStart", "RESTResponse", "ApplicationReplaced", "CallBroadcast"} <= names


def test_unknown_type_is_kept() -> None:
    """An event of a type nobody has described keeps all its data and its channels."""
    event = decoded(type="Novelty", held=channel("a"), more=[{"inner": channel("b")}, "a"])

    assert isinstance(event, UnknownEvent)
    assert event.type == "Novelty"
    assert event.application == "app"
    assert event.data["more"][0]["inner"]["id"] == "b"
    assert event.keys() == ("channel:a", "channel:b")


@pytest.mark.parametrize(
    "changes", [{"args": "no list"}, {"channel": None}, {"type": 5}, {"timestamp": 12}]
)
def test_misfit_is_kept(changes: dict[str, Any]) -> None:
    """A known event whose fields have other types is kept as an unknown one, whole."""
    frame = start_frame(**changes)

    event = decode_event(json.dumps(frame))

    assert isinstance(event, UnknownEvent)
    assert event.data == frame


def test_missing_type_is_kept() -> None:
    """An object that names no type is an event without a name."""
    event = decoded(channel=channel("a"))

    assert isinstance(event, UnknownEvent)
    assert event.type == ""


def test_extra_fields_are_reachable() -> None:
    """What a newer Asterisk adds, at the top or inside an object, is in `extra`."""
    newer = channel("a")
    newer["dialplan"] = {**newer["dialplan"], "label": "start"}
    frame = json.dumps(start_frame(channel=newer, novelty=[1], **{"": "x"}))

    event = decode_event(frame)

    assert isinstance(event, StasisStart)
    assert event.channel.id == "a"
    assert event.extra() == {
        "": "x",
        "novelty": [1],
        "channel": {"dialplan": {"label": "start"}},
    }


@pytest.mark.parametrize(
    "frame", ["", "nope", "{", "[]", "5", '"x"', "null", b"\xff\xfe", b'{"\xff']
)
def test_no_object_is_refused(frame: str | bytes) -> None:
    """What is no JSON object raises FrameError, a ValueError that does not quote the frame."""
    with pytest.raises(FrameError) as caught:
        decode_event(frame)

    assert isinstance(caught.value, ValueError)
    assert "nope" not in str(caught.value)


def test_too_deep_is_refused() -> None:
    """Nesting beyond what Python can decode raises FrameError, not RecursionError."""
    with pytest.raises(FrameError):
        decode_event('{"userevent":' * 100_000 + "1" + "}" * 100_000)


@given(st.dictionaries(st.text(), JSON, max_size=6), st.sampled_from([None, "StasisStart", "Dial"]))
def test_any_object_decodes(fields: dict[str, Any], kind: str | None) -> None:
    """No JSON object raises, whatever is in it."""
    if kind is not None:
        fields = {**fields, "type": kind}

    event = decode_event(json.dumps(fields))

    assert isinstance(event, UnknownEvent)
    assert event.type == (kind or fields.get("type", ""))
    assert event.keys() == ()


def test_bytes_and_text_are_alike() -> None:
    """A frame may be text or bytes; both give the same fields, accents and emoji too."""
    frame = json.dumps(start_frame(args=["¿qué? 😀"]), ensure_ascii=False)

    from_text, from_bytes = decode_event(frame), decode_event(frame.encode())

    assert isinstance(from_text, StasisStart)
    assert from_text.args == ["¿qué? 😀"]
    assert isinstance(from_bytes, StasisStart)
    assert repr(from_text) == repr(from_bytes)
    assert "frame" not in repr(from_text)
    assert from_bytes.extra() == {}


def test_dates_stay_text() -> None:
    """A date is the text that Asterisk wrote, which Python can read; an odd one costs no event."""
    event, odd = (decoded(type="ApplicationReplaced", **date) for date in ({}, {"timestamp": "?"}))

    assert isinstance(event, ApplicationReplaced)
    assert datetime.fromisoformat(event.timestamp) == datetime(2026, 11, 22, 9, 44, 1, tzinfo=UTC)
    assert isinstance(odd, ApplicationReplaced)


def test_keywords_are_renamed() -> None:
    """A field named by a Python keyword has an underscore, in Python only."""
    text = '{"from":"a","to":"b","body":"c"}'

    message = msgspec.json.decode(text, type=TextMessage)

    assert message.from_ == "a"
    assert json.loads(msgspec.json.encode(message)) == json.loads(text)


def test_models_are_read_only() -> None:
    """A decoded object can't be changed: several readers may hold it."""
    held = msgspec.convert(channel("a"), Channel)

    with pytest.raises(AttributeError):
        setattr(held, "id", "b")  # noqa: B010 - the type checker refuses a plain assignment


BRIDGE = next(json.loads(frame) for frame in FRAMES if '"BridgeCreated"' in frame)["bridge"]
ENDPOINT: dict[str, Any] = {"technology": "PJSIP", "resource": "alice", "channel_ids": []}
CONTACT = {"uri": "sip:a", "contact_status": "Reachable", "aor": "a"}
DEVICE = {"name": "PJSIP/alice", "state": "INUSE"}


def bridge(name: str) -> dict[str, Any]:
    """Return a bridge as Asterisk tells it."""
    return {**BRIDGE, "id": name}


def playback(target: str) -> dict[str, Any]:
    """Return a playback as Asterisk tells it."""
    return {"id": "p", "media_uri": "sound:x", "target_uri": target, "state": "playing"}


def recording(target: str) -> dict[str, Any]:
    """Return a recording as Asterisk tells it."""
    return {"name": "r/1", "format": "wav", "target_uri": target, "state": "done"}


KEYS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"type": "StasisStart", "args": [], "channel": channel("a")}, ("channel:a",)),
    (
        {
            "type": "StasisStart",
            "args": [],
            "channel": channel("a"),
            "replace_channel": channel("b"),
        },
        ("channel:a", "channel:b"),
    ),
    (
        {"type": "Dial", "dialstatus": "", "caller": channel("a"), "peer": channel("a")},
        ("channel:a",),
    ),
    ({"type": "Dial", "dialstatus": "", "peer": channel("p")}, ("channel:p",)),
    ({"type": "ChannelVarset", "variable": "GLOBAL", "value": ""}, ()),
    (
        {"type": "ChannelVarset", "variable": "A", "value": "", "channel": channel("a")},
        ("channel:a",),
    ),
    ({"type": "ApplicationReplaced"}, ()),
    (
        {"type": "ChannelEnteredBridge", "bridge": bridge("b"), "channel": channel("a")},
        ("channel:a", "bridge:b"),
    ),
    ({"type": "BridgeDestroyed", "bridge": bridge("b")}, ("bridge:b",)),
    (
        {"type": "BridgeMerged", "bridge": bridge("b"), "bridge_from": bridge("c")},
        ("bridge:b", "bridge:c"),
    ),
    (
        {"type": "PlaybackStarted", "playback": playback("channel:a:b")},
        ("playback:p", "channel:a:b"),
    ),
    ({"type": "PlaybackFinished", "playback": playback("bridge:b")}, ("playback:p", "bridge:b")),
    (
        {"type": "RecordingFinished", "recording": recording("channel:a")},
        ("recording:r/1", "channel:a"),
    ),
    (
        {"type": "ContactStatusChange", "endpoint": ENDPOINT, "contact_info": CONTACT},
        ("endpoint:PJSIP/alice",),
    ),
    ({"type": "DeviceStateChanged", "device_state": DEVICE}, ("device:PJSIP/alice",)),
    (
        {
            "type": "ChannelTransfer",
            "refer_to": {"requested_destination": {}, "destination_channel": channel("d")},
            "referred_by": {"source_channel": channel("s")},
        },
        ("channel:d", "channel:s"),
    ),
    (
        {
            "type": "ChannelUserevent",
            "eventname": "e",
            "userevent": {},
            "channel": channel("a"),
            "bridge": bridge("b"),
            "endpoint": ENDPOINT,
        },
        ("channel:a", "bridge:b", "endpoint:PJSIP/alice"),
    ),
]


@pytest.mark.parametrize(("fields", "expected"), KEYS)
def test_keys(fields: dict[str, Any], expected: tuple[str, ...]) -> None:
    """An event names all it is about, each once, channels first."""
    event = decoded(**fields)

    assert isinstance(event, Event)
    assert event.keys() == expected


@pytest.mark.parametrize(("fields", "expected"), KEYS)
def test_keys_of_the_unknown(fields: dict[str, Any], expected: tuple[str, ...]) -> None:
    """An event of a type that nobody has described names the same."""
    event = decoded(**{**fields, "type": "Novelty"})

    assert isinstance(event, UnknownEvent)
    assert set(event.keys()) == set(expected)


def test_user_event_of_a_channel() -> None:
    """A user event keeps any JSON that its sender put in."""
    event = decoded(type="ChannelUserevent", eventname="e", userevent={"a": {"b": [1, None]}})

    assert isinstance(event, ChannelUserevent)
    assert event.userevent == {"a": {"b": [1, None]}}
    assert event.extra() == {}
