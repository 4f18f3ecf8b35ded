"""Sockets that Asterisk opens to a server of ours, as its configuration writes them.

A persistent one is connected for as long as Asterisk runs and tried again for ever; a socket per
call is opened by each call that enters Stasis() of one of its applications. Asterisk has them
since 20.15, 21.10 and 22.5. A reload takes up what is new or changed, and closes what is gone,
within 10 ms; a changed list of applications makes Asterisk send ApplicationReplaced for those that
stay, on the very socket that keeps them (measured on 22.10).
"""

from __future__ import annotations

from dataclasses import dataclass, field

MODULE = "res_websocket_client.so"
"""What an Asterisk needs for it. Before it, a section of ari.conf for it stops all of ARI."""


@dataclass(frozen=True, slots=True)
class OutboundSocket:
    """One place that Asterisk connects to."""

    name: str
    """Of its sections, unlike any user's of ARI."""
    url: str
    """`ws://HOST:PORT/PATH`, a query included."""
    username: str
    """Who Asterisk says it is, in a Basic header."""
    password: str = field(repr=False)
    applications: tuple[str, ...]
    per_call: bool = False
    """Whether each call has a socket of its own, rather than all of them one for ever."""
    subscribe_all: bool = False
    connection_timeout: int = 500
    """Milliseconds for a connection, its handshake included."""
    reconnect_interval: int = 500
    """Milliseconds between two tries."""
    reconnect_attempts: int = 4
    """Tries before a call with its own socket goes back to the dialplan as FAILED."""

    def client_section(self) -> str:
        """Return its section of websocket_client.conf."""
        return _section(
            self.name,
            type="websocket_client",
            connection_type="per_call_config" if self.per_call else "persistent",
            uri=self.url,
            protocols="ari",
            username=self.username,
            password=self.password,
            connection_timeout=str(self.connection_timeout),
            reconnect_interval=str(self.reconnect_interval),
            reconnect_attempts=str(self.reconnect_attempts),
            tls_enabled="no",
        )

    def ari_section(self, user: str) -> str:
        """Return its section of ari.conf; commands over it are those of `user`."""
        return _section(
            self.name,
            type="outbound_websocket",
            websocket_client_id=self.name,
            apps=",".join(self.applications),
            local_ari_user=user,
            subscribe_all="yes" if self.subscribe_all else "no",
        )


def _section(name: str, **values: str) -> str:
    # A bare semicolon would begin a comment.
    lines = (f"{key} = {value.replace(';', chr(92) + ';')}\n" for key, value in values.items())
    return f"[{name}]\n{''.join(lines)}"
