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

from dialogari.sandbox.asterisk import Asterisk, Settings
from dialogari.sandbox.errors import NotRunningError, StartError

if TYPE_CHECKING:
    from dialogari.sandbox.fetch import Installation

DIALPLAN = r"""
[functions]
exten => s,1,Set(A=${TOUPPER(up)} ${LEN(four)} ${URIDECODE(a%20b)} ${BASE64_DECODE(Yg==)})
 same => n,Set(A=${A} ${IF($[1]?yes:no)} ${CUT(x-y,-,2)} ${MATH(1+1,int)} ${CHANNEL(language)})
 same => n,Set(A=${A} ${CALLERID(num)} ${TIMEOUT(absolute)} ${DIALPLAN_EXISTS(functions,s,1)})
 same => n,GoSub(sub,1)
 same => n,Playback(digits/1)
 same => n,Set(GLOBAL(PLAYED)=${PLAYBACKSTATUS})
exten => sub,1,Set(GLOBAL(RESULT)=${A})
 same => n,Return()
[from-sip]
exten => 100,1,Answer()
"""


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
    async with asyncio.timeout(5):
        while not (
            found := re.search(rf"{name}=(.*)", await asterisk.run_cli("dialplan show globals"))
        ):
            await asyncio.sleep(0.05)
    return found[1].strip()


def _listening(pid: int) -> list[str]:
    """Return the local addresses, as the kernel writes them, on which a process can be reached."""
    inodes = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found: list[str] = []
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == state and f"socket:[{cells[9]}]" in inodes:
                found.append(cells[1])
    return found


async def test_it_is_ready_for_ari_under_its_own_name(asterisk_installation: Installation) -> None:
    """When start returns, ARI answers, and under the name that only this Asterisk has."""
    async with Asterisk(asterisk_installation) as asterisk:
        status, info = await _get(asterisk, "/asterisk/info", only="config")
        assert status == 200
        assert asterisk.name in info
        assert (await _get(asterisk, "/api-docs/resources.json"))[0] == 200
        assert "booted" in await asterisk.run_cli("core waitfullybooted")


async def test_nothing_in_its_configuration_is_wrong(asterisk_installation: Installation) -> None:
    """A start logs no error and no warning: each module it loads has what it needs."""
    async with Asterisk(asterisk_installation, dialplan=DIALPLAN) as asterisk:
        log = (asterisk.folder / "log/console").read_text()
    assert "Asterisk Ready" in log
    assert not re.findall(r"^.*(?:ERROR|WARNING)\[.*$", log, re.MULTILINE)


async def test_the_dialplan_has_its_functions_and_sounds(
    asterisk_installation: Installation,
) -> None:
    """The dialplan of the caller runs, with the functions and the English prompts it may use."""
    async with Asterisk(asterisk_installation, dialplan=DIALPLAN) as asterisk:
        await asterisk.run_cli("channel originate Local/s@functions application Wait 3")
        assert await _global(asterisk, "RESULT") == "UP 4 a b b yes y 2 en  0 1"
        assert await _global(asterisk, "PLAYED") == "SUCCESS"


async def test_the_dialplan_can_be_replaced(asterisk_installation: Installation) -> None:
    """A new dialplan counts from the reload on, and still does after a restart."""
    async with Asterisk(asterisk_installation, dialplan="[old]\nexten => s,1,NoOp()\n") as asterisk:
        await asterisk.reload_dialplan("[new]\nexten => s,1,NoOp(naïve ☎)\n")
        assert "naïve ☎" in await asterisk.run_cli("dialplan show new")
        assert "There is no existence of 'old'" in await asterisk.run_cli("dialplan show old")
        await asterisk.restart()
        assert "naïve ☎" in await asterisk.run_cli("dialplan show new")


async def test_it_is_reached_from_this_computer_alone(asterisk_installation: Installation) -> None:
    """Every socket it listens on is bound to 127.0.0.1, and these are ARI's and SIP's."""
    async with Asterisk(asterisk_installation) as asterisk:
        http_port = int(asterisk.url.split(":")[2].removesuffix("/ari"))
        expected = {f"0100007F:{port:04X}" for port in (http_port, asterisk.sip_port)}
        assert set(_listening(asterisk.pid)) == expected


async def test_it_answers_sip(asterisk_installation: Installation) -> None:
    """A SIP request from this computer is taken into the context from-sip."""
    async with Asterisk(asterisk_installation, dialplan=DIALPLAN) as asterisk:
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
            phone.sendto(request.encode(), ("127.0.0.1", asterisk.sip_port))
            answer = await asyncio.to_thread(phone.recv, 4096)
        assert answer.startswith(b"SIP/2.0 200 ")


async def test_it_comes_back_the_same_after_a_kill(asterisk_installation: Installation) -> None:
    """Its pid is Asterisk's own; killed by it, a restart brings back the same address and name."""
    async with Asterisk(asterisk_installation) as asterisk:
        before = (asterisk.url, asterisk.sip_port, asterisk.name, asterisk.password)
        pid = asterisk.pid
        assert b"usr/sbin/asterisk" in Path(f"/proc/{pid}/cmdline").read_bytes().replace(
            b"\0", b" "
        )
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
        assert not Path(f"/proc/{pid}").exists()
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
        processes = [Path(f"/proc/{asterisk.pid}") for asterisk in (one, other)]
    assert not any(process.exists() for process in processes)
    assert not one.folder.exists()
    assert (tmp_path / "box/log/console").exists()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
async def test_it_takes_other_ports_when_its_own_are_taken(
    asterisk_installation: Installation, kind: socket.SocketKind
) -> None:
    """A port that somebody binds between choice and start costs a second try, no more."""
    asterisk = Asterisk(asterisk_installation)
    taken = asterisk.sip_port
    if kind is socket.SOCK_STREAM:
        taken = int(asterisk.url.split(":")[2].removesuffix("/ari"))
    with closing(socket.socket(socket.AF_INET, kind)) as stranger:
        stranger.bind(("127.0.0.1", taken))
        async with asterisk:
            assert str(taken) not in (asterisk.url + str(asterisk.sip_port))
            assert (await _get(asterisk, "/asterisk/info"))[0] == 200


async def test_a_restart_waits_for_its_port(asterisk_installation: Installation) -> None:
    """A port that is taken for a moment while Asterisk is down is waited for, not given up."""
    async with Asterisk(asterisk_installation) as asterisk:
        url = asterisk.url
        await asterisk.kill()
        stranger = socket.create_server(("127.0.0.1", int(url.split(":")[2].split("/")[0])))
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
        assert "sk-secret" not in Path(f"/proc/{asterisk.pid}/environ").read_text()
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
    """ARI reaches FILE() only where the settings say so, as Asterisk's default has it."""
    (tmp_path / "note").write_text("seen")
    settings = Settings(live_dangerously=dangerously)
    async with Asterisk(asterisk_installation, settings=settings) as asterisk:
        _, answer = await _get(
            asterisk, "/asterisk/variable", variable=f"FILE({tmp_path}/note,0,4)"
        )
    assert ("seen" in answer) is dangerously


async def test_settings_limit_the_sessions(asterisk_installation: Installation) -> None:
    """Over the limit of HTTP sessions a connection is closed without a word, as users meet it."""
    async with Asterisk(asterisk_installation, settings=Settings(session_limit=2)) as asterisk:
        port = int(asterisk.url.split(":")[2].removesuffix("/ari"))
        async with asyncio.timeout(10):
            connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            assert await connections[2][0].read() == b""
        for _, writer in connections:
            writer.close()
