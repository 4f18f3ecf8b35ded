"""What each operation sends, where the descriptions are no plain rule, and what it returns."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from ari_serving import Operation, made
from dialogari.ari import UnexpectedAnswer
from dialogari.ari.models import AsteriskPing, Channel, ConfigTuple, Variables
from dialogari.ari.operations import (
    Applications,
    Asterisk,
    Bridges,
    Channels,
    DeviceStates,
    Endpoints,
    Events,
    Mailboxes,
    Recordings,
)
from dialogari.ari.request import Request, Response, Send

VARIABLE = b'{"value":""}'
CHANNEL = b"""{"id":"1","name":"a","state":"Up","protocol_id":"","caller":{"name":"","number":""},
"connected":{"name":"","number":""},"accountcode":"","dialplan":{"context":"","exten":"",
"priority":1,"app_name":"","app_data":""},"creationtime":"","language":"en"}"""
PLAYBACK = b'{"id":"p","media_uri":"sound:x","target_uri":"channel:1","state":"queued"}'
RECORDING = b'{"name":"r","format":"wav","target_uri":"channel:1","state":"queued"}'
APPLICATION = b"""{"name":"a","channel_ids":[],"bridge_ids":[],"endpoint_ids":[],"device_names":[],
"events_allowed":[],"events_disallowed":[]}"""


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("1795342565.1", "1795342565.1"),
        ("pbx-1.1;2", "pbx-1.1%3B2"),
        ("a/b?c#d&e", "a%2Fb%3Fc%23d%26e"),
        ("100%41", "100%2541"),
        ("two words+ñ", "two%20words%2B%C3%B1"),
        ("..", ".."),
    ],
)
async def test_names_in_paths(name: str, segment: str) -> None:
    """A name stays one segment of a path, or one value of a query, whatever characters it has."""
    path = (await made(lambda send: Channels(send).hangup(name))).path
    query = (await made(lambda send: Channels(send).get_channel_var("1", name), VARIABLE)).path

    assert path == f"channels/{segment}"
    assert query == f"channels/1/variable?variable={segment}"


IRREGULAR: list[tuple[Operation, bytes, str, str, Any]] = [
    # Nothing given: no body at all, no question mark.
    (lambda s: Channels(s).continue_in_dialplan("1"), b"", "POST", "channels/1/continue", None),
    (lambda s: Channels(s).hangup("1"), b"", "DELETE", "channels/1", None),
    (
        lambda s: Channels(s).hangup("1", reason="busy"),
        b"",
        "DELETE",
        "channels/1?reason=busy",
        None,
    ),
    # The ...WithId twins differ in the path only; all else stands in the body, not in the query.
    (
        lambda s: Channels(s).originate("PJSIP/a", app="x", app_args="a,b", channel_id="1"),
        CHANNEL,
        "POST",
        "channels",
        {"endpoint": "PJSIP/a", "app": "x", "appArgs": "a,b", "channelId": "1"},
    ),
    (
        lambda s: Channels(s).originate_with_id(
            "1", "PJSIP/a", context="c", extension="s", priority=1, caller_id="", timeout=-1
        ),
        CHANNEL,
        "POST",
        "channels/1",
        {
            "endpoint": "PJSIP/a",
            "context": "c",
            "extension": "s",
            "priority": 1,
            "callerId": "",
            "timeout": -1,
        },
    ),
    # `variables` and `fields` are wrapped, the filter is not.
    (
        lambda s: Channels(s).set_channel_vars("1", {"A": "1", "B": {"value": "2"}}),
        b"",
        "POST",
        "channels/1/variables",
        {"variables": {"A": "1", "B": {"value": "2"}}},
    ),
    (
        lambda s: Asterisk(s).update_object(
            "m", "aor", "a", fields=[ConfigTuple(attribute="x", value="y")]
        ),
        b"[]",
        "PUT",
        "asterisk/config/dynamic/m/aor/a",
        {"fields": [{"attribute": "x", "value": "y"}]},
    ),
    (
        lambda s: Applications(s).filter("a", filter={"disallowed": [{"type": "Dial"}]}),
        APPLICATION,
        "PUT",
        "applications/a/eventFilter",
        {"disallowed": [{"type": "Dial"}]},
    ),
    (lambda s: Applications(s).filter("a"), APPLICATION, "PUT", "applications/a/eventFilter", None),
    # The variables of a user event are any JSON.
    (
        lambda s: Events(s).user_event("e", "a", variables={"x": {"y": [1, None]}}),
        b"",
        "POST",
        "events/user/e",
        {"application": "a", "variables": {"x": {"y": [1, None]}}},
    ),
    # Several values: a list in a body, commas in a query.
    (
        lambda s: Channels(s).play_with_id("1", "p", ["sound:a,b", "tone:c"]),
        PLAYBACK,
        "POST",
        "channels/1/play/p",
        {"media": ["sound:a,b", "tone:c"]},
    ),
    (
        lambda s: Channels(s).play_with_id("1", "p", "sound:a,b", skipms=0),
        PLAYBACK,
        "POST",
        "channels/1/play/p",
        {"media": "sound:a,b", "skipms": 0},
    ),
    (
        lambda s: Applications(s).unsubscribe("a", ["bridge:b", "deviceState:d"]),
        APPLICATION,
        "DELETE",
        "applications/a/subscription?eventSource=bridge%3Ab%2CdeviceState%3Ad",
        None,
    ),
    (
        lambda s: Bridges(s).get_bridge_vars("b", "A"),
        b'{"variables":{}}',
        "GET",
        "bridges/b/variables?variables=A",
        None,
    ),
    (
        lambda s: Asterisk(s).get_info(only=["build", "status"]),
        b"{}",
        "GET",
        "asterisk/info?only=build%2Cstatus",
        None,
    ),
    # A name that is a keyword of Python's, a body named body, and PUT's parameters in the body.
    (
        lambda s: Endpoints(s).send_message("pjsip:a", "sip:b", body="hi", variables={"X": "1"}),
        b"",
        "PUT",
        "endpoints/sendMessage",
        {"to": "pjsip:a", "from": "sip:b", "body": "hi", "variables": {"X": "1"}},
    ),
    (
        lambda s: Endpoints(s).refer_to_endpoint("PJSIP", "a", "sip:b", "sip:c", to_self=False),
        b"",
        "POST",
        "endpoints/PJSIP/a/refer",
        {"from": "sip:b", "refer_to": "sip:c", "to_self": False},
    ),
    (
        lambda s: DeviceStates(s).update("Stasis:x", "BUSY"),
        b"",
        "PUT",
        "deviceStates/Stasis%3Ax",
        {"deviceState": "BUSY"},
    ),
    (
        lambda s: Mailboxes(s).update("1@a", 0, 7),
        b"",
        "PUT",
        "mailboxes/1%40a",
        {"oldMessages": 0, "newMessages": 7},
    ),
    (
        lambda s: Channels(s).record("1", "r", "wav", terminate_on="#", beep=True),
        RECORDING,
        "POST",
        "channels/1/record",
        {"name": "r", "format": "wav", "beep": True, "terminateOn": "#"},
    ),
]


@pytest.mark.parametrize(("operation", "answer", "method", "path", "body"), IRREGULAR)
async def test_request(
    operation: Operation, answer: bytes, method: str, path: str, body: object
) -> None:
    """Each kind of irregularity of the descriptions is met by the right request."""
    request = await made(operation, answer)

    assert (request.method, request.path) == (method, path)
    assert (msgspec.json.decode(request.body) if request.body else None) == body


async def test_values_are_strings_in_the_body() -> None:
    """Variables travel in the body, as strings and in their order."""
    values = {"B": "1", "A": "true", "C": 'é"\n'}

    one = await made(lambda send: Channels(send).set_channel_var("1", "A", value="7"))
    several = await made(lambda send: Channels(send).set_channel_vars("1", values))

    assert msgspec.json.decode(one.body) == {"variable": "A", "value": "7"}
    assert list(msgspec.json.decode(several.body)["variables"].items()) == list(values.items())


@pytest.mark.parametrize("value", [7, None, True, {"value": 7}, {}, ["x"]])
async def test_no_text(value: object) -> None:
    """A value that is no text, which Asterisk would take for none, is refused before sending."""
    variables = cast("dict[str, str]", {"GOOD": "x", "BAD": value})

    with pytest.raises(TypeError, match="BAD"):
        await made(lambda send: Channels(send).set_channel_vars("1", variables))


@pytest.mark.parametrize("value", ["a,b", ["c", "a,b"]])
async def test_comma(value: str | list[str]) -> None:
    """In a query a value with a comma would be two: it is refused before sending."""
    with pytest.raises(ValueError, match="variables"):
        await made(lambda send: Channels(send).get_channel_vars("1", value))


async def test_only_what_changes_nothing_twice_is_repeatable() -> None:
    """A lost answer is met by sending again, but never for `continue` or a new call."""

    async def repeatable(operation: Operation, answer: bytes = b"{}") -> bool:
        return (await made(operation, answer)).repeatable

    assert await repeatable(lambda s: Channels(s).get("1"), CHANNEL)
    assert await repeatable(lambda s: Channels(s).set_channel_vars("1", {}))
    assert await repeatable(lambda s: Channels(s).hangup("1"))
    assert await repeatable(lambda s: Channels(s).answer("1"))
    assert not await repeatable(lambda s: Channels(s).continue_in_dialplan("1"))
    assert not await repeatable(lambda s: Channels(s).originate_with_id("1", "a"), CHANNEL)
    assert not await repeatable(lambda s: Channels(s).send_dtmf("1", dtmf="1"))
    assert not await repeatable(lambda s: Channels(s).play("1", "sound:a"), PLAYBACK)
    assert not await repeatable(lambda s: Endpoints(s).send_message("a", "b", body="c"))


async def test_what_stays_off_the_socket() -> None:
    """Long lists, files and what takes its time go over HTTP, so that nothing waits behind."""
    assert (await made(lambda s: Channels(s).list(), b"[]")).over_http
    assert (await made(lambda s: Recordings(s).get_stored_file("r"))).over_http
    assert (await made(lambda s: Asterisk(s).reload_module("m"))).over_http
    assert not (await made(lambda s: Channels(s).answer("1"))).over_http


def answering(body: bytes) -> Send:
    """Return a way to send that answers so."""

    async def send(_: Request) -> Response:
        return Response(200, body)

    return send


async def test_what_they_return() -> None:
    """An answer is an object, a list of them, a file's bytes, or nothing."""
    channel = await Channels(answering(CHANNEL)).get("1")
    channels = await Channels(answering(b"[%s]" % CHANNEL)).list()
    variables = await Channels(answering(b'{"variables":{"A":"1"}}')).get_channel_vars("1", "A")
    file = await Recordings(answering(b"RIFF\xff")).get_stored_file("r")

    assert isinstance(channel, Channel)
    assert channels == [channel]
    assert variables == Variables(variables={"A": "1"})
    assert file == b"RIFF\xff"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"ping": "\xf1"}'])
async def test_unexpected_answer(body: bytes) -> None:
    """An answer that is not of the shape described is an error that names the shape."""
    with pytest.raises(UnexpectedAnswer, match="AsteriskPing"):
        Response(200, body).read(AsteriskPing)
    with pytest.raises(UnexpectedAnswer, match="AsteriskPing"):
        await Asterisk(answering(body)).ping()
