"""Keys of the REST API in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dialogari.store.errors import KeyTakenError, PromptNameError, UnknownKeyError
from dialogari.store.keys import PREFIX, digest
from dialogari.store.store import Store

if TYPE_CHECKING:
    from store.behind import Behind


async def test_a_key_is_known_until_it_is_revoked(store: Store) -> None:
    """By itself alone, never by its digest or its name."""
    key = await store.keys.make_key("crm")
    other = await store.keys.make_key("billing")

    assert key != other
    assert len(key.removeprefix(PREFIX)) >= 43  # 256 bits in base64
    assert [made.name for made in await store.keys.list_keys()] == ["billing", "crm"]
    assert await store.keys.find_key(key) == "crm"
    for wrong in (digest(key), "crm", key[:-1], "", "\ud800"):
        assert await store.keys.find_key(wrong) is None
    await store.keys.revoke_key("crm")
    assert await store.keys.find_key(key) is None
    assert await store.keys.find_key(other) == "billing"


async def test_what_can_not_be_done(store: Store) -> None:
    """A name is given once, must be one, and can't be revoked twice."""
    await store.keys.make_key("crm")

    with pytest.raises(KeyTakenError):
        await store.keys.make_key("crm")
    with pytest.raises(PromptNameError):
        await store.keys.make_key("a b")
    with pytest.raises(UnknownKeyError):
        await store.keys.revoke_key("other")


async def test_a_copy_of_the_database_opens_nothing(store: Store, behind: Behind) -> None:
    """The database has the digest alone."""
    key = await store.keys.make_key("crm")

    ((name, kept),) = behind.query("SELECT name, digest FROM api_keys")

    assert (name, kept) == ("crm", digest(key))
    assert key not in str(kept)
