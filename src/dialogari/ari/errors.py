"""What can go wrong between us and Asterisk, split by what a caller of this library can do.

    ChannelGone                 the call ended or left the application: a normal end, no error
    AriError
    ├── Unauthorized            mend the credentials or the user's rights; retrying does not help
    ├── ApplicationReplaced     another client took the application; stop, never fight
    ├── Unreachable             nothing was executed; trying again is safe
    ├── UnknownOutcome          it may have been executed: sent, but no answer came
    ├── ListenerOverflowed      events came faster than the program took them
    ├── BridgeGone              somebody else destroyed the bridge
    ├── MoveFailed              the application to move to is not there; the call has stayed
    ├── UnexpectedAnswer        it was executed, but its answer is not what the API says
    └── RequestFailed           Asterisk answered with an error
        ├── NotFound            no such channel, variable, bridge, ...: `kind` says what
        ├── NotInStasis         the channel exists but is not in an ARI application
        ├── InvalidState        it can't do this, or not now
        ├── Conflict            something of that name exists; ask before believing it
        └── NotCallable         nobody can be called at this endpoint

Asterisk's statuses alone do not tell these apart: 409 and 422 both carry "not in Stasis", 409 says
that something exists or that it can't do this, 403 that the user may not or that nobody can, and
what a 404 is about only the message tells (measured on Asterisk 22.10 and 16.28).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator


class GoneReason(StrEnum):
    """How we learned that a channel, or a bridge, is gone."""

    STASIS_END = "stasis_end"
    DESTROYED = "destroyed"
    NOT_FOUND = "not_found"
    LEFT_STASIS = "left_stasis"
    ABSENT = "absent"
    """It was missing from the snapshot taken after a gap in the events."""
    LINK_LOST = "link_lost"
    """The Asterisk that connected to us for it did not come back."""


class ChannelGone(Exception):
    """The call is no longer in this application: the caller hung up, or the dialplan took it."""

    def __init__(self, channel_id: str, reason: GoneReason, cause: int | None = None) -> None:
        super().__init__(channel_id, reason, cause)
        self.channel_id = channel_id
        self.reason = reason
        self.cause = cause
        """Why it hung up (ITU-T Q.850), where an event said so: 16 normally, 17 busy."""

    def __str__(self) -> str:
        return f"channel {self.channel_id} is gone: {self.reason}"


class AriError(Exception):
    """Root of everything that is wrong."""


class Unauthorized(AriError):
    """Asterisk refused the user: 401 for a wrong name or password, 403 for missing rights."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    def __str__(self) -> str:
        if self.status == 403:  # noqa: PLR2004 - HTTP's "forbidden"
            return "the ARI user is not allowed to do this (HTTP 403): is it read_only in ari.conf?"
        return f"Asterisk refused the ARI user name or password (HTTP {self.status})"


class ApplicationReplaced(AriError):
    """Another client connected with the same application name; it has the calls now."""

    def __init__(self, application: str) -> None:
        super().__init__(application)
        self.application = application

    def __str__(self) -> str:
        return f"another client took over the application {self.application!r}"


class Unreachable(AriError):
    """The request was not executed. `detail` is ours or a class name, never a server's text."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"Asterisk can't be reached: {self.detail}"


class UnknownOutcome(AriError):
    """The request was sent, but its answer was lost or late: it may or may not be executed."""

    def __init__(self, operation: str) -> None:
        super().__init__(operation)
        self.operation = operation

    def __str__(self) -> str:
        return f"no answer to {self.operation}"


class UnexpectedAnswer(AriError):
    """The answer does not have the shape that Asterisk's API describes."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected

    def __str__(self) -> str:
        return f"Asterisk's answer is not {self.expected}: is the address really an ARI?"


class ListenerOverflowed(AriError):
    """A listener left more events untaken than it may hold; those after them are lost to it."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"more than {self.limit} events were left untaken: take them faster, or ask for less"


class BridgeGone(AriError):
    """The bridge is no more: another program destroyed it, or Asterisk began anew."""

    def __init__(self, bridge_id: str, reason: GoneReason) -> None:
        super().__init__(bridge_id, reason)
        self.bridge_id = bridge_id
        self.reason = reason

    def __str__(self) -> str:
        return f"bridge {self.bridge_id} is gone: {self.reason}"


class MoveFailed(AriError):
    """The call could not be moved, because no such application is connected; it has stayed."""

    def __init__(self, application: str) -> None:
        super().__init__(application)
        self.application = application

    def __str__(self) -> str:
        return f"no application {self.application!r} is connected to move to"


class RequestFailed(AriError):
    """Asterisk answered with an error status."""

    def __init__(self, operation: str, status: int, message: str) -> None:
        super().__init__(operation, status, message)
        self.operation = operation
        self.status = status
        self.message = message

    def __str__(self) -> str:
        return f"{self.operation}: HTTP {self.status} {self.message}"


class NotFoundKind(StrEnum):
    """What a 404 is about."""

    CHANNEL = "channel"
    VARIABLE = "variable"
    APPLICATION = "application"
    BRIDGE = "bridge"
    PLAYBACK = "playback"
    """It has ended, or never was."""
    RECORDING = "recording"
    ENDPOINT = "endpoint"
    """Also a technology without endpoints."""
    SOUND = "sound"
    MODULE = "module"
    LOG = "log"
    OBJECT = "object"
    """Of the dynamic configuration."""
    OFFER = "offer"
    """A call that StasisBroadcast() offers, to claim."""
    RESOURCE = "resource"
    """A path this Asterisk does not have: too old, or the module is not loaded (yet)."""
    OTHER = "other"
    """Something that this version of the library has no word for."""


class NotFound(RequestFailed):
    """404, or 400 where a bridge is to take a channel; `kind` says of what."""

    def __init__(self, operation: str, status: int, message: str) -> None:
        super().__init__(operation, status, message)
        # Some name what is missing within quotes, or at the end.
        words = re.sub(r"'.*'|(?<=invalid tech ).*", "", message, flags=re.DOTALL)
        self.kind = _KINDS.get(words, NotFoundKind.OTHER)


class NotInStasis(RequestFailed):
    """409 or 422: the channel lives, but no ARI application has it."""


class InvalidState(RequestFailed):
    """409 or 412: it can't do this, or not in its present state."""


class Conflict(RequestFailed):
    """409: a thing of this name exists, or another application has it.

    Asterisk may say so wrongly of a channel: verify with a GET.
    """


class NotCallable(RequestFailed):
    """409 or 500: nobody can be called at this endpoint: it is unknown, or not registered.

    Only `originate` tells this apart; the operations answer RequestFailed, and after a duplicate id
    on the same connection Conflict, which is not true (measured on 22.10).
    """


_KINDS = {
    "Channel not found": NotFoundKind.CHANNEL,
    "Provided channel was not found": NotFoundKind.CHANNEL,
    "Provided variable was not found": NotFoundKind.VARIABLE,
    "Application not found": NotFoundKind.APPLICATION,
    "Bridge not found": NotFoundKind.BRIDGE,
    "Playback not found": NotFoundKind.PLAYBACK,
    "Recording not found": NotFoundKind.RECORDING,
    "Endpoint not found": NotFoundKind.ENDPOINT,
    "No Endpoints found - invalid tech ": NotFoundKind.ENDPOINT,
    "Sound not found": NotFoundKind.SOUND,
    "No sounds found that matched the query": NotFoundKind.SOUND,
    "Module could not be found in running modules": NotFoundKind.MODULE,
    "Module not found in running modules": NotFoundKind.MODULE,
    "Log channel does not exist": NotFoundKind.LOG,
    "Object with id  not found": NotFoundKind.OBJECT,
    "configClass  not found": NotFoundKind.OBJECT,
    "objectType  not found": NotFoundKind.OBJECT,
    "Channel not found or not in broadcast state": NotFoundKind.OFFER,
    "Resource not found": NotFoundKind.RESOURCE,
    "": NotFoundKind.RESOURCE,  # a page of the HTTP server
}
_NO_CHANNEL = "Channel not found"
_NOT_IN_STASIS = "Channel not in Stasis application"
_EXISTS = re.compile(r"already|exists")
_IMPOSSIBLE = re.compile(r"Unsupported|Cannot|Recording could not be opened")
"""How a 403 begins where nobody can do it, whoever asks."""
_BY_STATUS: dict[int, type[RequestFailed]] = {404: NotFound, 409: InvalidState, 412: InvalidState}


def error_for(operation: str, status: int, message: str) -> AriError:
    """Return the error that an answer's status and message mean."""
    if status == 401 or (status == 403 and not _IMPOSSIBLE.match(message)):  # noqa: PLR2004 - HTTP's own
        return Unauthorized(status)
    if status == 400 and message == _NO_CHANNEL:  # noqa: PLR2004 - HTTP's "bad request"
        return NotFound(operation, status, message)
    if message == _NOT_IN_STASIS:
        return NotInStasis(operation, status, message)
    if status == 409 and _EXISTS.search(message):  # noqa: PLR2004 - HTTP's "conflict"
        return Conflict(operation, status, message)
    return _BY_STATUS.get(status, RequestFailed)(operation, status, message)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors that a group is made of, however deep; an error alone is its own leaf."""
    if isinstance(error, BaseExceptionGroup):
        for part in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from leaves(part)
    else:
        yield error
