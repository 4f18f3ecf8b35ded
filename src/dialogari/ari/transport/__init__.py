"""The seam between commands and the wire.

`Transport` is all that the rest of the library knows of HTTP and websockets. Two play it: `http`
carries any command on a small pool of connections; `websocket` carries events and, where the
server can (22.5 and later), commands on the same socket, which halves the cost of a call.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from dialogari.ari.request import Request, Response


@dataclass(frozen=True, slots=True)
class Server:
    """Where an Asterisk's REST interface is, and who we are to it."""

    url: str
    """`http://HOST:PORT/ari`, as `parse_url` returns it."""
    username: str
    password: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header (RFC 7617).

        A header, since Asterisk's alternative, `?api_key=` in the address, ends up in access logs.
        """
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    @property
    def websocket_url(self) -> str:
        """The same place for websockets."""
        return "ws" + self.url.removeprefix("http")


def parse_url(text: str) -> str:
    """Return the address of the REST interface, whether `/ari` was written or not.

    Raises:
        ValueError: it is not the address of an HTTP server; the text says why.
    """
    parts = urlsplit(text.strip().rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write it like http://127.0.0.1:8088/ari")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("only scheme, host, port and path belong into it")
    if any(character.isspace() for character in text.strip()):
        raise ValueError("no blank belongs into it")
    parts.hostname.encode("idna")  # also a ValueError, where it is no name that could be looked up
    if parts.port == 0:  # reading `port` also raises where it is no number up to 65535
        raise ValueError("port 0 can't be connected to")
    path = parts.path if parts.path.endswith("/ari") else f"{parts.path}/ari"
    return f"{parts.scheme}://{parts.netloc}{path}"


class Transport(Protocol):
    """Carries commands to one Asterisk."""

    async def send(self, request: Request, seconds: float) -> Response:
        """Return the answer, whatever its status.

        Raises:
            Unreachable: nothing was executed.
            UnknownOutcome: no answer within `seconds`, or the connection broke.
        """
        ...
