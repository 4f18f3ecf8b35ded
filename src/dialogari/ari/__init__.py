"""Asterisk's REST Interface (ARI) for asyncio: typed, ordered, and honest about what it knows.

A library of its own: it knows nothing of AI, databases or web pages. Start with `connect`.
"""

from dialogari.ari.client import Client, connect, listen
from dialogari.ari.errors import (
    ApplicationReplaced,
    AriError,
    BridgeGone,
    ChannelGone,
    Conflict,
    GoneReason,
    InvalidState,
    ListenerOverflowed,
    MoveFailed,
    NotCallable,
    NotFound,
    NotFoundKind,
    NotInStasis,
    RequestFailed,
    Unauthorized,
    UnexpectedAnswer,
    UnknownOutcome,
    Unreachable,
)
from dialogari.ari.handlers import Handler
from dialogari.ari.handles.bridge import Bridge
from dialogari.ari.handles.call import Call
from dialogari.ari.handles.channel import Channel
from dialogari.ari.handles.keys import Collected, Keys, KeysEnd
from dialogari.ari.handles.playback import Playback, PlaybackEnd
from dialogari.ari.handles.recording import Recording
from dialogari.ari.link import LinkState
from dialogari.ari.recovery import Lost, Recovered, Resumed
from dialogari.ari.routing import Listener
from dialogari.ari.session import Session
from dialogari.ari.transport import Server, parse_url

__all__ = [
    "ApplicationReplaced",
    "AriError",
    "Bridge",
    "BridgeGone",
    "Call",
    "Channel",
    "ChannelGone",
    "Client",
    "Collected",
    "Conflict",
    "GoneReason",
    "Handler",
    "InvalidState",
    "Keys",
    "KeysEnd",
    "LinkState",
    "Listener",
    "ListenerOverflowed",
    "Lost",
    "MoveFailed",
    "NotCallable",
    "NotFound",
    "NotFoundKind",
    "NotInStasis",
    "Playback",
    "PlaybackEnd",
    "Recording",
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
