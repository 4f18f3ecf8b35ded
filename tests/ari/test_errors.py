"""Errors tell apart what Asterisk's statuses do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ari_serving import Operation, connect_to
from dialogari.ari import (
    AriError,
    ChannelGone,
    Conflict,
    GoneReason,
    InvalidState,
    NotFound,
    NotFoundKind,
    NotInStasis,
    RequestFailed,
    Server,
    Unauthorized,
    UnknownOutcome,
    Unreachable,
)
from dialogari.ari.errors import error_for, leaves
from dialogari.ari.operations import Applications, Asterisk, Channels, Events
from dialogari.ari.request import Request, Response, successful
from releases import BULK_VARIABLES

if TYPE_CHECKING:
    from either_pbx import Phone

NOBODY = "nobody-1.1"
PING = Request("GET", "asterisk/ping")
ABSENT: list[tuple[Operation, NotFoundKind]] = [
    (lambda send: Channels(send).get(NOBODY), NotFoundKind.CHANNEL),
    (lambda send: Channels(send).get_channel_var(NOBODY, "A"), NotFoundKind.CHANNEL),
    (lambda send: Channels(send).set_channel_var(NOBODY, "A"), NotFoundKind.CHANNEL),
    (lambda send: Channels(send).set_channel_var(NOBODY, "ARRAY(A)"), NotFoundKind.CHANNEL),
    (lambda send: Channels(send).continue_in_dialplan(NOBODY), NotFoundKind.CHANNEL),
    (lambda send: Channels(send).hangup(NOBODY), NotFoundKind.CHANNEL),
    (lambda send: Applications(send).get(NOBODY), NotFoundKind.APPLICATION),
    (lambda send: Events(send).user_event("x", NOBODY), NotFoundKind.APPLICATION),
    (lambda send: send(Request("GET", "nonsense")), NotFoundKind.RESOURCE),
]


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (401, "Authentication required", Unauthorized),
        (403, "Write access denied", Unauthorized),
        (404, "Channel not found", NotFound),
        (409, "Channel not in Stasis application", NotInStasis),
        (422, "Channel not in Stasis application", NotInStasis),
        (409, "Channel with given unique ID already exists", Conflict),
        (409, "Recording 'r' already exists and can not be overwritten", Conflict),
        (409, "Bridge with id 'b' already exists", Conflict),
        (409, "Channel has already been claimed by another application", Conflict),
        (409, "Recording not in session", InvalidState),
        (409, "Can only pause while media is playing", InvalidState),
        (409, "Bridge not in Stasis application", InvalidState),
        (409, "Module is already loaded", Conflict),
        (403, "Access denied by ACL", Unauthorized),
        (403, "", Unauthorized),
        (403, "Forbidden by a proxy", Unauthorized),
        (403, "Unsupported channel type", RequestFailed),
        (403, "Cannot create sorcery objects of type 'auth'", RequestFailed),
        (412, "Channel in invalid state", InvalidState),
        (400, "Variable name is required", RequestFailed),
        (500, "Allocation failed", RequestFailed),
        (503, "Asterisk not booted", RequestFailed),
    ],
)
def test_status(status: int, message: str, expected: type[AriError]) -> None:
    """Status and message together decide what an answer means."""
    error = error_for("GET x", status, message)

    assert type(error) is expected


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Channel not found", NotFoundKind.CHANNEL),
        ("Provided channel was not found", NotFoundKind.CHANNEL),
        ("Provided variable was not found", NotFoundKind.VARIABLE),
        ("Application not found", NotFoundKind.APPLICATION),
        ("Resource not found", NotFoundKind.RESOURCE),
        ("", NotFoundKind.RESOURCE),
        ("Object with id 'it's ''\n' not found", NotFoundKind.OBJECT),
        ("No Endpoints found - invalid tech ' invalid tech \n", NotFoundKind.ENDPOINT),
        ("Object with id 'Channel not found", NotFoundKind.OTHER),
        ("Novelty not found", NotFoundKind.OTHER),
    ],
)
def test_kind_of_not_found(message: str, kind: NotFoundKind) -> None:
    """What a 404 is about stands in its message alone."""
    error = error_for("GET x", 404, message)

    assert isinstance(error, NotFound)
    assert error.kind is kind


@pytest.mark.parametrize(("operation", "kind"), ABSENT)
async def test_what_is_not_there(phone: Phone, operation: Operation, kind: NotFoundKind) -> None:
    """Asterisk's own answers about what is not there are told apart."""
    async with connect_to(phone.server, "app") as client:
        with pytest.raises(NotFound) as caught:
            await operation(client.session.send)

    assert caught.value.kind is kind


@pytest.mark.parametrize("original", BULK_VARIABLES, indirect=True)
async def test_bulk_for_nobody(phone: Phone) -> None:
    """The bulk request, where there is one, tells a missing channel like every other."""
    async with connect_to(phone.server, "app") as client:
        with pytest.raises(NotFound) as caught:
            await client.session.channels.set_channel_vars(NOBODY, {"A": "1"})

    assert caught.value.kind is NotFoundKind.CHANNEL


async def test_wrong_password(phone: Phone) -> None:
    """A wrong password has an error of its own."""
    server = Server(phone.server.url, phone.server.username, "wrong")
    async with connect_to(server, "app") as client:
        with pytest.raises(Unauthorized) as caught:
            await Asterisk(client.session.send).get_info()

    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message":"Invalid state"}', "Invalid state"),
        (b'{"error":"Allocation failed"}', "Allocation failed"),
        (b"<html>Bad Request</html>", ""),
        (b"", ""),
        (b"[1]", ""),
        (b'{"message":"\xf1"}', ""),
        (b'{"message":7}', "7"),
    ],
)
def test_words_of_an_answer(body: bytes, message: str) -> None:
    """An error's words are found in any shape that servers give them, or are empty."""
    with pytest.raises(RequestFailed) as caught:
        successful(PING, Response(400, body))

    assert caught.value.message == message


def test_success() -> None:
    """An answer below 400 is handed on as it is."""
    answer = Response(204, b"")

    assert successful(PING, answer) is answer


def test_texts_say_what_to_do() -> None:
    """Each error's text names its matter; none needs its class's name to be understood."""
    texts = [
        str(Unauthorized(401)),
        str(Unauthorized(403)),
        str(Unreachable("HTTP 503 to the websocket")),
        str(UnknownOutcome("POST channels/1/continue")),
        str(NotFound("GET channels/1", 404, "Channel not found")),
        str(ChannelGone("1", GoneReason.ABSENT)),
    ]

    assert texts == [
        "Asterisk refused the ARI user name or password (HTTP 401)",
        "the ARI user is not allowed to do this (HTTP 403): is it read_only in ari.conf?",
        "Asterisk can't be reached: HTTP 503 to the websocket",
        "no answer to POST channels/1/continue",
        "GET channels/1: HTTP 404 Channel not found",
        "channel 1 is gone: absent",
    ]


def test_leaves() -> None:
    """The errors in groups of groups are found, in order."""
    one, two = ValueError("one"), ValueError("two")

    assert list(leaves(ExceptionGroup("", [ExceptionGroup("", [one]), two]))) == [one, two]
    assert list(leaves(one)) == [one]
