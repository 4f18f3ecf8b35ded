"""The sandbox on a real Asterisk: what it promises to the demo and to every other test."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from dialogari.sandbox.asterisk import Asterisk, Settings
from dialogari.sandbox.errors import NotRunningError, StartError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.sandbox.fetch import Installation

DIALPLAN = r"""
[functions]
exten => s,1,Set(V=x-y)
 same => n,Set(A=${TOUPPER(up)} ${LEN(four)} ${URIDECODE(a%20b)} ${BASE64_DECODE(Yg==)})
 same => n,Set(A=${A} ${IF($[1]?yes:no)} ${CUT(V,-,2)} ${MATH(1+1,int)} ${CHANNEL(language)})
 same => n,Set(A=${A} ${CALLERID(num)} ${TIMEOUT(absolute)} ${DIALPLAN_EXISTS(functions,s,1)})
 same => n,GoSub(sub,1)
 same => n,Playback(digits/1)
 same => n,Set(GLOBAL(PLAYED)=${PLAYBACKSTATUS})
exten => sub,1,Set(GLOBAL(RESULT)=${A})
 same => n,Return()
[from-sip]
exten => 100,1,Answer()
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(asterisk_installation: Installation) -> AsyncGenerator[Asterisk]:
    """One Asterisk for the tests that leave it as it is."""
    async with Asterisk(asterisk_installation, dialplan=DIALPLAN) as asterisk:
        yield asterisk


async def _get(asterisk: Asterisk, path: str, login: str = "", **query: str) -> tuple[int, str]:
    key = login or f"{asterisk.username}:{asterisk.password}"
    async with (
        aiohttp.ClientSession() as session,
        session.get(asterisk.url + path, params={**query, "api_key": key}) as response,
    ):
        return response.status, await response.text()


async def _post(asterisk: Asterisk, path: str, login: str, **query: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(asterisk.url + path, params={**query, "api_key": login}) as response,
    ):
        return response.status


async def _global(asterisk: Asterisk, name: str) -> str:
    """Return a global variable of the dialplan as soon as a call has set it."""
    for _ in range(100):
        if found := re.search(rf"{name}=(.*)", await asterisk.run_cli("dialplan show globals")):
            return found[1].strip()
        await asyncio.sleep(0.05)
    raise TimeoutError(name)


def _bound_sockets(pid: int, table: str) -> set[str]:
    """Return the local addresses, as the kernel writes them, of a process's unconnected sockets.

    `table` is tcp, tcp6, udp or udp6.
    """
    mine = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    cells = [line.split() for line in lines]
    return {
        local
        for _, local, _, state, *_, inode in (cell[:10] for cell in cells)
        if state in {"0A", "07"} and f"socket:[{inode}]" in mine
    }


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _about(pid: int, what: str) -> str:
    """Return the command line or the environment of a process, its parts separated by blanks."""
    return Path(f"/proc/{pid}/{what}").read_bytes().replace(b"\0", b" ").decode()


def _http_port(asterisk: Asterisk) -> int:
    return int(asterisk.url.split(":")[2].removesuffix("/ari"))


async def test_it_is_ready_for_ari_under_its_own_name(running: Asterisk) -> None:
    """When start returns, ARI answers, and under the name that only this Asterisk has."""
    status, info = await _get(running, "/asterisk/info", only="config")
    assert status == 200
    assert running.name in info
    assert (await _get(running, "/api-docs/resources.json"))[0] == 200
    assert "booted" in await running.run_cli("core waitfullybooted")


async def test_nothing_in_its_configuration_is_wrong(running: Asterisk) -> None:
    """A start logs no error and no warning: each module it loads has what it needs."""
    log = (running.folder / "log/console").read_text().partition("Asterisk Ready")
    assert log[1]
    assert not re.findall(r"^.*(?:ERROR\[|WARNING\[|Unable to load).*$", log[0], re.MULTILINE)


async def test_the_dialplan_has_its_functions_and_sounds(running: Asterisk) -> None:
    """The dialplan of the caller runs, with the functions and the English prompts it may use."""
    await running.run_cli("channel originate Local/s@functions application Wait 3")
    assert await _global(running, "RESULT") == "UP 4 a b b yes y 2 en  0 1"
    assert await _global(running, "PLAYED") == "SUCCESS"


async def test_the_dialplan_can_be_replaced(asterisk_installation: Installation) -> None:
    """A new dialplan counts from the reload on, and still does after a restart."""
    async with Asterisk(asterisk_installation, dialplan="[old]\nexten => s,1,NoOp()\n") as asterisk:
        await asterisk.reload_dialplan("[new]\nexten => s,1,NoOp(naïve ☎)\n")
        assert "naïve ☎" in await asterisk.run_cli("dialplan show new")
        assert "There is no existence of 'old'" in await asterisk.run_cli("dialplan show old")
        await asterisk.restart()
        assert "naïve ☎" in await asterisk.run_cli("dialplan show new")


async def test_it_is_reached_from_this_computer_alone(running: Asterisk) -> None:
    """HTTP and SIP listen on 127.0.0.1; only the DNS client of SIP has sockets elsewhere."""
    http, sip = (f"0100007F:{port:04X}" for port in (_http_port(running), running.sip_port))
    assert _bound_sockets(running.pid, "tcp") == {http}
    assert _bound_sockets(running.pid, "tcp6") == set()
    assert sip in _bound_sockets(running.pid, "udp")


async def test_it_answers_sip(running: Asterisk) -> None:
    """A SIP request from this computer is taken into the context from-sip."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(5)
        here = f"127.0.0.1:{phone.getsockname()[1]}"
        request = (
            f"OPTIONS sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK1\r\n"
            f"From: <sip:me@{here}>;tag=1\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: 1@{here}\r\n"
            f"CSeq: 1 OPTIONS\r\nContact: <sip:me@{here}>\r\nMax-Forwards: 9\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        phone.sendto(request.encode(), ("127.0.0.1", running.sip_port))
        answer = await asyncio.to_thread(phone.recv, 4096)
    assert answer.startswith(b"SIP/2.0 200 ")


async def test_it_comes_back_the_same_after_a_kill(asterisk_installation: Installation) -> None:
    """Its pid is Asterisk's own; killed by it, a restart brings back the same address and name."""
    async with Asterisk(asterisk_installation) as asterisk:
        before = (asterisk.url, asterisk.sip_port, asterisk.name, asterisk.password)
        pid = asterisk.pid
        assert f"asterisk -C {asterisk.folder}" in _about(pid, "cmdline")
        os.kill(pid, signal.SIGKILL)
        await asterisk.restart()
        assert asterisk.pid != pid
        assert (asterisk.url, asterisk.sip_port, asterisk.name, asterisk.password) == before
        assert (await _get(asterisk, "/asterisk/info"))[0] == 200


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_it_can_be_stopped_and_started(asterisk_installation: Installation, way: str) -> None:
    """While stopped it is not there and says so; started again it is."""
    async with Asterisk(asterisk_installation) as asterisk:
        pid = asterisk.pid
        await (asterisk.stop() if way == "stop" else asterisk.kill())
        assert not _is_running(pid)
        with pytest.raises(NotRunningError):
            await asterisk.run_cli("core show version")
        with pytest.raises(NotRunningError):
            _ = asterisk.pid
        await asterisk.start()
        assert "Asterisk" in await asterisk.run_cli("core show version")


async def test_a_temporary_folder_goes_and_a_given_one_stays(
    asterisk_installation: Installation, tmp_path: Path
) -> None:
    """At the end the process has gone, and its folder unless the caller named it."""
    async with (
        Asterisk(asterisk_installation) as one,
        Asterisk(asterisk_installation, folder=tmp_path / "box") as other,
    ):
        assert one.url != other.url
        assert one.folder.stat().st_mode & 0o777 == 0o700
        pids = (one.pid, other.pid)
    assert not any(_is_running(pid) for pid in pids)
    assert not one.folder.exists()
    assert (tmp_path / "box/log/console").exists()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
async def test_it_takes_other_ports_when_its_own_are_taken(
    asterisk_installation: Installation, kind: socket.SocketKind
) -> None:
    """A port that somebody binds between choice and start costs a second try, no more."""
    asterisk = Asterisk(asterisk_installation)
    taken = _http_port(asterisk) if kind is socket.SOCK_STREAM else asterisk.sip_port
    with closing(socket.socket(socket.AF_INET, kind)) as stranger:
        stranger.bind(("127.0.0.1", taken))
        async with asterisk:
            assert taken not in {_http_port(asterisk), asterisk.sip_port}
            assert (await _get(asterisk, "/asterisk/info"))[0] == 200


async def test_a_restart_waits_for_its_port(asterisk_installation: Installation) -> None:
    """A port that is taken for a moment while Asterisk is down is waited for, not given up."""
    async with Asterisk(asterisk_installation) as asterisk:
        url = asterisk.url
        await asterisk.kill()
        stranger = socket.create_server(("127.0.0.1", _http_port(asterisk)))
        asyncio.get_running_loop().call_later(0.7, stranger.close)
        await asterisk.start()
        assert asterisk.url == url
        assert (await _get(asterisk, "/asterisk/info"))[0] == 200


async def test_its_death_at_the_start_is_told_with_its_log(
    asterisk_installation: Installation,
) -> None:
    """An Asterisk that ends at once is a StartError with its last words, and leaves no folder."""
    broken = replace(asterisk_installation, command=("/bin/sh", "-c", "echo no luck; exit 3"))
    asterisk = Asterisk(broken)
    with pytest.raises(StartError, match=r"exit code 3[\s\S]*no luck"):
        async with asterisk:
            pass
    assert not asterisk.folder.exists()


async def test_a_folder_too_deep_for_sockets_is_named(
    asterisk_installation: Installation, tmp_path: Path
) -> None:
    """A folder whose control socket would have too long a name is refused in plain words."""
    with pytest.raises(StartError, match="too deep"):
        await Asterisk(asterisk_installation, folder=tmp_path / ("x" * 100)).start()


async def test_it_sees_none_of_our_secrets(
    asterisk_installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our environment, where keys of models may stand, is not Asterisk's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    async with Asterisk(asterisk_installation) as asterisk:
        assert "sk-secret" not in _about(asterisk.pid, "environ")
        assert asterisk.password not in repr(vars(asterisk))


async def test_settings_add_users_who_may_only_read(asterisk_installation: Installation) -> None:
    """Users of the settings exist, and a reader among them can't change anything."""
    settings = Settings(users=(("reader", "r", True), ("writer", "w", False)))
    async with Asterisk(asterisk_installation, settings=settings) as asterisk:
        variable = {"variable": "X", "value": "1"}
        assert (await _get(asterisk, "/channels", login="reader:r"))[0] == 200
        assert await _post(asterisk, "/asterisk/variable", "reader:r", **variable) == 403
        assert await _post(asterisk, "/asterisk/variable", "writer:w", **variable) == 204


@pytest.mark.parametrize("dangerously", [False, True])
async def test_settings_open_the_dangerous_functions(
    asterisk_installation: Installation, tmp_path: Path, *, dangerously: bool
) -> None:
    """ARI writes by FILE() only where the settings say so, as Asterisk's default has it."""
    settings = Settings(live_dangerously=dangerously)
    async with Asterisk(asterisk_installation, settings=settings) as asterisk:
        login = f"{asterisk.username}:{asterisk.password}"
        variable = f"FILE({tmp_path}/note,,,,u)"
        await _post(asterisk, "/asterisk/variable", login, variable=variable, value="seen")
    assert (tmp_path / "note").exists() is dangerously


async def test_settings_limit_the_sessions(asterisk_installation: Installation) -> None:
    """Over the limit of HTTP sessions a connection is closed without a word, as users meet it."""
    async with Asterisk(asterisk_installation, settings=Settings(session_limit=2)) as asterisk:
        port = _http_port(asterisk)
        async with asyncio.timeout(10):
            connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            # Not always the last: each is counted by a thread of its own.
            reads = [asyncio.ensure_future(reader.read()) for reader, _ in connections]
            ended, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
            assert [read.result() for read in ended] == [b""]
        for _, writer in connections:
            writer.close()
