"""Channel variables in as few requests as an Asterisk allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dialogari.ari.arguments import escape_argument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dialogari.ari.features import Features
    from dialogari.ari.operations import Channels

LARGEST_BULK = 30_000
"""Bytes of names and values in one bulk request; a body may have 40,960, the rest is JSON."""
MOST_IN_BULK = 50
"""Variables in one bulk request; ARRAY() takes 100."""


async def set_variables(
    channels: Channels, channel_id: str, variables: Mapping[str, str], features: Features
) -> None:
    """Set a channel's variables in the order given. Raises AriError."""
    if features.bulk_variables:
        for chunk in _chunks(variables.items()):
            await channels.set_channel_vars(channel_id, chunk)
    elif features.array_function:
        escaped = ((name, escape_argument(value)) for name, value in variables.items())
        for chunk in _chunks(escaped):
            array = f"ARRAY({','.join(chunk)})"
            await channels.set_channel_var(channel_id, array, value=",".join(chunk.values()))
    else:
        for name, value in variables.items():
            await channels.set_channel_var(channel_id, name, value=value)


def _chunks(items: Iterable[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """Yield groups of items, in order, each small enough for one request."""
    chunk: dict[str, str] = {}
    size = 0
    for name, value in items:
        length = len(name.encode()) + len(msgspec.json.encode(value))
        if chunk and (size + length > LARGEST_BULK or len(chunk) == MOST_IN_BULK):
            yield chunk
            chunk, size = {}, 0
        chunk[name] = value
        size += length
    if chunk:
        yield chunk
