"""The demo as a person runs it, from the command to the last answer, with a stub for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.sandbox.fetch import default_cache
from model_stub import ModelStub
from processes import openai, run

if TYPE_CHECKING:
    from pathlib import Path

    from dialogari.sandbox.installation import Installation


async def test_the_conversation_is_held_and_printed(
    asterisk_installation: Installation, tmp_path: Path
) -> None:
    """Every line is asked, remembered, read back by the dialplan, and the exit code is 0."""
    assert asterisk_installation.version
    async with ModelStub() as stub:
        said = ("--say", "hello, you", "--say", "¿sí?")
        ended = await run(tmp_path, "demo", *said, **openai(stub), **_cache())

    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert "USER_INPUT hello, you" in lines
    assert "AI_RESPONSE You said hello, you" in lines
    assert "AI_RESPONSE You said ¿sí?" in lines
    assert lines.count("AI_STATUS ok") == 2
    assert sum(line.startswith("AI_LATENCY_MS ") for line in lines) == 2
    assert len(stub.asked[1].messages) == 4
    assert "Lavender" in stub.asked[0].instructions


async def test_a_model_that_fails_is_shown(
    asterisk_installation: Installation, tmp_path: Path
) -> None:
    """The status and the reason are printed, and the exit code is 1."""
    assert asterisk_installation.version
    async with ModelStub(fault="http_500") as stub:
        ended = await run(tmp_path, "demo", "--say", "hello", **openai(stub), **_cache())

    assert ended.code == 1
    assert "AI_STATUS model_error" in ended.out
    assert "AI_ERROR openai.http_500" in ended.out


async def test_what_is_typed_is_said(asterisk_installation: Installation, tmp_path: Path) -> None:
    """--talk takes lines from the person; an empty one hangs up."""
    assert asterisk_installation.version
    async with ModelStub() as stub:
        typed = "one\ntwo\n\n"
        ended = await run(tmp_path, "demo", "--talk", stdin=typed, **openai(stub), **_cache())

    assert ended.code == 0, ended.err
    assert "AI_RESPONSE You said two" in ended.out


def _cache() -> dict[str, str]:
    """Return where the sandbox lies already, since the process has another home."""
    return {"XDG_CACHE_HOME": str(default_cache().parent.parent)}
