"""REST commands and answers as they travel on the events socket, for FakeAsterisk.

The statuses and messages for what is no proper request are those of Asterisk 22.10.
"""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import msgspec

from dialogari.ari.models import RESTResponse
from dialogari.ari.testing.exchange import ASTERISK_ID, now
from dialogari.ari.testing.rest import Answer, Command, Thread

METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS")


def open_envelope(text: str, thread: Thread) -> tuple[dict[str, Any], Command | Answer]:
    """Return the message's fields, and its command or the answer to what is none."""
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict | list):
        return {}, Answer(400, reason="Failed to parse request message JSON")
    fields = cast("dict[str, Any]", message if isinstance(message, dict) else {})
    fault = _fault_in(fields)
    if fault:
        return fields, Answer(400, {"message": fault}, "Bad request")
    uri: str = fields["uri"]
    path, _, query = uri.partition("?")
    if path.startswith("/"):
        return fields, Answer(405, {"message": "Invalid method"})
    try:
        body = _body(fields)
    except ValueError:
        message = f"Unable to parse 'message_body' as '{fields['content_type']}'."
        return fields, Answer(400, {"message": message}, "Bad request")
    extra = cast("list[dict[str, str]]", fields.get("query_strings", []))
    pairs = (*parse_qsl(query), *((entry["name"], entry["value"]) for entry in extra))
    segments = tuple(unquote(segment) for segment in path.split("/"))
    return fields, Command(fields["method"], segments, body, pairs, thread)


def _fault_in(fields: dict[str, Any]) -> str:
    """Return Asterisk's words for what a request lacks, or nothing."""
    if "type" not in fields:
        return "No 'type' property."
    if fields["type"] != "RESTRequest":
        return "Unknown request type."
    if not _text(fields, "uri"):
        return "Empty or missing 'uri' property."
    if fields.get("method") not in METHODS:
        return "Unknown or missing 'method' property."
    if isinstance(fields.get("message_body"), str) and not fields.get("content_type"):
        return "No 'content_type' for 'message_body'."
    return ""


def _body(fields: dict[str, Any]) -> Any:
    """Return the decoded body; one that is no string counts for none, as Asterisk has it."""
    body = fields.get("message_body")
    return json.loads(body) if isinstance(body, str) and body else None


def seal(fields: dict[str, Any], answer: Answer, application: str) -> bytes:
    """Return the RESTResponse to a message with these fields."""
    body = None if answer.body is None else msgspec.json.encode(answer.body).decode()
    response = RESTResponse(
        application=application,
        timestamp=now(),
        asterisk_id=ASTERISK_ID,
        transaction_id=_text(fields, "transaction_id"),
        request_id=_text(fields, "request_id"),
        status_code=answer.status,
        reason_phrase=answer.phrase,
        uri=_text(fields, "uri").partition("?")[0],
        content_type=None if body is None else "application/json",
        message_body=body,
    )
    return msgspec.json.encode(response)


def _text(fields: dict[str, Any], name: str) -> str:
    """Return a field; one that is no string counts for none."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""
