"""`dialogari tool …` as an operator uses it, and a tool from a file to an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dialogari.tool import MASK
from model_stub import Ask, Asked, ModelStub
from processes import openai, run
from web_stub import WebStub

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "Bearer cli-secret-0123"


def _write(folder: Path, server: str, **changes: Any) -> str:
    tool = {
        "name": "hours",
        "description": "When the shop is open.",
        "parameters": {
            "type": "object",
            "properties": {"day": {"type": "string"}},
            "required": ["day"],
        },
        "url": f"{server}/hours/{{day}}",
        "headers": {"Authorization": SECRET},
        "result_path": "open",
        **changes,
    }
    (folder / "hours.json").write_text(json.dumps(tool), encoding="utf-8")
    return "hours.json"


async def test_a_tool_from_a_file_to_an_answer(tmp_path: Path) -> None:
    """Set, tried out, given to a prompt, used by a model; the secret is sent and never shown."""

    def act(asked: Asked) -> str | list[Ask | str]:
        return asked.outcomes[-1] if asked.outcomes else [Ask("hours", '{"day": "Monday"}')]

    here = {"TOOL_NETWORKS": "10.0.0.0/8, 127.0.0.1/32"}
    async with WebStub() as web, ModelStub(act=act) as model:
        first = await run(tmp_path, "tool", "set", _write(tmp_path, web.url))
        tried = await run(tmp_path, "tool", "try", "hours", '{"day": "Sunday"}', **here)
        closed = await run(tmp_path, "tool", "try", "hours", '{"day": "Sunday"}')
        await run(tmp_path, "prompt", "set", "shop", "Be brief.", "--tool", "hours")
        asked = await run(tmp_path, "ask", "When?", "--prompt", "shop", **openai(model), **here)
        failed = await run(tmp_path, "ask", "When?", "--prompt", "shop", **openai(model))

    assert (first.code, first.out) == (0, "hours: version 1\n")
    assert (tried.code, tried.out) == (0, "nine\n")
    assert (closed.code, closed.out) == (1, "")
    assert closed.err.startswith("address: this address may not be reached; TOOL_NETWORKS")
    assert (asked.code, asked.out) == (0, "nine\n")
    assert (failed.code, "may not be reached" in failed.out) == (0, True)
    assert [r.headers["Authorization"] for r in web.received] == [SECRET, SECRET]
    assert [r.path for r in web.received] == ["/hours/Sunday", "/hours/Monday"]
    assert "cli-secret" not in "".join(e.out + e.err for e in (first, tried, closed, asked, failed))


async def test_what_is_shown_can_be_set_again(tmp_path: Path) -> None:
    """The secret is hidden, kept, and can be locked with another key."""
    await run(tmp_path, "tool", "set", _write(tmp_path, "https://shop.example"))
    shown = await run(tmp_path, "tool", "show", "hours")
    again = await run(tmp_path, "tool", "set", stdin=shown.out)
    listed = await run(tmp_path, "tool", "list")
    key = tmp_path / ".local/state/dialogari/secret.key"
    new = {"SECRET_KEY": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="}
    locked = await run(tmp_path, "tool", "relock", **new)
    key.unlink()
    tried = await run(tmp_path, "tool", "try", "hours", "{}", **new)
    lost = await run(tmp_path, "tool", "try", "hours", "{}")
    deleted = await run(tmp_path, "tool", "delete", "hours")
    gone = await run(tmp_path, "tool", "show", "hours")

    assert json.loads(shown.out)["headers"] == {"Authorization": MASK}
    assert again.out == "hours: version 2\n"
    assert "https://shop.example/hours/{day}" in listed.out
    assert locked.out == "secrets locked again: 1\n"
    assert tried.err.startswith("arguments: arguments refused:")
    assert (lost.code, "SECRET_KEY" in lost.err) == (1, True)
    assert (deleted.code, gone.code) == (0, 1)
    assert "hours" in gone.err


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "a b"}, "name:"),
        ({"url": "https://{day}.example/"}, "url:"),
        ({"description": None}, "description: missing"),
        ({"colour": "red"}, "colour: there is no such field"),
        ({"timeout": "5"}, "timeout: of the wrong type"),
        ({"timeout": True}, "timeout: of the wrong type"),
        ({"headers": {"X": 1}}, "headers:"),
        ({"headers": {"X": MASK}}, "header X: there is no value yet"),
    ],
)
async def test_what_is_no_tool(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    """One line that begins with the field, no traceback, exit 1."""
    ended = await run(tmp_path, "tool", "set", _write(tmp_path, "https://x.example", **changes))

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(says)
    assert ended.err.count("\n") == 1


async def test_wrong_usage(tmp_path: Path) -> None:
    """A file that is missing or no JSON, and arguments that are none."""
    missing = await run(tmp_path, "tool", "set", "none.json")
    no_json = await run(tmp_path, "tool", "set", stdin="name: hours")
    a_list = await run(tmp_path, "tool", "set", stdin="[]")
    arguments = await run(tmp_path, "tool", "try", "hours", "Monday")

    assert (missing.code, no_json.code, a_list.code, arguments.code) == (2, 1, 1, 2)
    assert "none.json" in missing.err
    for ended in (missing, no_json, a_list, arguments):
        assert "Traceback" not in ended.err
