"""The guard of outbound HTTP, against real servers on loopback and a resolver that lies."""

from __future__ import annotations

import asyncio
import socket
import time
import tracemalloc
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from dialogari.agent.outbound import LARGEST_BODY, Answer, Order, Outbound, OutboundError
from web_stub import WebStub

HERE = "127.0.0.1/32"
"""The one address that tools may reach in these tests; 127.0.0.2 works as well, and is refused."""
ALL = "0.0.0.0/0"


@dataclass
class Names(AbstractResolver):
    """A little resolver: each question gets the next of the name's answers, then the last again."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list[str])

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise OSError(socket.EAI_NONAME, "unknown name")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def opened(
    *networks: str, names: dict[str, list[list[str]]] | None = None
) -> AsyncGenerator[tuple[Outbound, Names]]:
    """Open an outbound that may reach these networks."""
    resolver = Names(names or {})
    outbound = Outbound(
        [ip_network(network) for network in networks], None if names is None else resolver
    )
    try:
        yield outbound, resolver
    finally:
        await outbound.aclose()


async def send(url: str, *networks: str, method: str = "GET", seconds: float = 5.0) -> Answer:
    """Send one request by the machine's own resolver."""
    async with opened(*networks) as (outbound, _):
        return await outbound.send(Order(method, URL(url)), seconds)


async def refused(url: str, *networks: str, seconds: float = 5.0) -> str:
    """Return why a request is refused."""
    with pytest.raises(OutboundError) as caught:
        await send(url, *networks, seconds=seconds)
    assert url not in caught.value.message
    return caught.value.reason


async def test_an_answer_comes_back_whole() -> None:
    """Status, type and body, whatever the status is."""
    async with WebStub(answer={"a": "ñ"}) as stub:
        fine = await send(f"{stub.url}/x?y=1", HERE)
        bad = await send(f"{stub.url}/status/404", HERE)

    assert (fine.status, fine.content_type, fine.ok) == (200, "application/json", True)
    assert fine.body == b'{"a": "\\u00f1"}'
    assert (bad.status, bad.ok) == (404, False)
    assert stub.received[0].path == "/x?y=1"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1"),
        *("127.1", "127.0.1", "0x7f.1", "localhost", "localhost.", "LOCALHOST", "[::ffff:7f00:1]"),
        *("[::ffff:127.0.0.1]", "①②⑦.⓪.⓪.①", "0.0.0.0", "0", "[::]"),  # noqa: S104 - refused
    ],
)
async def test_loopback_by_any_name_is_refused(host: str) -> None:
    """Decimal, octal, hex, short, mapped and spelled out: none of them reaches the server."""
    async with WebStub() as stub:
        reason = await refused(f"http://{host}:{stub.port}/")

    assert reason in {"address", "url", "dns"}
    assert not stub.received


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.43518", "100.100.100.200"),
        *("[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]"),
    ],
)
async def test_metadata_is_never_reached(host: str) -> None:
    """Not even where TOOL_NETWORKS is everything; and it is told at once, not by a time-out."""
    began = time.monotonic()

    assert await refused(f"http://{host}/latest/meta-data/", ALL, "::/0") in {"address", "url"}
    assert time.monotonic() - began < 2


async def test_a_network_that_is_named_is_open() -> None:
    """TOOL_NETWORKS opens exactly what it names; by IPv6 as well."""
    async with WebStub() as stub, WebStub("127.0.0.2") as other:
        assert (await send(stub.url, HERE)).ok
        assert await refused(other.url, HERE) == "address"
        assert (await send(other.url, "127.0.0.0/8")).ok

    assert len(other.received) == 1


async def test_a_name_with_one_bad_address_is_refused() -> None:
    """All addresses of a name are checked, not only the one that would be dialled."""
    for addresses in (["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "::1"]):
        async with WebStub() as stub, opened(HERE, names={"a.test": [addresses]}) as (outbound, _):
            with pytest.raises(OutboundError, match="may not be reached"):
                await outbound.send(Order("GET", URL(f"http://a.test:{stub.port}/")), 5)

        assert not stub.received


async def test_a_name_that_changes_its_mind() -> None:
    """Rebinding: one look-up a connection; what was checked is dialled, and each new one again."""
    async with (
        WebStub() as stub,
        opened(HERE, names={"a.test": [["127.0.0.1"], ["127.0.0.2"]]}) as (outbound, names),
        WebStub("127.0.0.2") as bad,
    ):
        order = Order("GET", URL(f"http://a.test:{stub.port}/"))
        first = await outbound.send(order, 5)
        looked_up = list(names.asked)
        elsewhere = Order("GET", URL(f"http://a.test:{bad.port}/"))
        with pytest.raises(OutboundError) as caught:
            await outbound.send(elsewhere, 5)

    assert first.ok
    assert looked_up == ["a.test"]
    assert caught.value.reason == "address"
    assert stub.received[0].headers["Host"] == f"a.test:{stub.port}"
    assert not bad.received


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{}/",
        "//127.0.0.2:{}/",
        "http://localhost.test:{}/",
        "http://0x7f000002:{}/",
    ],
)
async def test_a_redirect_to_a_private_address(status: int, target: str) -> None:
    """Every hop is checked, whatever its status."""
    names = {"localhost.test": [["127.0.0.2"]], "0x7f000002": [["127.0.0.2"]]}
    async with (
        WebStub("127.0.0.2") as bad,
        WebStub(redirect=target.format(bad.port)) as stub,
        opened(HERE, names=names) as (outbound, _),
    ):
        with pytest.raises(OutboundError) as caught:
            await outbound.send(Order("GET", URL(f"{stub.url}/redirect/{status}")), 5)

    assert caught.value.reason in {"address", "url"}
    assert not bad.received


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "unix:///run/docker.sock",
        "http+unix://%2Frun%2Fdocker.sock/info",
        "http://user:secret@127.0.0.1/",
        "http://[::1",
    ],
)
async def test_a_redirect_to_what_may_not_be_asked(target: str) -> None:
    """Metadata, other schemes, credentials and nonsense end the request."""
    async with WebStub(redirect=target) as stub:
        assert await refused(f"{stub.url}/redirect/302", ALL) in {"address", "url"}

    assert len(stub.received) == 1


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "http://u:p@127.0.0.1/", "http://u@127.0.0.1/"],
)
async def test_what_may_not_be_asked(url: str) -> None:
    """Other schemes and credentials in the address are refused before anything is sent."""
    assert await refused(url, ALL) == "url"


async def test_redirects_are_followed_as_browsers_do() -> None:
    """303 becomes GET without a body, 307 repeats both; a few at most."""
    async with WebStub(redirect="/here") as stub, opened(HERE) as (outbound, _):
        for status in (303, 307):
            order = Order("POST", URL(f"{stub.url}/redirect/{status}"), body=b'{"a":1}')
            assert (await outbound.send(order, 5)).ok
        stub.redirect = "/redirect/302"
        assert await refused(f"{stub.url}/redirect/302", HERE) == "redirects"

    assert [(r.method, r.path, r.body) for r in stub.received[:4]] == [
        ("POST", "/redirect/303", b'{"a":1}'),
        ("GET", "/here", b""),
        ("POST", "/redirect/307", b'{"a":1}'),
        ("POST", "/here", b'{"a":1}'),
    ]
    assert len(stub.received) == 8


async def test_secrets_stay_with_their_server() -> None:
    """A redirect takes the headers along on the same server and to no other."""
    async with WebStub() as other, WebStub(redirect="/here") as stub, opened(HERE) as (outbound, _):
        order = Order("GET", URL(f"{stub.url}/redirect/307"), {"X-Key": "s3cret"})
        await outbound.send(order, 5)
        stub.redirect = f"{other.url}/there"
        await outbound.send(order, 5)

    assert [r.headers.get("X-Key") for r in stub.received] == ["s3cret", "s3cret", "s3cret"]
    assert "X-Key" not in other.received[0].headers
    assert "s3cret" not in repr(order)


async def test_a_bomb_is_not_unpacked() -> None:
    """200 MB in 200 kB: no more memory than the limit takes, a few times."""
    async with WebStub() as stub:
        tracemalloc.start()
        try:
            assert await refused(f"{stub.url}/bomb/gzip", HERE, seconds=20) == "too_large"
            assert tracemalloc.get_traced_memory()[1] < 20 * LARGEST_BODY
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("path", ["giant", "endless"])
async def test_bodies_that_are_too_large(path: str) -> None:
    """Giant or endless: reading stops at the limit, and quickly."""
    began = time.monotonic()
    async with WebStub() as stub:
        assert await refused(f"{stub.url}/{path}", HERE, seconds=20) == "too_large"

    assert time.monotonic() - began < 15


async def test_a_body_of_the_greatest_size() -> None:
    """LARGEST_BODY bytes are no more than LARGEST_BODY bytes."""
    async with WebStub(answer="x" * (LARGEST_BODY - 2)) as stub:
        assert len((await send(stub.url, HERE)).body) == LARGEST_BODY


@pytest.mark.parametrize("path", ["drip", "slow/30"])
async def test_slow_servers_are_left(path: str) -> None:
    """A server that says nothing, or a byte now and then, has its time and no more."""
    began = time.monotonic()
    async with WebStub() as stub:
        assert await refused(f"{stub.url}/{path}", HERE, seconds=0.3) == "timeout"

    assert time.monotonic() - began < 3


async def test_packed_answers() -> None:
    """Gzip is unpacked though nobody asked for it; anything else is refused, garbage too."""
    async with WebStub() as stub:
        assert (await send(f"{stub.url}/gzip", HERE)).body == b'{"a": 1}'
        for packing in ("br", "zstd", "gzip, gzip", "gzip"):
            assert await refused(f"{stub.url}/odd-packing/{packing}", HERE) == "encoding"

    assert {r.headers["Accept-Encoding"] for r in stub.received} == {"identity"}


async def test_what_goes_wrong_on_the_way() -> None:
    """A name that nobody has, a closed port, a server that speaks no HTTP or hangs up."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert await refused(f"http://127.0.0.1:{port}/", HERE) == "connection"
    async with opened(HERE, names={"x.test": []}) as (outbound, _):
        with pytest.raises(OutboundError) as caught:
            await outbound.send(Order("GET", URL("http://x.test/")), 5)
    assert caught.value.reason == "dns"
    for said, reason in ((b"SSH-2.0-x\r\n\r\n", "malformed"), (b"", "connection")):
        assert await _against(said) == reason


async def _against(said: bytes) -> str:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        return await refused(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", HERE)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy nobody could check the address: the request goes the straight way."""
    async with WebStub() as stub, WebStub() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await send(stub.url, HERE)).ok
        assert await refused("http://127.0.0.2/", HERE) == "address"

    assert not proxy.received


async def test_cookies_are_not_kept() -> None:
    """What one call was given, the next one does not bring back."""
    headers: Sequence[bytes] = (b"HTTP/1.1 200 OK", b"Set-Cookie: a=1", b"Content-Length: 0")
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"\r\n".join((*headers, b"Connection: close", b"", b"")))
        writer.close()

    server = await asyncio.start_server(answer, "localhost", 0, family=socket.AF_INET)
    async with server, opened(HERE) as (outbound, _):
        url = URL(f"http://localhost:{server.sockets[0].getsockname()[1]}/")
        for _ in range(2):
            await outbound.send(Order("GET", url), 5)

    assert len(seen) == 2
    assert b"cookie" not in seen[1].lower()
