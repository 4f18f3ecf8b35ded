"""The ARI operations this library uses, as values: what to send, without sending it.

Every parameter that ARI takes in the query string it takes in the JSON body too; bodies are used,
because a request line may have no more than 4,095 bytes, a body 40,960 (Asterisk's main/http.c).
Values of channel variables are strings always: a number, `true` or `null` would unset the variable
and be answered with 204 all the same (measured on 22.10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from dialogari.ari.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def _segment(text: str) -> str:
    return quote(text, safe="")
