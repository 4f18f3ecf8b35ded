"""Every program of docs/ari.md and docs/ari-migration.md runs, and Asterisk reads what they show.

`test_NAME` runs the program whose handler is NAME, in a process of its own. The configuration is
that of a real Asterisk 22, word for word but for ports and the test's own user.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from dialogari.ari.testing import FakeAsterisk, Outbound
from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.installation import Installation
from dialogari.sandbox.ports import choose_port
from documents import Example, examples
from either_pbx import LIMIT, FakePhone, Phone, RealPhone, Server, bare_session, send

PROGRAMS = {
    example.name: example
    for page in ("ari.md", "ari-migration.md")
    for example in examples(page, "python")
    if example.is_program
}
FILES = examples("ari.md", "ini")
URL = "http://127.0.0.1:8088"
USER = 'username="me", password="secret"'
OUR_PORT = "9000"
TELEPHONE = """
[probe]
exten => s,1,Goto(phones,100,1)
[line]
exten => s,1,Wait(60)
exten => _K.,1,SendDTMF(${EXTEN:1})
 same => n,Wait(60)
"""


@asynccontextmanager
async def running(
    example: Example, changes: Mapping[str, str]
) -> AsyncGenerator[asyncio.StreamReader]:
    """Run a program; at the end it is stopped as by Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-W", "error", "-c", example.changed(changes)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(LIMIT):
            _, errors = await process.communicate()
    assert errors.decode().splitlines()[-1] == "KeyboardInterrupt"


def at(server: Server, app: str) -> dict[str, str]:
    """Return what to change in a program so that it serves an application there."""
    user = f"username={server.username!r}, password={server.password!r}"
    return {URL: server.url, USER: user, '"hello"': repr(app)}


async def channels_of(server: Server, app: str) -> list[str] | None:
    """Return the calls that an application has; None: it is not connected."""
    async with bare_session(server) as session:
        answer = await send(session, f"{server.url}/applications/{app}", "GET")
    return answer.body["channel_ids"] if answer.status == 200 else None


async def wait_for(server: Server, app: str, count: int) -> None:
    """Wait until an application is connected and has so many calls."""
    async with asyncio.timeout(3 * LIMIT):
        while (calls := await channels_of(server, app)) is None or len(calls) != count:
            await asyncio.sleep(0.05)


async def type_at(phone: Phone, app: str, output: asyncio.StreamReader) -> None:
    """Call an application, type four digits, and see the program tell them."""
    await phone.call(app)
    await phone.press("1234")
    async with asyncio.timeout(3 * LIMIT):
        assert (await output.readline()).decode().endswith(" typed 1234\n")


def test_all() -> None:
    """No program is left out."""
    assert [name for name in PROGRAMS if f"test_{name}" not in globals()] == []


async def test_greet(phone: Phone, app: str) -> None:
    """The first program answers, plays, and prints what was typed."""
    async with running(PROGRAMS["greet"], at(phone.server, app)) as output:
        await wait_for(phone.server, app, 0)
        await type_at(phone, app, output)


async def test_greet_has_ten_lines() -> None:
    """It is as short as promised."""
    assert len([line for line in PROGRAMS["greet"].source.splitlines() if line]) == 10


async def test_hello(phone: Phone, app: str) -> None:
    """The example of others says each key back, and # leads back to the dialplan."""
    async with running(PROGRAMS["hello"], at(phone.server, app)):
        await wait_for(phone.server, app, 0)
        await phone.call(app)
        await wait_for(phone.server, app, 1)
        await phone.press("5#")
        await wait_for(phone.server, app, 0)


async def test_welcome(fake: FakeAsterisk, app: str) -> None:
    """Where Asterisk connects, the program is the same but for `listen`."""
    phone, port = FakePhone(fake), str(choose_port(socket.SOCK_STREAM))
    async with running(PROGRAMS["welcome"], {OUR_PORT: port, '"hello"': repr(app)}) as output:
        await fake.connect_out(Outbound(f"ws://127.0.0.1:{port}/", "asterisk", "sesame", (app,)))
        await type_at(phone, app, output)


@pytest_asyncio.fixture
async def configured(asterisk_installation: Installation) -> AsyncGenerator[Asterisk]:
    """A real Asterisk that has read what the page says of the inbound way."""
    (extensions,) = (file.source for file in FILES if file.name == "extensions.conf")
    async with Asterisk(asterisk_installation, dialplan=extensions + TELEPHONE) as asterisk:
        port = str(urlsplit(asterisk.url).port)
        http, ari = (file for file in FILES[:2])
        _write(asterisk, "http.conf", http.changed({"8088": port}))
        _write(asterisk, "ari.conf", ari.source + _our_user(asterisk))
        await asterisk.run_cli("module reload http")
        await asterisk.run_cli("module reload res_ari.so")
        yield asterisk


def _write(asterisk: Asterisk, name: str, text: str) -> None:
    (asterisk.folder / "etc" / name).write_text(text, encoding="utf-8")


def _our_user(asterisk: Asterisk) -> str:
    return f"\n[{asterisk.username}]\ntype = user\npassword = {asterisk.password}\n"


async def test_inbound(configured: Asterisk) -> None:
    """With the files of the page, and its dialplan, the first program serves a call."""
    changes = {"http://127.0.0.1:8088": configured.url}
    async with running(PROGRAMS["greet"], changes) as output:
        await wait_for(configured, "hello", 0)
        await type_at(RealPhone(configured), "", output)


@pytest.mark.parametrize("kind", ["persistent", "per_call_config"])
async def test_outbound(configured: Asterisk, kind: str) -> None:
    """With the further files Asterisk connects to a program that listens, in both ways."""
    port = str(choose_port(socket.SOCK_STREAM))
    _, ari, *_, client, outbound = FILES
    changes = {OUR_PORT: port, "= persistent": f"= {kind}"}
    _write(configured, "websocket_client.conf", client.changed(changes))
    _write(configured, "ari.conf", ari.source + _our_user(configured) + outbound.source)
    async with running(PROGRAMS["welcome"], {OUR_PORT: port}) as output:
        await listening(int(port))
        await configured.run_cli("module reload res_ari.so")
        await type_at(RealPhone(configured), "", output)


async def listening(port: int) -> None:
    """Wait until somebody listens."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return await writer.wait_closed()


async def test_types(tmp_path: Path) -> None:
    """A strict type checker has nothing to say about any example."""
    for page in ("ari.md", "ari-migration.md"):
        for example in examples(page, "python"):
            place = tmp_path / f"{example.name}.py"
            place.write_text("\n" * example.line + example.source, encoding="utf-8")
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    checker = Path(sys.executable).with_name("basedpyright")
    process = await asyncio.create_subprocess_exec(
        *(checker, "--pythonpath", sys.executable, "--project", tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert told.decode() == "0 errors, 0 warnings, 0 notes\n"
