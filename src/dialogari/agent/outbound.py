"""HTTP to addresses that others have chosen: guarded where the connection is made.

Every address that a name has is checked when it is resolved, and what was checked is dialled: a
name that changes its mind in between gains nothing. A redirect is a new request with
the same checks. Proxies of the environment are not used, for behind one nobody could check.

Everything is bounded: the whole exchange in time, the body in size, before and after it is
unpacked.
"""

from __future__ import annotations

import asyncio
import socket
import zlib
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from dialogari.agent.addresses import ForbiddenAddressError, check_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dialogari.agent.addresses import Network

LARGEST_BODY: Final = 256 * 1024
"""Bytes of an answer, unpacked."""
REDIRECTS: Final = 3
_IDLE: Final = 4.0
"""Seconds a connection is kept for the next call: less than servers keep theirs."""
_CONNECTIONS: Final = 100
_REDIRECTS: Final = {301, 302, 303, 307, 308}
_KEEPING: Final = {307, 308}
"""Redirects that repeat the method and the body (RFC 9110, 15.4)."""
_Dialled = tuple["int | socket.AddressFamily", "int | socket.SocketKind", int, str, tuple[Any, ...]]
_PACKED: Final = {"gzip", "x-gzip", "deflate"}


class OutboundError(Exception):
    """No usable answer. `reason` is machine-readable; the message is ours and holds no address."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Order:
    """A request."""

    method: str
    url: URL
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Sent to this address, and by a redirect to no other one."""
    body: bytes | None = None
    """JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, whatever its status."""

    status: int
    content_type: str
    """In lower case, without parameters; empty where it named none."""
    charset: str
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Outbound:
    """Sends requests to public addresses, and to the private `networks` that are named.

    `resolver`: how names become addresses; None: as every program of this machine does.
    """

    def __init__(
        self, networks: Sequence[Network] = (), resolver: AbstractResolver | None = None
    ) -> None:
        self._networks = tuple(networks)
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def send(self, order: Order, seconds: float) -> Answer:
        """Return the answer, redirects followed, within `seconds`.

        Raises:
            OutboundError: `url`, `address`, `dns`, `tls`, `connection`, `timeout`, `redirects`,
                `too_large`, `encoding`, `malformed`.
        """
        try:
            async with asyncio.timeout(seconds):
                for _ in range(REDIRECTS + 1):
                    answered = await self._exchange(order)
                    if isinstance(answered, Answer):
                        return answered
                    order = answered
        except TimeoutError:
            raise OutboundError("timeout", f"no answer within {seconds:.2g} seconds") from None
        except aiohttp.ClientError as error:
            raise _explain(error) from None
        except (OSError, ValueError) as error:
            raise OutboundError("connection", "the connection failed") from error
        raise OutboundError("redirects", "too many redirects")

    async def open(self, order: Order) -> aiohttp.ClientResponse:
        """Return an answer, its body still to be read, without a limit; follow no redirect.

        The caller has the clock, and closes the answer. Raises OutboundError, as `send`.
        """
        _check_url(order.url)
        try:
            return await self._request(order)
        except aiohttp.ClientError as error:
            raise _explain(error) from None
        except (OSError, ValueError) as error:
            raise OutboundError("connection", "the connection failed") from error

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, order: Order) -> Answer | Order:
        """Return the answer, or what a redirect asks for."""
        _check_url(order.url)
        async with await self._request(order) as response:
            target = response.headers.get("Location")
            if response.status in _REDIRECTS and target is not None:
                return _follow(order, response.status, target)
            body = await _read(response)
            kind = response.content_type if "Content-Type" in response.headers else ""
            return Answer(response.status, kind.lower(), response.charset or "utf-8", body)

    async def _request(self, order: Order) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = self._open()
        typed = {"Content-Type": "application/json"} if order.body is not None else {}
        return await self._session.request(
            order.method,
            order.url,
            headers={**typed, **order.headers},
            data=order.body,
            allow_redirects=False,
        )

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=_CONNECTIONS,
            keepalive_timeout=_IDLE,
            resolver=_CheckingResolver(self._resolver, self._networks),
            socket_factory=self._make_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers={"Accept-Encoding": "identity", "User-Agent": "dialogari"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),  # `send` has the clock
        )

    def _make_socket(self, info: _Dialled) -> socket.socket:
        """Check what is about to be dialled: an address that was written out was never resolved."""
        family, kind, protocol, _, address = info
        check_address(str(address[0]), self._networks)
        return socket.socket(family, kind, protocol)


class _CheckingResolver(AbstractResolver):
    """Resolves, and refuses a name of which any address may not be reached."""

    def __init__(self, inner: AbstractResolver | None, networks: Sequence[Network]) -> None:
        self._inner = inner or aiohttp.ThreadedResolver()
        self._networks = networks

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        results = await self._inner.resolve(host, port, family)
        for result in results:
            check_address(result["host"], self._networks)
        return results

    async def close(self) -> None:
        await self._inner.close()


def _check_url(url: URL) -> None:
    """Let pass what may be asked; its address is judged when it is dialled."""
    if url.scheme not in {"http", "https"} or not url.host:
        raise OutboundError("url", "only http and https addresses can be asked")
    if url.user is not None or url.password is not None:
        raise OutboundError("url", "an address can't hold a name and password")


def _follow(order: Order, status: int, target: str) -> Order:
    try:
        url = order.url.join(URL(target))
        same = url.origin() == order.url.origin()
    except ValueError:
        raise OutboundError("url", "redirected to what is no address") from None
    if order.url.scheme == "https" and url.scheme != "https":
        raise OutboundError("url", "redirected from https to http")
    followed = replace(order, url=url, headers=order.headers if same else {})
    if status in _KEEPING or order.method == "GET":
        return followed
    return replace(followed, method="GET", body=None)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, unpacked; what is too large is left."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in {*_PACKED, "identity", ""}:
        raise OutboundError("encoding", "the answer is packed in a way nobody asked for")
    # 32: the head says whether it is gzip or zlib (zlib's manual, inflateInit2).
    unpacker = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS) if packing in _PACKED else None
    body = bytearray()
    began = False
    async for piece in response.content.iter_any():
        began = True
        room = LARGEST_BODY + 1 - len(body)
        try:
            body += piece[:room] if unpacker is None else unpacker.decompress(piece, room)
        except zlib.error:
            raise OutboundError("encoding", "the answer is packed wrongly") from None
        if len(body) > LARGEST_BODY:
            response.close()
            raise OutboundError("too_large", f"the answer has more than {LARGEST_BODY} bytes")
    if began and unpacker is not None and not unpacker.eof:
        raise OutboundError("encoding", "the answer breaks off")
    return bytes(body)


def _explain(error: aiohttp.ClientError) -> OutboundError:
    match error:
        case aiohttp.ClientConnectorError(os_error=ForbiddenAddressError()):
            return _forbidden()
        case aiohttp.ClientConnectorDNSError():
            return OutboundError("dns", "the name of the server is not known")
        case aiohttp.ClientSSLError():
            return OutboundError("tls", "the server's certificate is not to be trusted")
        case aiohttp.ClientConnectionError():
            return OutboundError("connection", "the server could not be reached, or hung up")
        case aiohttp.InvalidURL():
            return OutboundError("url", "the address is malformed")
        case _:
            return OutboundError("malformed", "the answer is no HTTP")


def _forbidden() -> OutboundError:
    return OutboundError(
        "address", "this address may not be reached; TOOL_NETWORKS names private ones that may"
    )
