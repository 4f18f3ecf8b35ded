"""What is asked of the server itself, of real Asterisks, the newest and the oldest."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from dialogari.ari import Conflict, InvalidState, RequestFailed
from dialogari.ari.models import ConfigTuple
from dialogari.ari.operations import (
    Applications,
    Asterisk,
    Bridges,
    Channels,
    DeviceStates,
    Endpoints,
    Recordings,
    Sounds,
)

if TYPE_CHECKING:
    from dialogari.ari.request import Send


async def test_reading_of_the_server(send: Send) -> None:
    """What the server says of itself is of the described types."""
    asterisk = Asterisk(send)

    info = await asterisk.get_info(only=["system", "status"])
    whole = await asterisk.get_info()
    modules = await asterisk.list_modules()

    assert info.system is not None
    assert (whole.system, whole.config is not None) == (info.system, True)
    assert (info.build, info.status is not None) == (None, True)
    assert (await asterisk.ping()).ping == "pong"
    assert await asterisk.get_module(modules[0].name) in modules
    assert "Console" in {log.type for log in await asterisk.list_log_channels()}
    assert (await asterisk.get_global_var("NOBODY_HAS_SET_IT")).value == ""


async def test_reading_of_lists(send: Send) -> None:
    """What the server has is of the described types."""
    sounds, endpoints = await Sounds(send).list(), await Endpoints(send).list()

    assert await Sounds(send).get(sounds[0].id) == sounds[0]
    assert await Endpoints(send).list_by_tech("PJSIP") == endpoints
    assert await Endpoints(send).get("PJSIP", endpoints[0].resource) == endpoints[0]
    assert (await DeviceStates(send).get("PJSIP/nobody")).state in {"UNKNOWN", "INVALID"}
    assert isinstance(await Applications(send).list(), list)
    assert isinstance(await Channels(send).list(), list)
    assert isinstance(await Bridges(send).list(), list)
    assert isinstance(await DeviceStates(send).list(), list)
    assert isinstance(await Recordings(send).list_stored(), list)


async def test_changes_of_the_server(send: Send) -> None:
    """Variables, states, logs and modules are changed."""
    asterisk, name = Asterisk(send), f"t{secrets.token_hex(4)}"

    await asterisk.set_global_var(name, value='é,"x')
    assert (await asterisk.get_global_var(name)).value == 'é,"x'
    await DeviceStates(send).update(f"Stasis:{name}", "RINGING")
    assert (await DeviceStates(send).get(f"Stasis:{name}")).state == "RINGING"
    await DeviceStates(send).delete(f"Stasis:{name}")
    await asterisk.add_log(name, "notice,warning")
    with pytest.raises(Conflict):
        await asterisk.add_log(name, "notice,warning")
    await asterisk.rotate_log(name)
    with pytest.raises(InvalidState):
        await asterisk.reload_module("func_uri.so")
    await asterisk.unload_module("func_uri.so")
    await asterisk.load_module("func_uri.so")
    with pytest.raises(Conflict):
        await asterisk.load_module("func_uri.so")


async def test_dynamic_configuration(send: Send) -> None:
    """An object is created, changed, read and deleted; where that can't be, no user is blamed."""
    asterisk, name = Asterisk(send), f"t{secrets.token_hex(4)}"
    place = ("res_pjsip", "contact", name)

    created = await asterisk.update_object(
        *place, fields=[ConfigTuple(attribute="uri", value="sip:a@127.0.0.1")]
    )

    assert ConfigTuple(attribute="uri", value="sip:a@127.0.0.1") in created
    assert sorted(map(repr, await asterisk.get_object(*place))) == sorted(map(repr, created))
    await asterisk.delete_object(*place)
    aor = [ConfigTuple(attribute="max_contacts", value="3")]
    with pytest.raises(RequestFailed, match="403"):
        await asterisk.update_object("res_pjsip", "aor", name, fields=aor)
