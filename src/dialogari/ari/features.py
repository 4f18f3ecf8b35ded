"""What one Asterisk can do, read from the API descriptions it serves.

The version string is no guide: distributions, certified releases and builds from git write it in
their own ways, and ARI's own `apiVersion` has not moved since 2.0.0.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogari.ari.errors import RequestFailed, UnexpectedAnswer
from dialogari.ari.operations import Asterisk
from dialogari.ari.request import Request

if TYPE_CHECKING:
    from dialogari.ari.request import Send

logger = logging.getLogger(__name__)


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


class Probe:
    """What we know of one Asterisk; asked anew only when its version has changed."""

    def __init__(self) -> None:
        self.features = Features()
        self.version = ""
        """As it names itself; empty before the first answer."""

    async def ask(self, send: Send) -> None:
        """Learn what it can do.

        Raises:
            AriError: it did not say.
        """
        info = await Asterisk(send).get_info(only=["system"])
        version = info.system.version if info.system else ""
        if version != self.version:
            self.features = await _ask_features(send)
            self.version = version


async def _ask_features(send: Send) -> Features:
    try:
        events = await send(_declaration("events"))
        channels = await send(_declaration("channels"))
        array_function = await _has_array_function(send)
    except RequestFailed as error:
        # Its folder `rest-api` is not where `astdatadir` points (500, measured on 22.10): the
        # ways that every Asterisk knows will do.
        logger.warning("ari_descriptions_missing", extra={"cause": str(error)})
        return Features()
    return read_features(events.body, channels.body, array_function=array_function)


def _declaration(resource: str) -> Request:
    """Ask for one of the server's own API descriptions, which is no operation of its API."""
    return Request("GET", f"api-docs/{resource}.json", repeatable=True, over_http=True)


async def _has_array_function(send: Send) -> bool:
    try:
        module = await Asterisk(send).get_module("func_strings.so")
    except (RequestFailed, UnexpectedAnswer):
        return False
    return module.status == "Running"


def read_features(events: bytes, channels: bytes, *, array_function: bool) -> Features:
    """Return the features that the declarations `events.json` and `channels.json` show."""
    return Features(
        rest_over_websocket=b'"RESTResponse"' in events,
        bulk_variables=b'"/channels/{channelId}/variables"' in channels,
        array_function=array_function,
    )
