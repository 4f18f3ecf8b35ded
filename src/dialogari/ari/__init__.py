"""Asterisk's REST Interface (ARI) for asyncio: typed, ordered, and honest about what it knows.

A library of its own: it knows nothing of AI, databases or web pages. Start with `Client`.
"""

from dialogari.ari.call import Call
from dialogari.ari.client import Client
from dialogari.ari.connection import LinkState
from dialogari.ari.errors import (
    ApplicationReplaced,
    AriError,
    ChannelGone,
    Conflict,
    GoneReason,
    InvalidState,
    NotFound,
    NotFoundKind,
    NotInStasis,
    RequestFailed,
    Unauthorized,
    UnexpectedAnswer,
    UnknownOutcome,
    Unreachable,
)
from dialogari.ari.transport import Server, parse_url

__all__ = [
    "ApplicationReplaced",
    "AriError",
    "Call",
    "ChannelGone",
    "Client",
    "Conflict",
    "GoneReason",
    "InvalidState",
    "LinkState",
    "NotFound",
    "NotFoundKind",
    "NotInStasis",
    "RequestFailed",
    "Server",
    "Unauthorized",
    "UnexpectedAnswer",
    "UnknownOutcome",
    "Unreachable",
    "parse_url",
]
