"""What a real Asterisk, the newest or the oldest, says of anything that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ari_serving import Operation, connect_to
from dialogari.ari import NotFound, NotFoundKind
from dialogari.ari.operations import (
    Applications,
    Asterisk,
    Bridges,
    Channels,
    Endpoints,
    Events,
    Mailboxes,
    Playbacks,
    Recordings,
    Sounds,
)

if TYPE_CHECKING:
    from dialogari.ari.request import Send
    from dialogari.sandbox.asterisk import Asterisk as Sandbox

ABSENT: list[tuple[Operation, NotFoundKind]] = [
    (lambda s: Channels(s).play("x", "sound:x"), NotFoundKind.CHANNEL),
    (lambda s: Channels(s).dial("x"), NotFoundKind.CHANNEL),
    (lambda s: Applications(s).subscribe("x", "channel:x"), NotFoundKind.APPLICATION),
    (lambda s: Bridges(s).get("x"), NotFoundKind.BRIDGE),
    (lambda s: Bridges(s).destroy("x"), NotFoundKind.BRIDGE),
    (lambda s: Bridges(s).add_channel("x", ["x"]), NotFoundKind.BRIDGE),
    (lambda s: Bridges(s).play("x", "sound:x"), NotFoundKind.BRIDGE),
    (lambda s: Playbacks(s).get("x"), NotFoundKind.PLAYBACK),
    (lambda s: Playbacks(s).stop("x"), NotFoundKind.PLAYBACK),
    (lambda s: Playbacks(s).control("x", "pause"), NotFoundKind.PLAYBACK),
    (lambda s: Recordings(s).get_live("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).stop("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).unpause("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).get_stored("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).get_stored_file("x"), NotFoundKind.RECORDING),
    (lambda s: Recordings(s).copy_stored("x", "y"), NotFoundKind.RECORDING),
    (lambda s: Endpoints(s).list_by_tech("it's"), NotFoundKind.ENDPOINT),
    (lambda s: Endpoints(s).get("PJSIP", "x"), NotFoundKind.ENDPOINT),
    (
        lambda s: Endpoints(s).send_message_to_endpoint("PJSIP", "x", "sip:a", body="b"),
        NotFoundKind.ENDPOINT,
    ),
    (lambda s: Endpoints(s).send_message("pjsip:x", "sip:a", body="b"), NotFoundKind.ENDPOINT),
    (lambda s: Sounds(s).get("x"), NotFoundKind.SOUND),
    (lambda s: Sounds(s).list(lang="xx"), NotFoundKind.SOUND),
    (lambda s: Asterisk(s).get_module("x.so"), NotFoundKind.MODULE),
    (lambda s: Asterisk(s).unload_module("x.so"), NotFoundKind.MODULE),
    (lambda s: Asterisk(s).reload_module("x.so"), NotFoundKind.MODULE),
    (lambda s: Asterisk(s).delete_log("x"), NotFoundKind.LOG),
    (lambda s: Asterisk(s).get_object("res_pjsip", "aor", "it's"), NotFoundKind.OBJECT),
    (lambda s: Asterisk(s).get_object("res_pjsip", "x", "x"), NotFoundKind.OBJECT),
    (lambda s: Asterisk(s).get_object("x", "x", "x"), NotFoundKind.OBJECT),
    # Debian's Asterisks have no res_mwi_external.
    (lambda s: Mailboxes(s).list(), NotFoundKind.RESOURCE),
    (lambda s: Mailboxes(s).update("x", 1, 2), NotFoundKind.RESOURCE),
]
OFFER: Operation = lambda s: Events(s).claim_channel("x", "app")  # noqa: E731 - a row like those above


@pytest.mark.parametrize(("operation", "kind"), ABSENT)
async def test_what_is_not_there(send: Send, operation: Operation, kind: NotFoundKind) -> None:
    """What a real Asterisk says of anything that is not there tells what it is about."""
    with pytest.raises(NotFound) as caught:
        await operation(send)

    assert caught.value.kind is kind


async def test_no_call_on_offer(real: Sandbox, real_16: Sandbox) -> None:
    """A call that is not on offer is told from an Asterisk that offers none."""
    for pbx, kind in ((real, NotFoundKind.OFFER), (real_16, NotFoundKind.RESOURCE)):
        async with connect_to(pbx, "nobody") as client:
            with pytest.raises(NotFound) as caught:
                await OFFER(client.session.send)

        assert caught.value.kind is kind
