"""Prompts by the API, on both databases: versions, restore, ETags, pages."""

from __future__ import annotations

import asyncio
import re

import pytest

from api_serving import ApiClient
from dialogari.telephone import PhoneAction, is_target

WHOLE = {
    "content": "You answer for the shop. {{ vip }} ñandú",
    "model": "openai:gpt-x",
    "language": "es-MX",
    "tools": ["hours", "stock", "crm/find", "calendar/*"],
    "actions": ["set_fact", "hang_up"],
    "transfers": ["sales", "0"],
    "tool_phrase": "Un momento, {{ name }}.",
    "fallback_text": "Un momento.",
    "note": "first",
}


async def test_a_prompt_from_its_making_to_its_end(each_api: ApiClient) -> None:
    """Made, read with all it has, edited, restored, deleted; every write answers with the whole."""
    made = await each_api.post("/prompts", {"name": "shop", **WHOLE})
    read = await each_api.get("/prompts/shop")
    edited = await each_api.put("/prompts/shop", {"content": "Short."})
    restored = await each_api.post("/prompts/shop/versions/1/restore", None)
    versions = await each_api.get("/prompts/shop/versions")
    deleted = await each_api.delete("/prompts/shop")
    gone = await each_api.get("/prompts/shop")

    assert (made.status, made.headers["Location"]) == (201, "/api/v1/prompts/shop")
    assert read.json == made.json
    assert read.json | WHOLE | {"name": "shop", "version": 1} == read.json
    assert (edited.status, edited.json["version"]) == (200, 2)
    for field in ("tools", "actions", "transfers"):
        assert edited.json[field] == []
    for field in ("language", "tool_phrase"):
        assert edited.json[field] is None
    assert (restored.status, restored.json["version"]) == (201, 3)
    assert restored.json["content"] == WHOLE["content"]
    for field in ("tools", "actions", "transfers", "tool_phrase"):
        assert restored.json[field] == WHOLE[field]
    assert restored.json["note"] == "version 1 restored"
    assert [version["version"] for version in versions.json["items"]] == [3, 2, 1]
    assert (deleted.status, deleted.text) == (204, "")
    assert (gone.status, gone.json["code"]) == (404, "prompt.unknown")


async def test_put_makes_what_is_not_there(each_api: ApiClient) -> None:
    """201 and a Location the first time, 200 then; numbers go on after a prompt was deleted."""
    first = await each_api.put("/prompts/new", {"content": "One."})
    second = await each_api.put("/prompts/new", {"name": "new", "content": "Two."})
    await each_api.delete("/prompts/new")
    third = await each_api.put("/prompts/new", {"content": "Three."})

    assert (first.status, first.headers["Location"]) == (201, "/api/v1/prompts/new")
    assert second.status == 200
    assert (third.status, third.json["version"]) == (201, 3)


async def test_a_lost_update_is_refused(each_api: ApiClient) -> None:
    """Of two edits of what both have read, the second is refused; nothing is changed by it."""
    await each_api.put("/prompts/shop", {"content": "One."})
    seen = (await each_api.get("/prompts/shop")).etag

    mine = await each_api.put("/prompts/shop", {"content": "Mine."}, If_Match=seen)
    theirs = await each_api.put("/prompts/shop", {"content": "Theirs."}, If_Match=seen)
    undone = await each_api.delete("/prompts/shop", If_Match=seen)
    older = await each_api.post("/prompts/shop/versions/1/restore", None, If_Match=seen)
    now = await each_api.get("/prompts/shop")
    either = await each_api.put("/prompts/shop", {"content": "X"}, If_Match=f'"77", {now.etag}')

    assert mine.status == 200
    assert mine.etag != seen
    for refused in (theirs, undone, older):
        assert (refused.status, refused.json["code"]) == (412, "changed")
    assert now.json["content"] == "Mine."
    assert either.status == 200


async def test_conditions_on_what_there_is(each_api: ApiClient) -> None:
    """`If-Match: *` wants one, `If-None-Match: *` wants none; without them any write counts."""
    none = await each_api.put("/prompts/a", {"content": "x"}, If_Match="*")
    first = await each_api.put("/prompts/a", {"content": "x"}, If_None_Match="*")
    again = await each_api.put("/prompts/a", {"content": "x"}, If_None_Match="*")
    some = await each_api.put("/prompts/a", {"content": "x"}, If_Match="*")
    weak = await each_api.put("/prompts/a", {"content": "x"}, If_Match=f"W/{some.etag}")
    blind = await each_api.put("/prompts/a", {"content": "x"})

    statuses = [a.status for a in (none, first, again, some, weak, blind)]
    assert statuses == [412, 201, 412, 200, 412, 200]


async def test_of_many_at_once_one_wins(each_api: ApiClient) -> None:
    """Ten edits of the same version at the same time: one is stored, nine are refused."""
    seen = (await each_api.put("/prompts/shop", {"content": "One."})).etag

    answers = await asyncio.gather(
        *(each_api.put("/prompts/shop", {"content": f"{n}"}, If_Match=seen) for n in range(10))
    )
    made = await asyncio.gather(
        *(each_api.post("/prompts", {"name": "once", "content": "x"}) for _ in range(10))
    )

    assert sorted(a.status for a in answers) == [200] + [412] * 9
    assert sorted(a.status for a in made) == [201] + [409] * 9
    versions = (await each_api.get("/prompts/shop/versions")).json["items"]
    assert [version["version"] for version in versions] == [2, 1]


async def test_pages(each_api: ApiClient) -> None:
    """Every prompt once, in the order of names, whatever is made and deleted in between."""
    for name in ("b", "a", "ñ".encode().hex(), "C", "d", "Z9"):
        await each_api.put(f"/prompts/{name}", {"content": "x"})
    names: list[str] = []
    cursor = ""
    while cursor is not None:
        page = await each_api.get(f"/prompts?limit=2{cursor and '&cursor='}{cursor}")
        names += [prompt["name"] for prompt in page.json["items"]]
        assert len(page.json["items"]) <= 2
        cursor = page.json["next"]
        await each_api.delete("/prompts/C")

    assert names == ["C", "Z9", "a", "b", "c3b1", "d", "default"]


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "body.content"),
        ({"content": ""}, "body.content"),
        ({"content": 7}, "body.content"),
        ({"content": "x", "colour": "red"}, "body.colour"),
        ({"content": "x\0"}, "body.content"),
        ({"content": "x" * 200_001}, "body.content"),
        ({"content": "\ud800"}, "body.content"),
        ({"content": "x", "language": "Spanish!"}, "body.language"),
        ({"content": "x", "tools": "hours"}, "body.tools"),
        ({"content": "x", "tools": ["a b"]}, "body.tools.0"),
        ({"content": "x", "tools": ["crm/"]}, "body.tools.0"),
        ({"content": "x", "actions": ["explode"]}, "body.actions.0"),
        ({"content": "x", "actions": "hang_up"}, "body.actions"),
        ({"content": "x", "transfers": ["sales", "s"]}, "body.transfers.1"),
        ({"content": "x", "transfers": ["_x"]}, "body.transfers.0"),
        ({"content": "x", "tool_phrase": "x" * 1001}, "body.tool_phrase"),
        ([], "body"),
        (b"{", "body.1"),
    ],
)
async def test_what_is_no_prompt(api: ApiClient, body: object, location: str) -> None:
    """422 with the place of each fault, and nothing stored."""
    answer = await api.put("/prompts/odd", body, Content_Type="application/json")

    assert answer.status == 422
    assert [fault["location"] for fault in answer.json["errors"]] == [location]
    assert (await api.get("/prompts/odd")).status == 404


async def test_names(api: ApiClient) -> None:
    """What can't stand in a dialplan is refused, and a body that contradicts its address."""
    for name in ("a%20b", "-a", "a%2Cb", "x" * 65):
        assert (await api.put(f"/prompts/{name}", {"content": "x"})).status == 422
    other = await api.put("/prompts/one", {"name": "two", "content": "x"})
    taken = await api.post("/prompts", {"name": "default", "content": "x"})

    assert (other.status, other.json["code"]) == (409, "name.contradicts")
    assert (taken.status, taken.json["code"]) == (409, "prompt.taken")


async def test_all_that_a_telephone_can_do(api: ApiClient) -> None:
    """The API describes the very actions and targets that the store takes."""
    document = (await api.get("/openapi.json")).json
    fields = document["components"]["schemas"]["NewPrompt"]["properties"]
    target = re.compile(fields["transfers"]["items"]["pattern"])

    assert fields["actions"]["items"]["enum"] == [*PhoneAction]
    for name in ("0", "sales", "a" * 40, "9a_", "s", "10", "_a", "a" * 41, "a-b", "", "ä9", "a\n"):
        assert (target.fullmatch(name) is not None) == is_target(name), name
