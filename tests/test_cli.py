"""The command line as an operator uses it: a process, its output and its exit code."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from model_stub import ModelStub
from processes import openai, run

if TYPE_CHECKING:
    from pathlib import Path


async def test_prompts(tmp_path: Path) -> None:
    """Set makes versions, show prints the newest, list names all, delete removes."""
    first = await run(tmp_path, "prompt", "set", "shop", "You sell books.")
    second = await run(tmp_path, "prompt", "set", "shop", stdin="You sell [red] books.\nAlways.")
    shown = await run(tmp_path, "prompt", "show", "shop")
    listed = await run(tmp_path, "prompt", "list")
    deleted = await run(tmp_path, "prompt", "delete", "shop")
    gone = await run(tmp_path, "prompt", "show", "shop")

    assert (first.code, first.out) == (0, "shop: version 1\n")
    assert second.out == "shop: version 2\n"
    assert shown.out == "You sell [red] books.\nAlways.\n"
    assert "shop" in listed.out
    assert "default" in listed.out
    assert deleted.code == 0
    assert gone.code == 1
    assert "prompt list" in gone.err


async def test_a_prompt_with_all_it_sets(tmp_path: Path) -> None:
    """Show prints each thing that is set, above the text; list stays one line for a prompt."""
    options = {
        "--model": "openai:gpt-x",
        "--language": "es-MX",
        "--fallback": "Un momento.\nYa viene alguien.",
        "--tool": "hours",
        "--action": "hang_up",
        "--transfer": "sales",
        "--tool-phrase": "Un momento, [lo miro].",
        "--note": "first try",
    }
    words = [word for option in options.items() for word in option]
    words += ["--tool", "crm/*", "--transfer", "support"]
    done = await run(tmp_path, "prompt", "set", "shop", "You sell books.", *words)
    shown = await run(tmp_path, "prompt", "show", "shop")
    listed = await run(tmp_path, "prompt", "list")

    assert done.code == 0, done.err
    assert shown.out == (
        "model:       openai:gpt-x\n"
        "language:    es-MX\n"
        "fallback:    Un momento.\n"
        "             Ya viene alguien.\n"
        "tools:       hours, crm/*\n"
        "actions:     hang_up\n"
        "transfers:   sales, support\n"
        "tool phrase: Un momento, [lo miro].\n"
        "note:        first try\n"
        "\n"
        "You sell books.\n"
    )
    (line,) = (line for line in listed.out.splitlines() if "shop" in line)
    assert "openai:gpt-x" in line
    assert "sales" not in listed.out


async def test_a_prompt_from_a_file(tmp_path: Path) -> None:
    """--file reads UTF-8; a missing file, or text and file both, is wrong usage."""
    (tmp_path / "p.txt").write_text("Habla español, ¿vale?", encoding="utf-8")

    done = await run(tmp_path, "prompt", "set", "tienda", "--file", "p.txt")
    shown = await run(tmp_path, "prompt", "show", "tienda")
    missing = await run(tmp_path, "prompt", "set", "tienda", "--file", "none.txt")
    both = await run(tmp_path, "prompt", "set", "tienda", "text", "--file", "p.txt")

    assert (done.code, shown.out) == (0, "Habla español, ¿vale?\n")
    assert (missing.code, both.code) == (2, 2)
    assert "none.txt" in missing.err
    assert "Traceback" not in missing.err + both.err


async def test_a_prompt_name_that_no_dialplan_could_pass(tmp_path: Path) -> None:
    """A bad name is refused with what a name may be, and no traceback."""
    ended = await run(tmp_path, "prompt", "set", "a,b", "text")

    assert ended.code == 1
    assert "a,b" in ended.err
    assert "Traceback" not in ended.err


async def test_ask(tmp_path: Path) -> None:
    """An answer on standard output; a session goes on; --json says all."""
    async with ModelStub() as stub:
        first = await run(tmp_path, "ask", "hello", "--session", "s", **openai(stub))
        second = await run(tmp_path, "ask", "again", "--session", "s", "--json", **openai(stub))

    assert (first.code, first.out, first.err) == (0, "You said hello\n", "")
    answer = json.loads(second.out)
    assert (answer["text"], answer["status"], answer["turn"]) == ("You said again", "ok", 2)
    assert (answer["session"], answer["model"]) == ("s", "openai:stub")
    assert answer["usage"] == {"input_tokens": 11, "output_tokens": 7}
    assert [m["content"] for m in stub.asked[1].messages if m["role"] == "user"] == [
        "hello",
        "again",
    ]


async def test_ask_a_server_by_name(tmp_path: Path) -> None:
    """A server of the settings answers under its name, as a default and as a fallback."""
    async with ModelStub(fault="http_500") as stub, ModelStub() as acme:
        named = {"MODELS_ACME_URL": acme.url, "MODELS_ACME_MODEL": "m", "MODELS_ACME_KEY": "sk-a"}
        first = await run(tmp_path, "ask", "hello", "--json", DEFAULT_AI_MODEL="acme", **named)
        second = await run(
            tmp_path, "ask", "hello", "--json", FALLBACK_AI_MODEL="acme:n", **named, **openai(stub)
        )

    assert (json.loads(first.out)["model"], json.loads(second.out)["model"]) == ("acme:m", "acme:n")
    assert acme.asked[0].authorization == "Bearer sk-a"
    assert "openai.http_500" in second.err  # the warning of the log


async def test_ask_that_fails(tmp_path: Path) -> None:
    """Exit 1 and the reason, whether in words or as JSON."""
    async with ModelStub(fault="http_429") as stub:
        ended = await run(tmp_path, "ask", "hello", **openai(stub))
        no_prompt = await run(tmp_path, "ask", "hello", "--prompt", "x", "--json", **openai(stub))

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "model_error: openai.http_429\n"
    assert (no_prompt.code, json.loads(no_prompt.out)["status"]) == (1, "unknown_prompt")


@pytest.mark.parametrize(
    ("arguments", "environment", "names"),
    [
        (("serve",), {"OPENAI_API_KEY": "k"}, "ASTERISK_ARI_USERNAME: missing"),
        (
            ("serve",),
            {"OPENAI_API_KEY": "k", "ASTERISK_ARI_USERNAME": "u"},
            "ASTERISK_ARI_PASSWORD: missing",
        ),
        (("serve",), {"ASTERISK_ARI_URL": "ftp://pbx"}, "ASTERISK_ARI_URL: "),
        (("ask", "x"), {"TURN_DEADLINE": "soon"}, "TURN_DEADLINE: "),
        (("ask", "x"), {"OPENAI_BASE_URL": "http://127.0.0.1:1"}, "OPENAI_MODEL_NAME: "),
        (
            ("ask", "x"),
            {"OPENAI_API_KEY": "k", "DEFAULT_AI_MODEL": "skynet"},
            "DEFAULT_AI_MODEL: 'skynet'",
        ),
        (
            ("ask", "x"),
            {"DEFAULT_AI_MODEL": "gemini"},
            "GEMINI_API_KEY: missing; DEFAULT_AI_MODEL names 'gemini'",
        ),
        (
            ("ask", "x"),
            {"OPENAI_API_KEY": "k", "FALLBACK_AI_MODEL": "anthropic:claude"},
            "ANTHROPIC_API_KEY: missing; FALLBACK_AI_MODEL names 'anthropic:claude'",
        ),
        (
            ("ask", "x"),
            {"DEFAULT_AI_MODEL": "local", "FALLBACK_AI_MODEL": "skynet"},
            "FALLBACK_AI_MODEL: 'skynet'",
        ),
        (("ask", "x"), {"MODELS_ACME_URL": "http://acme/v1"}, "MODELS_ACME_MODEL: missing"),
        (("ask", "x"), {"DATABASE_URL": "mysql://x"}, "DATABASE_URL"),
        (("ask", "x"), {"DIALOGARI_LOCAL_MODEL": "gpt-9"}, "DIALOGARI_LOCAL_MODEL: 'gpt-9'"),
        (
            ("prompt", "list"),
            {"DIALOGARI_STATE_DIR": "/dev/null/state"},
            "DIALOGARI_STATE_DIR: /dev/null/state can't be made",
        ),
        (
            ("serve",),
            {
                "OPENAI_API_KEY": "k",
                "ASTERISK_ARI_USERNAME": "u",
                "ASTERISK_ARI_PASSWORD": "p",
                "WEB_HOST": "192.0.2.1",
            },
            "WEB_HOST, WEB_PORT: can't listen on 192.0.2.1:8080",
        ),
        (("frobnicate",), {}, "frobnicate"),
    ],
)
async def test_wrong_settings(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], names: str
) -> None:
    """Exit 2 and one line that names the setting, without a traceback."""
    ended = await run(tmp_path, *arguments, **environment)

    assert ended.code == 2
    assert names in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """The web port is named before anything is loaded."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    async with server:
        ended = await run(
            tmp_path,
            "serve",
            OPENAI_API_KEY="k",
            ASTERISK_ARI_USERNAME="u",
            ASTERISK_ARI_PASSWORD="p",
            WEB_PORT=port,
        )

    assert ended.code == 2
    assert f"WEB_HOST, WEB_PORT: can't listen on 127.0.0.1:{port}" in ended.err


async def test_a_caller_is_forgotten(tmp_path: Path) -> None:
    """It says how much there was; a key that nobody has is none."""
    ended = await run(tmp_path, "caller", "forget", "ada")

    assert (ended.code, ended.out) == (0, "conversations deleted: 0\n")
