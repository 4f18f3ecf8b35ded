"""Callers whose place in a call another channel takes, on a real Asterisk.

A telephone takes the call of another one by an INVITE with a Replaces header (RFC 3891), which is
what the second half of an attended transfer is. What Asterisk makes of it, on 22.10 and 16.28,
depends on whether the old channel is in a bridge (tests/ari/test_masquerade.py).
"""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

LIMIT = 5.0

DIALPLAN = """
[from-sip]
; whoever calls an application by its name
exten => _[a-z].,1,Answer()
 same => n,Set(WHO=${CALLERID(num)})
 same => n,Stasis(${EXTEN},one,WHO=${WHO})
 same => n,Wait(60)
"""

SDP = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 9 RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""


class _Wire(asyncio.DatagramProtocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[str] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio calls it so
        self.messages.put_nowait(data.decode())


@dataclass(slots=True)
class Telephone:
    """A SIP telephone with one call: enough of the protocol to place it and to hand it over."""

    asterisk: int
    """Asterisk's SIP port."""
    transport: asyncio.DatagramTransport
    wire: _Wire
    name: str = field(default_factory=lambda: f"phone-{secrets.token_hex(4)}")
    remote_tag: str = ""
    target: str = ""

    @property
    def call_id(self) -> str:
        """The Call-ID, which ARI shows as `protocol_id`."""
        return f"call-of-{self.name}"

    async def dial(self, extension: str, *headers: str) -> None:
        """Call an extension, and wait until it has answered."""
        self.target = f"sip:{extension}@127.0.0.1:{self.asterisk}"
        self._request("INVITE", 1, *headers, body=SDP)
        answer = await self._answer("INVITE")
        assert answer.startswith("SIP/2.0 200"), answer
        self.remote_tag = _found(r"^To: .*;tag=(\S+)", answer)
        self.target = _found(r"^Contact: <(.*)>", answer)
        self._request("ACK", 1)

    async def take_over(self, other: Telephone) -> None:
        """Take another telephone's place in its call."""
        tags = f"to-tag={other.remote_tag};from-tag={other.name}"
        await self.dial("replaces", f"Replaces: {other.call_id};{tags}", "Require: replaces")

    async def hung_up(self) -> None:
        """Wait until Asterisk ends the call."""
        async with asyncio.timeout(LIMIT):
            while not (request := await self.wire.messages.get()).startswith("BYE"):
                pass
        lines = [line for line in request.split("\r\n") if line.startswith(_ECHOED)]
        self._send("\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""]))

    async def hang_up(self) -> None:
        """End the call."""
        self._request("BYE", 2)
        assert (await self._answer("BYE")).startswith("SIP/2.0 200")

    async def _answer(self, method: str) -> str:
        """Return the final answer to a request."""
        async with asyncio.timeout(LIMIT):
            while True:
                message = await self.wire.messages.get()
                if re.match(r"SIP/2.0 [2-6]", message) and f" {method}\r\n" in message:
                    return message

    def _request(self, method: str, number: int, *headers: str, body: str = "") -> None:
        host, port = self.transport.get_extra_info("sockname")
        tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        kind = ["Content-Type: application/sdp"] if body else []
        content = body.replace("\n", "\r\n")
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: <sip:{self.name}@{host}:{port}>;tag={self.name}",
            f"To: <sip:s@127.0.0.1:{self.asterisk}>{tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:{self.name}@{host}:{port}>",
            "Max-Forwards: 70",
            *headers,
            *kind,
            f"Content-Length: {len(content)}",
        ]
        self._send("\r\n".join([*lines, "", content]))

    def _send(self, message: str) -> None:
        self.transport.sendto(message.encode(), ("127.0.0.1", self.asterisk))


_ECHOED = ("Via:", "From:", "To:", "Call-ID:", "CSeq:")


@asynccontextmanager
async def telephone(asterisk: int) -> AsyncGenerator[Telephone]:
    """Have a telephone at an Asterisk's SIP port."""
    loop = asyncio.get_running_loop()
    transport, wire = await loop.create_datagram_endpoint(_Wire, local_addr=("127.0.0.1", 0))
    try:
        yield Telephone(asterisk, transport, wire)
    finally:
        transport.close()


def _found(pattern: str, message: str) -> str:
    found = re.search(pattern, message.replace("\r\n", "\n"), re.MULTILINE)
    assert found is not None, message
    return found[1]
