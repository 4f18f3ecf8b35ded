"""Asterisk's REST Interface (ARI) for asyncio: typed, ordered, and honest about what it knows.

A library of its own: it knows nothing of AI, databases or web pages. Start with `connect`.
"""

from dialogari.ari.client import Client, connect, listen
from dialogari.ari.errors import (
    ApplicationReplaced,
    AriError,
    ChannelGone,
    Conflict,
    GoneReason,
    InvalidState,
    ListenerOverflowed,
    NotFound,
    NotFoundKind,
    NotInStasis,
    RequestFailed,
    Unauthorized,
    UnexpectedAnswer,
    UnknownOutcome,
    Unreachable,
)
from dialogari.ari.handles.call import Call
from dialogari.ari.handles.channel import Channel
from dialogari.ari.link import LinkState
from dialogari.ari.recovery import Lost, Recovered, Resumed
from dialogari.ari.routing import Listener
from dialogari.ari.session import Session
from dialogari.ari.transport import Server, parse_url

__all__ = [
    "ApplicationReplaced",
    "AriError",
    "Call",
    "Channel",
    "ChannelGone",
    "Client",
    "Conflict",
    "GoneReason",
    "InvalidState",
    "LinkState",
    "Listener",
    "ListenerOverflowed",
    "Lost",
    "NotFound",
    "NotFoundKind",
    "NotInStasis",
    "Recovered",
    "RequestFailed",
    "Resumed",
    "Server",
    "Session",
    "Unauthorized",
    "UnexpectedAnswer",
    "UnknownOutcome",
    "Unreachable",
    "connect",
    "listen",
    "parse_url",
]
