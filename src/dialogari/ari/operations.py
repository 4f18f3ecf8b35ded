"""The ARI operations this library uses, as values: what to send, without sending it.

Every parameter that ARI takes in the query string it takes in the JSON body too; bodies are used,
because a request line may have no more than 4,095 bytes, a body 40,960 (Asterisk's main/http.c).
Values of channel variables are strings always: a number, `true` or `null` would unset the variable
and be answered with 204 all the same (measured on 22.10).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import msgspec

from dialogari.ari.errors import UnexpectedAnswer, error_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dialogari.ari.models import Channel

T = TypeVar("T")

_SPLITTING = re.compile(r'[,"\\()\[\]]')
"""What separates, groups, quotes or escapes in arguments."""


@dataclass(frozen=True, slots=True)
class Request:
    """One REST command, for whichever transport carries it."""

    method: str
    path: str
    """Percent-encoded, without the leading `/ari/`, query included."""
    body: bytes = b""
    """JSON, or empty."""
    repeatable: bool = False
    """Executing it twice does no harm, so a lost answer may be met by sending it again."""
    bulky: bool = False
    """The answer may have megabytes: better alone on HTTP than on the events socket."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """Asterisk's answer."""

    status: int
    body: bytes

    def read(self, shape: type[T]) -> T:
        """Return the body as `shape`. Raises UnexpectedAnswer."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnexpectedAnswer(shape.__name__) from error


def successful(request: Request, answer: Response) -> Response:
    """Return the answer. Raises the AriError that it means, where it is none of success."""
    if answer.status < 400:  # noqa: PLR2004 - HTTP's first error status
        return answer
    raise error_for(str(request), answer.status, _message(answer.body))


def _message(body: bytes) -> str:
    """Return an error answer's own words; some come as HTML or with `error` for `message`."""
    try:
        answer = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(answer.get("message") or answer.get("error") or "")


def _post(path: str, body: Mapping[str, object] | None = None, *, repeatable: bool) -> Request:
    data = msgspec.json.encode(body) if body is not None else b""
    return Request("POST", path, data, repeatable=repeatable)


def get_info() -> Request:
    """Ask for version and system name (`AsteriskInfo`)."""
    return Request("GET", "asterisk/info?only=system,config", repeatable=True)


def get_declaration(resource: str) -> Request:
    """Ask for one of the server's own API descriptions, which tells what it can do."""
    return Request("GET", f"api-docs/{resource}.json", repeatable=True, bulky=True)


def get_module(name: str) -> Request:
    """Ask for a loaded module of the server (`Module`); one that is not loaded is 404 or 409."""
    return Request("GET", f"asterisk/modules/{_segment(name)}", repeatable=True)


def list_channels() -> Request:
    """Ask for all channels (`list[Channel]`)."""
    return Request("GET", "channels", repeatable=True, bulky=True)


def get_application(application: str) -> Request:
    """Ask for one application (`Application`)."""
    return Request("GET", f"applications/{_segment(application)}", repeatable=True)


def get_channel(channel_id: str) -> Request:
    """Ask for one channel (`Channel`)."""
    return Request("GET", f"channels/{_segment(channel_id)}", repeatable=True)


def get_variable(channel_id: str, name: str) -> Request:
    """Ask for a channel variable or function (`Variable`)."""
    path = f"channels/{_segment(channel_id)}/variable?variable={_segment(name)}"
    return Request("GET", path, repeatable=True)


def set_variable(channel_id: str, name: str, value: str) -> Request:
    """Set one channel variable."""
    body = {"variable": name, "value": value}
    return _post(f"channels/{_segment(channel_id)}/variable", body, repeatable=True)


def set_variables(channel_id: str, variables: Mapping[str, str]) -> Request:
    """Set several channel variables at once (22.10 and later)."""
    body = {"variables": dict(variables)}
    return _post(f"channels/{_segment(channel_id)}/variables", body, repeatable=True)


def set_array(channel_id: str, variables: Mapping[str, str]) -> Request:
    """Set several channel variables, their values escaped, by ARRAY(), which every Asterisk has."""
    return set_variable(channel_id, f"ARRAY({','.join(variables)})", ",".join(variables.values()))


def escape_argument(value: str) -> str:
    """Return a value so that Asterisk's splitting of arguments gives it back byte for byte.

    ARRAY() splits the way every application does (measured on 16.28 to 22.5).
    """
    return _SPLITTING.sub(r"\\\g<0>", value)


def continue_in_dialplan(channel_id: str) -> Request:
    """Send the channel back to the dialplan, to the priority after Stasis().

    Not repeatable: once it has left, the dialplan may have taken it into Stasis() again, ours or
    another's, and a second one would throw it out there (seen on 22.10 with a cut connection).
    """
    return _post(f"channels/{_segment(channel_id)}/continue", repeatable=False)


def hang_up(channel_id: str) -> Request:
    """Hang the channel up."""
    return Request("DELETE", f"channels/{_segment(channel_id)}", repeatable=True)


def originate(
    channel_id: str,
    endpoint: str,
    *,
    context: str,
    extension: str,
    variables: Mapping[str, str] | None = None,
) -> Request:
    """Place a call; the answered far end goes to `extension` in `context`."""
    body = {
        "endpoint": endpoint,
        "context": context,
        "extension": extension,
        "priority": 1,
        "variables": dict(variables or {}),
    }
    return _post(f"channels/{_segment(channel_id)}", body, repeatable=False)


def publish_user_event(application: str, name: str, variables: Mapping[str, str]) -> Request:
    """Send an event to an application: our own, to prove that the link carries events."""
    path = f"events/user/{_segment(name)}?application={_segment(application)}"
    return _post(path, {"variables": dict(variables)}, repeatable=True)


def disallow_events(application: str, types: tuple[str, ...]) -> Request:
    """Have the server leave out events of these types.

    Never the `allowed` form of this filter: it also swallows the answers to commands sent over
    the events socket (measured on 22.10).
    """
    body = msgspec.json.encode({"disallowed": [{"type": name} for name in types]})
    path = f"applications/{_segment(application)}/eventFilter"
    return Request("PUT", path, body, repeatable=True)


def is_in_application(channel: Channel, application: str) -> bool:
    """Whether a channel is in Stasis() for this application now.

    `app_data` holds Stasis()'s arguments, the application first: no ARI answer says it otherwise
    (measured on 22.10 and 16.28).
    """
    dialplan = channel.dialplan
    return dialplan.app_name == "Stasis" and split_arguments(dialplan.app_data)[0] == application


def split_arguments(app_data: str) -> list[str]:
    """Return what stood in a dialplan application's brackets, split as Asterisk splits it.

    A comma within quotes or brackets splits nothing; a quote is dropped, and so is a backslash,
    which takes the character after it as it is (main/app.c; measured on 22.10).
    """
    arguments = [""]
    quoted = False
    depth = {"()": 0, "[]": 0}
    characters = iter(app_data)
    for character in characters:
        if character == "," and not quoted and not any(depth.values()):
            arguments.append("")
        elif character == '"':
            quoted = not quoted
        elif character == "\\":
            arguments[-1] += next(characters, "")
        else:
            arguments[-1] += character
            for pair, unclosed in depth.items():
                step = (character == pair[0]) - (character == pair[1])
                depth[pair] = max(unclosed + step, 0)
    return arguments


def _segment(text: str) -> str:
    return quote(text, safe="")
