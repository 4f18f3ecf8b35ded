"""Long conversations that are summed up, over real HTTP and on both databases."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from api_serving import ApiClient, ApiServer, api_settings, serving
from model_stub import Asked, ModelStub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

MARK = "[what was said before in this conversation, summed up by a program: "
TOKENS = 220
"""Of which a turn below has about 53: four of them fit, and two stay when there are five."""


def _summing(asked: Asked) -> bool:
    return asked.instructions.startswith("You sum up")


def _words(number: int) -> str:
    return f"question {number} {'x' * 50}"


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _talking(
    folder: Path, stub: ModelStub, **changes: Any
) -> AsyncGenerator[tuple[ApiServer, ApiClient]]:
    values: dict[str, Any] = {"history_tokens": TOKENS, "history_summary": True, **changes}
    async with (
        serving(api_settings(folder, stub, **values)) as server,
        ApiClient(f"{server.url}/api/v1") as api,
    ):
        yield server, api


async def _say(api: ApiClient, number: int, session: str = "s") -> dict[str, Any]:
    answer = await api.post("/turns", {"text": _words(number), "session": session})
    assert answer.json["status"] == "ok", answer.text
    return answer.json


async def _say_until_summed_up(api: ApiClient, stub: ModelStub, first: int = 1) -> int:
    """Take turns until a summary has been asked for; return the number of the next one."""
    before = sum(map(_summing, stub.asked))
    for number in range(first, first + 9):
        await _say(api, number)
        await asyncio.sleep(0.1)
        if sum(map(_summing, stub.asked)) > before:
            return number + 1
    raise AssertionError("no summary in nine turns")


def _act(asked: Asked) -> str:
    if not _summing(asked):
        return f"You said {asked.question[-62:]}"
    return f"Summary\n[{sum('Caller:' in line for line in asked.question.splitlines())}]"


def _questions(asked: Asked) -> list[str]:
    """What the caller said, as the model was told it."""
    return [str(m["content"]) for m in asked.messages if m["role"] == "user"]


async def test_what_falls_out_is_summed_up(
    database_url: str, tmp_path: Path, stub: ModelStub
) -> None:
    """The summary is told in place of the turns it covers; the next one is made of it."""
    stub.act = _act
    async with _talking(tmp_path, stub, database_url=database_url) as (server, api):
        after = await _say_until_summed_up(api, stub)
        (first,) = filter(_summing, stub.asked)
        await _say(api, after)
        told = stub.asked[-1]
        later = await _say_until_summed_up(api, stub, after + 1)
        second = [asked for asked in stub.asked if _summing(asked)][1]
        await asyncio.sleep(0.1)
        spent, asked = server.metrics.render().decode(), len(stub.asked)
        turns = (await api.get("/conversations/s")).json["turns"]

    assert after == 6, "the fifth turn is one too many"
    said = [line for line in first.question.splitlines() if line.startswith("Caller: ")]
    assert said == [f"Caller: {_words(number)}" for number in (1, 2, 3)]
    assert told.instructions == stub.asked[0].instructions
    assert _questions(told)[0] == f"{MARK}Summary (3)] {_words(4)}"
    assert [words[-62:] for words in _questions(told)[1:]] == [_words(5), _words(6)]
    assert second.question.startswith("Summary so far: Summary (3)\n\nSaid since:\nCaller: ")
    assert f"Caller: {_words(4)}\n" in second.question
    assert f"Caller: {_words(3)}\n" not in second.question
    tokens = f'dialogari_tokens_total{{direction="input",model="openai:stub"}} {11.0 * asked}\n'
    assert tokens in spent, "summaries count as well"
    assert len(turns) == later - 1, "all turns stay in the database"


async def test_a_forgotten_conversation_is_not_remembered(
    database_url: str, tmp_path: Path, stub: ModelStub
) -> None:
    """Its summary goes with it."""
    stub.act = _act
    async with _talking(tmp_path, stub, database_url=database_url) as (_, api):
        after = await _say_until_summed_up(api, stub)
        await _say(api, after)
        assert MARK in str(stub.asked[-1].messages)
        assert (await api.delete("/conversations/s")).status == 204

        await _say(api, 1)

    assert _questions(stub.asked[-1]) == [_words(1)]


async def test_it_is_off_where_nobody_asked_for_it(tmp_path: Path, stub: ModelStub) -> None:
    """No request is made for one, and one that is there from before is not told."""
    stub.act = _act
    async with _talking(tmp_path, stub) as (_, api):
        after = await _say_until_summed_up(api, stub)
        await _say(api, after)
    before = len(stub.asked)

    async with _talking(tmp_path, stub, history_summary=False) as (_, api):
        for number in range(after + 1, after + 9):
            await _say(api, number)

    asked = stub.asked[before:]
    assert len(asked) == 8
    assert MARK not in str([one.messages for one in asked])
    assert len(_questions(asked[0])) == 5, "as many turns in full as fit, and the question"


async def test_nobody_waits_for_a_summary(tmp_path: Path, stub: ModelStub) -> None:
    """Turns are answered while one is written, one at a time; the end of the process drops it."""
    stub.act = lambda asked: "word " * 8000 if _summing(asked) else "Yes."
    stub.pace = 0.02
    async with _talking(tmp_path, stub) as (_, api):
        for number in range(1, 13):
            await _say(api, number)
        assert sum(map(_summing, stub.asked)) == 1
        assert not stub.abandoned
    await _until(lambda: stub.abandoned)

    stub.act = _act
    async with _talking(tmp_path, stub) as (_, api):
        await _say(api, 13)
    assert MARK not in str(stub.asked[-1].messages)


@pytest.mark.parametrize("act", ["", " ** "])
async def test_a_summary_that_fails(tmp_path: Path, stub: ModelStub, act: str) -> None:
    """It costs a line of the log; what fits is told as ever, and the next turn tries again."""
    stub.act = lambda asked: act if _summing(asked) else _act(asked)
    with capture_logs() as lines:
        async with _talking(tmp_path, stub) as (_, api):
            after = await _say_until_summed_up(api, stub)
            again = await _say_until_summed_up(api, stub, after)
            await _until(lambda: sum(line["event"] == "summary_failed" for line in lines) == 2)

    failed = [line for line in lines if line["event"] == "summary_failed"]
    assert [line["reason"] for line in failed] == ["empty_answer"] * 2
    assert again == after + 1
    assert "question" not in str(lines)


async def test_the_language_of_the_prompt(tmp_path: Path, stub: ModelStub) -> None:
    """The summary is in it."""
    stub.act = _act
    async with _talking(tmp_path, stub) as (_, api):
        await api.put("/prompts/default", {"content": "Sé breve.", "language": "es-MX"})
        await _say_until_summed_up(api, stub)

    (summing,) = filter(_summing, stub.asked)
    assert "Write it in the language es-MX" in summing.instructions
