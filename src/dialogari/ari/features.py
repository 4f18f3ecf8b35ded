"""What one Asterisk can do, read from the API descriptions it serves.

The version string is no guide: distributions, certified releases and builds from git write it in
their own ways, and ARI's own `apiVersion` has not moved since 2.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass

from dialogari.ari.request import Request


@dataclass(frozen=True, slots=True)
class Features:
    """Abilities that change how commands are sent."""

    rest_over_websocket: bool = False
    """Commands may travel on the events socket (20.14, 21.9, 22.4 and later)."""
    bulk_variables: bool = False
    """Several variables in one request (20.20, 22.10, 23.4 and later)."""
    array_function: bool = False
    """The dialplan function ARRAY(), which sets several variables on those before (16 and later).
    """


def declaration(resource: str) -> Request:
    """Ask for one of the server's own API descriptions."""
    return Request("GET", f"api-docs/{resource}.json", repeatable=True, over_http=True)


def read_features(events: bytes, channels: bytes, *, array_function: bool) -> Features:
    """Return the features that the declarations `events.json` and `channels.json` show."""
    return Features(
        rest_over_websocket=b'"RESTResponse"' in events,
        bulk_variables=b'"/channels/{channelId}/variables"' in channels,
        array_function=array_function,
    )
