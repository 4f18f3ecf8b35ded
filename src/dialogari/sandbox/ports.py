"""Loopback ports for a sandbox, below the range from which the kernel takes ports for clients.

A port of that range could be given to any outgoing connection while Asterisk is down for a restart,
even to the client that tries to reach it: it would then be connected to itself.
"""

from __future__ import annotations

import secrets
import socket

from dialogari.sandbox.errors import StartError

_LOWEST, _HIGHEST = 10_000, 19_999
_TRIES = 100


def choose_port(kind: socket.SocketKind) -> int:
    """Return a port of 127.0.0.1 that nobody has bound at this moment.

    `kind` is SOCK_STREAM for TCP, SOCK_DGRAM for UDP.

    Raises:
        StartError: a hundred ports were all taken.
    """
    for _ in range(_TRIES):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST + 1)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StartError(f"No free port on 127.0.0.1 between {_LOWEST} and {_HIGHEST}")
