"""`dialogari mcp …` and the telephone's options as an operator uses them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from model_stub import Ask, Asked, ModelStub
from processes import openai, run

SECRET = "hush-hush-4711"


async def test_a_server_from_a_file_to_an_answer(tmp_path: Path) -> None:
    """Set, shown without its secret, tried, given to a prompt, used by a model, deleted."""

    def act(asked: Asked) -> str | list[Ask | str]:
        names = [tool["function"]["name"] for tool in asked.tools]
        if "shop_hours" not in names:
            return "No tools."
        return asked.outcomes[-1] if asked.outcomes else [Ask("shop_hours", '{"day": "Monday"}')]

    program = str(Path(__file__).parent / "mcp_program.py")
    row = {"name": "shop", "command": sys.executable, "args": [program], "env": {"KEY": SECRET}}
    (tmp_path / "shop.json").write_text(json.dumps(row), encoding="utf-8")
    async with ModelStub(act=act) as model:
        stored = await run(tmp_path, "mcp", "set", "shop.json")
        shown = await run(tmp_path, "mcp", "show", "shop")
        listed = await run(tmp_path, "mcp", "try", "shop")
        tried = await run(tmp_path, "mcp", "try", "shop", "hours", '{"day": "Sunday"}')
        unknown = await run(tmp_path, "mcp", "try", "shop", "nothing")
        await run(tmp_path, "prompt", "set", "shop", "Be brief.", "--tool", "shop/*")
        asked = await run(tmp_path, "ask", "When?", "--prompt", "shop", **openai(model))
        deleted = await run(tmp_path, "mcp", "delete", "shop")
        after = await run(tmp_path, "ask", "When?", "--prompt", "shop", **openai(model))

    assert (stored.code, stored.out) == (0, "shop: version 1\n")
    assert SECRET not in shown.out
    assert json.loads(shown.out)["env"] == {"KEY": "********"}
    assert "shop/hours: When the shop is open.\n" in listed.out
    assert (tried.code, tried.out) == (0, "Sunday: nine\n")
    assert (unknown.code, unknown.out) == (1, "")
    assert "shop has no tool 'nothing'" in unknown.err
    assert (asked.code, asked.out) == (0, "Monday: nine\n")
    assert deleted.code == 0
    assert (after.code, after.out) == (0, "No tools.\n")


async def test_a_server_that_is_away(tmp_path: Path) -> None:
    """`try` says why; a turn goes on without its tools."""
    row = {"name": "gone", "command": "/nowhere/at-all"}
    (tmp_path / "gone.json").write_text(json.dumps(row), encoding="utf-8")
    async with ModelStub() as model:
        await run(tmp_path, "mcp", "set", "gone.json")
        tried = await run(tmp_path, "mcp", "try", "gone")
        await run(tmp_path, "prompt", "set", "shop", "Be brief.", "--tool", "gone/*")
        asked = await run(tmp_path, "ask", "Hello", "--prompt", "shop", **openai(model))

    assert (tried.code, tried.err) == (1, "gone is away: FileNotFoundError\n")
    assert (asked.code, asked.out) == (0, "You said Hello\n")


async def test_what_a_model_may_decide(tmp_path: Path) -> None:
    """`prompt set` takes targets and actions, refuses others; `ask` tells what was decided."""

    def act(asked: Asked) -> str | list[Ask | str]:
        call = Ask("transfer", '{"target": "sales"}')
        return "One moment." if asked.outcomes else [call]

    async with ModelStub(act=act) as model:
        bad = await run(tmp_path, "prompt", "set", "desk", "Hi.", "--action", "explode")
        words = ("Hi.", "--action", "hang_up", "--transfer", "sales", "--transfer", "support")
        good = await run(tmp_path, "prompt", "set", "desk", *words)
        asked = await run(tmp_path, "ask", "Sales", "--prompt", "desk", "--json", **openai(model))

    assert bad.code == 1
    assert "'explode' is no action of the telephone" in bad.err
    assert good.code == 0
    told = json.loads(asked.out)
    assert (told["text"], told["action"], told["action_target"]) == (
        "One moment.",
        "transfer",
        "sales",
    )
    assert sorted(tool["function"]["name"] for tool in model.asked[0].tools) == [
        "hang_up",
        "transfer",
    ]
