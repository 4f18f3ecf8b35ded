"""What tells one sandbox from another, and whether it is the one that answers at an address."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, field, replace
from typing import Self

import aiohttp

from dialogari.sandbox.ports import choose_port


@dataclass(frozen=True, slots=True)
class Identity:
    """A sandbox's name, user and ports."""

    name: str
    """The systemname."""
    username: str
    password: str = field(repr=False)
    http_port: int
    sip_port: int

    @classmethod
    def make(cls) -> Self:
        """Return one that no other sandbox has, on ports that are free at this moment."""
        name, password = f"sandbox-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
        return cls(name, "dialogari", password, http_port=0, sip_port=0).with_new_ports()

    def with_new_ports(self) -> Self:
        """Return the same on other ports."""
        http_port, sip_port = choose_port(socket.SOCK_STREAM), choose_port(socket.SOCK_DGRAM)
        return replace(self, http_port=http_port, sip_port=sip_port)

    @property
    def url(self) -> str:
        """Address of ARI."""
        return f"http://127.0.0.1:{self.http_port}/ari"

    async def answers(self, session: aiohttp.ClientSession) -> bool:
        """Return whether ARI answers at its address, and as this Asterisk, not another one."""
        query = {"only": "config", "api_key": f"{self.username}:{self.password}"}
        try:
            async with session.get(f"{self.url}/asterisk/info", params=query) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False
        match answer:
            case {"config": {"name": self.name}}:
                return True
            case _:
                return False
