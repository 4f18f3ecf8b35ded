"""Address, credentials, rights and clock, each wrong once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from pydantic import SecretStr

from dialogari.doctor.ari import Answer
from dialogari.doctor.findings import Verdict
from dialogari.doctor.reach import check_clock
from doctor.conftest import READER
from doctor.patient import examine, serve

if TYPE_CHECKING:
    from dialogari.config import Settings
    from dialogari.sandbox.asterisk import Asterisk


def at(settings: Settings, url: str) -> Settings:
    """Return the settings with another address of ARI."""
    return settings.model_copy(update={"asterisk_ari_url": url})


async def test_nothing_listens(settings: Settings, free_port: int) -> None:
    """A port where nothing is, and a host that nobody knows."""
    closed = await examine(at(settings, f"http://127.0.0.1:{free_port}"))
    nowhere = await examine(at(settings, "http://no-such-host.invalid:8088"))

    assert closed.bad == {"ari.nothing_listens": Verdict.FAIL}
    assert nowhere.bad == {"ari.nothing_listens": Verdict.FAIL}


@pytest.mark.parametrize(
    ("says", "name"),
    [(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "ari.not_http"), (b"", "ari.closed")],
)
async def test_no_http(settings: Settings, says: bytes, name: str) -> None:
    """A server of another protocol, and one that closes at once."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        report = await examine(at(settings, f"http://127.0.0.1:{port}"))

    assert report.bad == {name: Verdict.FAIL}


async def test_a_server_that_does_not_answer(settings: Settings) -> None:
    """The doctor gives up after its patience."""

    async def sleep(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serve(sleep) as port:
        report = await examine(at(settings, f"http://127.0.0.1:{port}"))

    assert report.bad == {"ari.slow": Verdict.FAIL}


async def test_tls_to_a_port_without(settings: Settings, patient: Asterisk) -> None:
    """https:// to an Asterisk that listens in the clear."""
    report = await examine(at(settings, patient.url.replace("http:", "https:")))

    assert report.bad == {"ari.tls": Verdict.FAIL}


async def test_not_an_ari(settings: Settings, patient: Asterisk) -> None:
    """An HTTP server of another kind, and Asterisk with a wrong prefix."""

    async def greet(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async with serve(greet) as port:
        other = await examine(at(settings, f"http://127.0.0.1:{port}"))
    prefixed = await examine(at(settings, patient.url.replace("/ari", "/pbx/ari")))

    assert other.bad == prefixed.bad == {"ari.not_ari": Verdict.FAIL}


@pytest.mark.parametrize(("status", "name"), [(403, "ari.forbidden"), (503, "ari.booting")])
async def test_refusals(settings: Settings, status: int, name: str) -> None:
    """An access list, and an Asterisk that is still starting."""

    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"message": "no"}, status=status)

    async with serve(refuse) as port:
        report = await examine(at(settings, f"http://127.0.0.1:{port}"))

    assert report.bad == {name: Verdict.FAIL}


@pytest.mark.parametrize(
    "wrong",
    [{"asterisk_ari_password": SecretStr("wrong-one")}, {"asterisk_ari_username": "nobody"}],
)
async def test_a_wrong_password(settings: Settings, wrong: dict[str, object]) -> None:
    """A wrong password or name; the password is in no line."""
    report = await examine(settings.model_copy(update=wrong))

    assert report.bad == {"ari.password": Verdict.FAIL}
    assert "wrong-one" not in str(report)


async def test_missing_settings(settings: Settings) -> None:
    """No user, no password, no address: a line for each."""
    changes = {
        "asterisk_ari_username": "",
        "asterisk_ari_password": SecretStr(""),
        "asterisk_ari_url": "ftp://pbx",
    }
    report = await examine(settings.model_copy(update=changes))

    assert report.bad == {"ari.address": Verdict.FAIL, "ari.no_user": Verdict.FAIL}
    assert [finding.name for finding in report.findings].count("ari.no_user") == 2


async def test_a_user_who_may_only_read(settings: Settings, patient: Asterisk) -> None:
    """read_only = yes is found, without any channel to command."""
    name, password, _ = READER
    changes = {"asterisk_ari_username": name, "asterisk_ari_password": SecretStr(password)}
    report = await examine(settings.model_copy(update=changes), patient.folder / "etc")

    assert report.bad == {"ari.read_only": Verdict.FAIL}


async def test_the_resource_of_asterisk_is_missing(settings: Settings, patient: Asterisk) -> None:
    """ARI without res_ari_asterisk."""
    await patient.run_cli("module unload res_ari_asterisk.so")
    try:
        report = await examine(settings)
    finally:
        await patient.run_cli("module load res_ari_asterisk.so")

    assert report.bad == {"ari.no_asterisk_resource": Verdict.FAIL}


@pytest.mark.parametrize(("seconds", "name"), [(0, "clock"), (9, "clock"), (3600, "clock.skew")])
def test_clocks(seconds: int, name: str) -> None:
    """Clocks that differ by more than a few seconds are told."""
    answer = Answer(200, b"", {"Date": "Sun, 22 Nov 2026 13:48:18 GMT"})
    now = datetime(2026, 11, 22, 13, 48, 18, tzinfo=UTC) + timedelta(seconds=seconds)

    assert check_clock(answer, now).name == name
    assert check_clock(answer, now - 2 * timedelta(seconds=seconds)).name == name
