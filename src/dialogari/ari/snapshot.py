"""Which channels there are, asked after each connect because Asterisk repeats no event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari import operations
from dialogari.ari.errors import RequestFailed, UnexpectedAnswer
from dialogari.ari.models import Application, Channel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dialogari.ari.request import Request, Response

    Send = Callable[[Request], Awaitable[Response]]


async def take_snapshot(send: Send, application: str) -> list[Channel]:
    """Return every channel, or at least those that this application has.

    Any channel of the server can spoil the whole list: it is refused with 500 while one is in a
    dialplan application whose arguments are not UTF-8 (measured on 22.10). Then the application is
    asked for its own, and each of them looked at alone.

    Raises:
        AriError: neither could be had.
    """
    try:
        return (await send(operations.list_channels())).read(list[Channel])
    except (RequestFailed, UnexpectedAnswer):
        answer = await send(operations.get_application(application))
        ids = answer.read(Application).channel_ids
        channels = [await _look_up(send, channel_id) for channel_id in ids]
        return [channel for channel in channels if channel is not None]


async def _look_up(send: Send, channel_id: str) -> Channel | None:
    try:
        return (await send(operations.get_channel(channel_id))).read(Channel)
    except (RequestFailed, UnexpectedAnswer):
        return None
