"""Tools in the store: edited, found by a turn, and their secrets locked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from dialogari.agent.tool_rules import check_tool
from dialogari.parts import Catalogue
from dialogari.store.errors import SecretKeyError, ToolChangedError, UnknownToolError
from dialogari.store.keyring import Keyring
from dialogari.store.store import Store, open_store
from dialogari.tool import MASK, InvalidToolError, Tool
from dialogari.turn import TurnError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from store.behind import Behind

SECRET = "Bearer very-secret-0123"
HOURS = Tool(
    "hours",
    "When the shop is open.",
    {"type": "object", "properties": {"zone": {}, "day": {"type": "string"}}, "required": ["day"]},
    "https://shop.example/hours/{day}?lang=es",
    headers={"Authorization": SECRET, "X-Shop": "7"},
    timeout=2.5,
    result_path="today.opens",
)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """Return a keyring that makes its own key."""
    return Keyring((), tmp_path / "secret.key")


@pytest.fixture
async def store(url: str, keyring: Keyring) -> AsyncGenerator[Store]:
    """Open the store with it."""
    async with open_store(url, keyring=keyring, check_tool=check_tool) as opened:
        yield opened


async def test_a_stored_tool_is_found_with_all_it_has(store: Store) -> None:
    """A turn gets every field, secrets open, in the order it asked for; unknown names are none."""
    catalogue: Catalogue = store.catalogue
    before = datetime.now(UTC)
    await store.tools.put(replace(HOURS, name="other", headers={}))

    stored = await store.tools.put(replace(HOURS, version=77))
    found = await catalogue.find_tools(["hours", "nobody", "other", "hours"])

    assert [tool.name for tool in found] == ["hours", "other"]
    assert found[0] == replace(HOURS, version=1, updated=stored.updated)
    assert stored.updated is not None
    assert before <= stored.updated <= datetime.now(UTC)
    assert isinstance(found[0], Tool)
    assert list(found[0].parameters["properties"]) == ["zone", "day"]  # in the order written
    assert await catalogue.find_tools([]) == []


async def test_people_see_no_secret(store: Store) -> None:
    """Lists, single tools, what a write returns and every repr have the mask in its place."""
    stored = await store.tools.put(HOURS)
    shown = await store.tools.show("hours")
    listed = await store.tools.list_all()
    used = await store.tools.get("hours")

    assert stored == shown == listed[0]
    assert shown.headers == {"Authorization": MASK, "X-Shop": MASK}
    assert used.headers == HOURS.headers
    assert SECRET not in repr([stored, used, HOURS])


async def test_a_copy_of_the_database_gives_no_secret_away(store: Store, behind: Behind) -> None:
    """Names of headers can be read by hand, their values can't."""
    await store.tools.put(HOURS)

    (row,) = behind.query("SELECT CAST(headers AS TEXT), url FROM tools")

    assert "Authorization" in str(row[0])
    assert "very-secret" not in str(row[0])


async def test_a_mask_keeps_the_secret(store: Store) -> None:
    """What was shown can be stored again; a new header can't be kept, for nothing is there."""
    await store.tools.put(HOURS)
    shown = await store.tools.show("hours")

    again = await store.tools.put(replace(shown, headers={"Authorization": MASK, "X-B": "b"}))
    with pytest.raises(InvalidToolError, match="X-New"):
        await store.tools.put(replace(shown, headers={"X-New": MASK}))

    assert again.version == 2
    used = await store.tools.get("hours")
    assert used.headers == {"Authorization": SECRET, "X-B": "b"}


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://SHOP.example/other?day={day}", True),
        ("https://shop.example:8443/hours/{day}", False),
        ("http://shop.example/hours/{day}", False),
        ("https://thief.example/hours/{day}", False),
    ],
)
async def test_a_secret_does_not_move_to_another_server(
    store: Store, address: str, kept: bool
) -> None:
    """Who may edit a tool without knowing its secrets can't have them sent to himself."""
    await store.tools.put(HOURS)
    moved = replace(await store.tools.show("hours"), url=address)

    if kept:
        await store.tools.put(moved)
    else:
        with pytest.raises(InvalidToolError, match="write its value again"):
            await store.tools.put(moved)

    assert (await store.tools.get("hours")).headers == HOURS.headers


async def test_a_lost_update_is_refused(store: Store) -> None:
    """Who names the version to be replaced is told of an edit in between; 0 means none yet."""
    await store.tools.put(HOURS, replaces=0)
    await store.tools.put(HOURS, replaces=1)
    for replaces in (0, 1, 3):
        with pytest.raises(ToolChangedError):
            await store.tools.put(HOURS, replaces=replaces)
    with pytest.raises(ToolChangedError):
        await store.tools.delete("hours", replaces=1)
    await store.tools.delete("hours", replaces=2)

    assert await store.tools.list_all() == []


@pytest.mark.parametrize("replaces", [0, 1])
async def test_editors_at_the_same_time(
    url: str, keyring: Keyring, store: Store, replaces: int
) -> None:
    """Of those that replace the same version, or make the tool, one wins, in one bridge or two."""
    async with open_store(url, keyring=keyring, check_tool=check_tool) as other:
        for number in range(8):
            tool = replace(HOURS, name=f"t{number}")
            if replaces:
                await store.tools.put(tool)
            done = await asyncio.gather(
                *(s.tools.put(tool, replaces=replaces) for s in [store, other] * 2),
                return_exceptions=True,
            )
            names = sorted(type(outcome).__name__ for outcome in done)
            assert names == ["Tool", *["ToolChangedError"] * 3]


async def test_a_tool_that_nobody_has(store: Store) -> None:
    """Shown, used or deleted: it is unknown."""
    for asked in (store.tools.show, store.tools.get, store.tools.delete):
        with pytest.raises(UnknownToolError):
            await asked("nobody")


async def test_what_is_no_tool_is_not_stored(store: Store) -> None:
    """The check is the store's own: no door can forget it."""
    with pytest.raises(InvalidToolError):
        await store.tools.put(replace(HOURS, url="https://{day}.example/"))

    assert await store.tools.list_all() == []


async def test_a_store_without_a_check_takes_no_tool(url: str) -> None:
    """Nor one without a key, which would have to store secrets as they are."""
    async with open_store(url) as store:
        with pytest.raises(InvalidToolError):
            await store.tools.put(HOURS)
    async with open_store(url, check_tool=check_tool) as store:
        await store.tools.put(replace(HOURS, headers={}))
        with pytest.raises(SecretKeyError):
            await store.tools.put(HOURS)


async def test_secrets_of_another_key_cost_the_tool(
    url: str, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A turn goes on with the tools that can be used; whoever asks for the one is told why."""
    await store.tools.put(HOURS)
    await store.tools.put(replace(HOURS, name="open", headers={}))
    stranger = Keyring((Fernet.generate_key().decode(),), tmp_path / "elsewhere.key")

    async with open_store(url, keyring=stranger, check_tool=check_tool) as other:
        found = await other.catalogue.find_tools(["hours", "open"])
        with pytest.raises(SecretKeyError, match="SECRET_KEY"):
            await other.tools.get("hours")

    assert [tool.name for tool in found] == ["open"]
    assert "the tool hours is left out" in caplog.text


async def test_keys_are_changed_without_a_gap(
    url: str, keyring: Keyring, store: Store, tmp_path: Path
) -> None:
    """A new first key beside the old one, all locked again, then the old one is dropped."""
    await store.tools.put(HOURS)
    new = Fernet.generate_key().decode()

    both = Keyring((new,), tmp_path / "secret.key")
    async with open_store(url, keyring=both, check_tool=check_tool) as other:
        assert (await other.tools.get("hours")).headers == HOURS.headers
        assert await other.tools.lock_again() == 2
    alone = Keyring((new,), tmp_path / "none.key")
    async with open_store(url, keyring=alone, check_tool=check_tool) as other:
        assert (await other.tools.get("hours")).headers == HOURS.headers
    with pytest.raises(SecretKeyError):
        await store.tools.get("hours")
    assert not (tmp_path / "none.key").exists()
    assert keyring.open(keyring.lock("x")) == "x"


async def test_tools_that_cannot_be_read_are_a_status(store: Store, behind: Behind) -> None:
    """A failing read ends as a TurnError with a reason, as the turn's path expects."""
    behind.execute("DROP TABLE tools")

    with pytest.raises(TurnError) as failure:
        await store.catalogue.find_tools(["hours"])

    assert str(failure.value) == "error: store.unavailable"
