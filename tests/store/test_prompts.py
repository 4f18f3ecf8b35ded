"""Prompts: every edit is a version, and counts from the next turn on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dialogari.parts import Catalogue
from dialogari.store.errors import PromptNameError, PromptTelephoneError, UnknownPromptError
from dialogari.turn import Prompt, TurnError

if TYPE_CHECKING:
    from dialogari.store.store import Store
    from store.behind import Behind


async def test_a_stored_prompt_is_found_with_all_it_has(store: Store) -> None:
    """Every field comes back, with the version and the moment that the store gave it."""
    catalogue: Catalogue = store.catalogue
    before = datetime.now(UTC)

    stored = await store.prompts.set_prompt(
        Prompt(
            "reception",
            "You work at {{ company }}.\n",
            version=99,
            model="openai:gpt",
            language="es",
            fallback_text="Un momento, por favor.",
            note="first try",
            tools=("opening_hours", "not_there_yet"),
            actions=("hang_up", "set_fact"),
            transfers=("sales", "0"),
            tool_phrase="Un momento, {{ name }}.",
        )
    )

    assert stored.version == 1
    assert stored.created is not None
    assert before <= stored.created <= datetime.now(UTC)
    assert await catalogue.find_prompt("reception") == stored


async def test_an_unknown_prompt_is_none(store: Store) -> None:
    """A name nobody stored is no failure of the store, whatever characters it has."""
    for name in ("nobody", "", "x" * 500, "\ud800", "a\x00", "'"):
        assert await store.prompts.find_prompt(name) is None


async def test_every_edit_is_a_version(store: Store) -> None:
    """The newest edit is in force; the ones before it stay readable, newest first."""
    for content in ("one", "two", "three"):
        await store.prompts.set_prompt(Prompt("reception", content, note=f"say {content}"))

    found = await store.prompts.find_prompt("reception")
    versions = await store.prompts.list_versions("reception")

    assert found == versions[0]
    assert [(version.version, version.content) for version in versions] == [
        (3, "three"),
        (2, "two"),
        (1, "one"),
    ]


async def test_prompts_are_listed_by_name(store: Store) -> None:
    """The list has each prompt once, in the version in force."""
    for name, content in (("b", "1"), ("a", "1"), ("b", "2")):
        await store.prompts.set_prompt(Prompt(name, content))

    listed = await store.prompts.list_prompts()

    assert [(prompt.name, prompt.version) for prompt in listed] == [
        ("a", 1),
        ("b", 2),
        ("default", 1),
    ]


async def test_a_deleted_prompt_is_gone_with_its_versions(store: Store) -> None:
    """Nothing of it can be found again, and another deletion says so."""
    await store.prompts.set_prompt(Prompt("reception", "secret"))

    await store.prompts.delete_prompt("reception")

    assert await store.prompts.find_prompt("reception") is None
    assert [prompt.name for prompt in await store.prompts.list_prompts()] == ["default"]
    with pytest.raises(UnknownPromptError, match="'reception'"):
        await store.prompts.list_versions("reception")
    with pytest.raises(UnknownPromptError, match="'reception'"):
        await store.prompts.delete_prompt("reception")


async def test_a_version_number_is_never_given_twice(store: Store) -> None:
    """After a deletion the numbers go on, so that a turn's prompt and version name one text."""
    await store.prompts.set_prompt(Prompt("reception", "one"))
    await store.prompts.set_prompt(Prompt("reception", "two"))
    await store.prompts.delete_prompt("reception")

    again = await store.prompts.set_prompt(Prompt("reception", "three"))

    assert again.version == 3
    assert await store.prompts.list_versions("reception") == [again]


@pytest.mark.parametrize("name", ["a", "_", "7", "Front-Desk_2.es", "x" * 64])
async def test_names_that_fit_a_dialplan_are_taken(name: str, store: Store) -> None:
    """Letters, digits, `-`, `_` and `.`, 1 to 64 of them."""
    assert (await store.prompts.set_prompt(Prompt(name, "."))).name == name


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "a b", "a/b", "ñ", "a\n", "a,b", "..", "-a", "a)", "\ud800", "a\x00"]
)
async def test_other_names_are_refused(name: str, store: Store) -> None:
    """A name that a dialplan or an address would garble is refused before anything is stored."""
    with pytest.raises(PromptNameError, match="can't name a prompt"):
        await store.prompts.set_prompt(Prompt(name, "."))

    assert len(await store.prompts.list_prompts()) == 1


async def test_a_catalogue_that_cannot_be_read_is_a_status(store: Store, behind: Behind) -> None:
    """A failing read ends as a TurnError with a reason, as the turn's path expects."""
    behind.execute("DROP TABLE prompt_versions")

    with pytest.raises(TurnError) as failure:
        await store.prompts.find_prompt("default")

    assert str(failure.value) == "error: store.unavailable"


@pytest.mark.parametrize(
    ("actions", "transfers"),
    [
        (("transfer",), ()),
        (("hang_up", "explode"), ()),
        ((), ("s",)),
        ((), ("sales,1)",)),
        ((), ("_X.",)),
        ((), ("",)),
        ((), ("ventas-ñ",)),
        ((), ("x" * 41,)),
    ],
)
async def test_what_no_call_can_do_is_refused(
    actions: tuple[str, ...], transfers: tuple[str, ...], store: Store
) -> None:
    """Unknown actions, and targets that are no plain extension."""
    with pytest.raises(PromptTelephoneError):
        await store.prompts.set_prompt(Prompt("a", ".", actions=actions, transfers=transfers))
    assert await store.prompts.find_prompt("a") is None
