"""Which channels there are, asked after each connect because events are lost in a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari.errors import NotFound, RequestFailed, UnexpectedAnswer
from dialogari.ari.operations import Applications, Channels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dialogari.ari.models import Channel
    from dialogari.ari.request import Send


async def take_snapshot(send: Send, application: str, known: Iterable[str]) -> list[Channel]:
    """Return every channel, or at least those that this application has.

    Any channel of the server can spoil the whole list: it is refused with 500 while one is in a
    dialplan application whose arguments are not UTF-8 (measured on 22.10). Then the application is
    asked for its own, and each of them, and of the `known` ones, looked at alone.

    Raises:
        AriError: neither could be had.
    """
    try:
        return await Channels(send).list()
    except (RequestFailed, UnexpectedAnswer):
        return await take_own_snapshot(send, application, known)


async def take_own_snapshot(send: Send, application: str, known: Iterable[str]) -> list[Channel]:
    """Return the channels that an application is subscribed to, and those of the `known` ids.

    Raises:
        AriError: it could not be had.
    """
    try:
        ids = (await Applications(send).get(application)).channel_ids
    except NotFound:  # a call's own application goes with its last channel
        ids = []
    wanted = dict.fromkeys([*ids, *known])
    found = [await _look_up(Channels(send), channel_id) for channel_id in wanted]
    return [channel for channel in found if channel is not None]


async def _look_up(channels: Channels, channel_id: str) -> Channel | None:
    try:
        return await channels.get(channel_id)
    except (RequestFailed, UnexpectedAnswer):
        return None
