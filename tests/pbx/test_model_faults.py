"""Every way in which a model was seen to fail, on a real call: what the dialplan is told, and when.

The model is a stub over real HTTP. One bridge without and one with FALLBACK_AI_MODEL take all
calls of an Asterisk.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from ari_serving import until
from dialogari.sandbox.asterisk import Asterisk
from model_line import (
    DEADLINE,
    Line,
    assert_failed,
    assert_in_time,
    assert_nothing_leaked,
    open_line,
)
from model_stub import Ask, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST = "We are open every day from nine to five."
OPENING = f"{FIRST} On Sundays "
FIRST_TOKEN = 0.4  # FIRST_TOKEN_DEADLINE
STALLED = 1.0  # AI_TIMEOUT for a model that stalls

AT_ONCE = {
    "http_401": ("model_error", "http_401"),
    "http_429": ("model_error", "http_429"),
    "http_500": ("model_error", "http_500"),
    "http_503": ("model_error", "http_503"),
    "html": ("model_error", "unexpected_answer"),
    "endless_html": ("model_error", "malformed_answer"),
    "endless_500": ("model_error", "http_500"),
    "empty": ("model_error", "empty_answer"),
    "blank": ("model_error", "empty_answer"),
    "stall": ("timeout", "timeout"),
    "refused": ("model_error", "connection"),
}
"""Faults before the first word, and how they end without another model: AI_STATUS and why."""
IN_STREAM = {
    "malformed": ("model_error", "malformed_answer"),
    "error_event": ("model_error", "http_500"),
    "drop": ("model_error", "connection"),
    "cut": ("model_error", "ended_early"),
    "stall_in_stream": ("timeout", "timeout"),
}
"""Faults after the first words, or before them where there are none."""
FAULTS = AT_ONCE | IN_STREAM

BROKEN = {
    "no JSON": (Ask("hours", '{"day": '), "arguments_json", "no JSON object"),
    "another shape": (Ask("hours", '{"day": "Doomsday"}'), "arguments", "Doomsday"),
    "unknown tool": (Ask("clock", "{}"), "unknown_tool", "there is no such tool"),
}
"""What a model asks wrongly, the reason, and what it is told."""
RIGHT = Ask("hours", '{"day": "Monday"}', id="call_right")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alone(
    asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Line]:
    """A bridge with one model."""
    async with open_line(asterisk, tmp_path_factory.mktemp("alone")) as line:
        yield line


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def backed(
    asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Line]:
    """A bridge with a fallback."""
    changes = {"fallback_ai_model": "backup", "first_token_deadline": FIRST_TOKEN}
    async with open_line(asterisk, tmp_path_factory.mktemp("backed"), **changes) as line:
        yield line


@pytest.fixture(autouse=True)
def as_new(alone: Line, backed: Line) -> None:
    """Let no test hear of the one before."""
    alone.renew()
    backed.renew()


def limit(fault: str) -> float:
    """Return how long a turn with this fault may take."""
    return STALLED if fault.startswith("stall") else DEADLINE


def expected(model: str, fault: str) -> tuple[str, str]:
    """Return AI_STATUS and AI_ERROR where nobody steps in."""
    status, why = FAULTS[fault]
    return status, "model.timeout" if status == "timeout" else _reason(model, why)


def _reason(model: str, why: str) -> str:
    return why if why == "empty_answer" else f"{model.partition(':')[0]}.{why}"


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_whole_answer(alone: Line, log: io.StringIO, fault: str) -> None:
    """A status, a reason and the fallback text within the deadline; the model is asked once."""
    model = alone.fail_by(fault)

    back = await alone.phone.call("hello", MORE=f"AI_TIMEOUT={limit(fault)},AI_MODEL={model}")

    assert_failed(back.variables, *expected(model, fault))
    assert_in_time(back.variables, limit(fault))
    assert (back.stasis_status, back.branch) == ("SUCCESS", "human")
    assert back["AI_MODEL_USED"] == model
    await alone.closed()
    assert len(alone.model.asked) == (fault != "refused")
    assert await alone.asked() == [(model, _reason(model, FAULTS[fault][1]))]
    assert_nothing_leaked(back.variables, log)


@pytest.mark.parametrize("fault", IN_STREAM)
@pytest.mark.parametrize("line", ["alone", "backed"])
async def test_after_the_first_sentence(
    request: pytest.FixtureRequest, log: io.StringIO, line: str, fault: str
) -> None:
    """In pieces the first was told, the second visit fails; no other model goes on with it."""
    there: Line = request.getfixturevalue(line)
    there.model.opening, there.model.hold = OPENING, asyncio.Event()
    model = there.fail_by(fault)
    seconds = limit(fault) + (1 if fault == "stall_in_stream" else 0)  # time for the first visit
    more = f"AI_TIMEOUT={seconds},AI_MODEL={model}"

    caller = await there.callers.call("hello", more=more)
    first = await caller.hear()
    there.model.hold.set()
    failed = await caller.next()

    assert (first["AI_STATUS"], first["AI_RESPONSE"], first["AI_MORE"]) == ("ok", FIRST, "1")
    assert_failed(failed, *expected(model, fault))
    assert int(failed["AI_LATENCY_MS"] or "") <= (seconds + 1) * 1000
    assert failed["AI_MODEL_USED"] == model
    await there.closed()
    assert not there.backup.asked
    assert await there.asked() == [(model, _reason(model, FAULTS[fault][1]))]
    assert_nothing_leaked(failed, log)
    await caller.hang_up()


@pytest.mark.parametrize(("ask", "reason", "told"), BROKEN.values(), ids=BROKEN)
async def test_a_model_that_corrects_itself(alone: Line, ask: Ask, reason: str, told: str) -> None:
    """It is told what was wrong, asks rightly, and the caller hears the answer."""
    says: list[str | list[Ask | str]] = [[ask], [RIGHT], "At nine."]
    alone.model.act = lambda asked: says[len(asked.outcomes)]

    back = await alone.phone.call("when?", PROMPT="desk")

    assert (back["AI_STATUS"], back["AI_ERROR"], back["AI_RESPONSE"]) == ("ok", "", "At nine.")
    assert_in_time(back.variables)
    wrong, right = alone.model.asked[-1].outcomes
    assert told in wrong
    assert right == "nine"
    calls = (await alone.stored())["tool_calls"]
    assert [call["reason"] for call in calls] == [reason, ""]
    assert [one.path for one in alone.web.received] == ["/hours/Monday"]
    await alone.closed()


@pytest.mark.parametrize(("ask", "reason", "told"), BROKEN.values(), ids=BROKEN)
async def test_a_model_that_never_corrects_itself(
    alone: Line, log: io.StringIO, ask: Ask, reason: str, told: str
) -> None:
    """It may ask so often and no more; then the turn is `model_error`, and nothing was sent."""
    alone.model.act = lambda _: [ask]

    back = await alone.phone.call("when?", PROMPT="desk")

    assert_failed(back.variables, "model_error", "openai.tool_limit")
    assert_in_time(back.variables)
    assert told in alone.model.asked[1].outcomes[0]
    assert alone.model.asked[-1].tool_choice == "none"
    calls = (await alone.stored())["tool_calls"]
    assert {call["status"] for call in calls} == {"failed"}
    assert calls[0]["reason"] == reason
    assert not alone.web.received
    await alone.closed()
    assert_nothing_leaked(back.variables, log)


@pytest.mark.parametrize("fault", ["stall", "stall_in_stream"])
@pytest.mark.parametrize("pieces", ["", "AI_STREAM=1"])
async def test_the_caller_hangs_up(alone: Line, fault: str, pieces: str) -> None:
    """The model's connection is closed, before its first word and after it; others go on."""
    alone.fail_by(fault)
    tag = await alone.phone.dial("hello", MORE=pieces)
    await until(lambda: alone.model.running)

    await alone.phone.hang_up(tag)

    await alone.closed()
    assert len(alone.model.abandoned) == 1
    alone.model.fault = ""
    assert (await alone.phone.call("hello"))["AI_STATUS"] == "ok"


async def test_what_was_dropped_is_in_the_record(alone: Line) -> None:
    """Of an answer in pieces whose caller left, the row says who was asked for it."""
    alone.model.opening = OPENING
    model = alone.fail_by("stall_in_stream")
    caller = await alone.callers.call("hello", more=f"AI_MODEL={model}")
    assert (await caller.hear())["AI_RESPONSE"] == FIRST

    await caller.hang_up()

    await alone.closed()
    assert await alone.asked() == [(model, "openai.cancelled")]
    row = await alone.stored()
    assert (row["status"], row["answer"]) == ("ok", FIRST)


@pytest.mark.parametrize("fault", FAULTS)
async def test_another_model_before_the_first_word(
    backed: Line, log: io.StringIO, fault: str
) -> None:
    """The fallback answers in time, the row says why; the first model's connection is closed."""
    backed.model.opening = ""
    backed.backup.answer = lambda question: f"Backup heard {question}."
    model = backed.fail_by(fault)

    back = await backed.phone.call("hello", MORE=f"AI_MODEL={model}")

    assert (back["AI_STATUS"], back["AI_ERROR"], back["SYSTEM_ERROR"]) == ("ok", "", "")
    assert back["AI_RESPONSE"] == "Backup heard hello."
    assert back["AI_MODEL_USED"] == "backup:second"
    assert_in_time(back.variables)
    stalls = FAULTS[fault][0] == "timeout"
    assert not stalls or int(back["AI_LATENCY_MS"] or "") >= FIRST_TOKEN * 1000
    await backed.closed()
    why = _reason(model, "first_token" if stalls else FAULTS[fault][1])
    assert await backed.asked() == [(model, why), ("backup:second", "")]
    assert_nothing_leaked(back.variables, log)


@pytest.mark.parametrize("fault", IN_STREAM)
async def test_no_other_model_in_mid_stream(backed: Line, fault: str) -> None:
    """Nobody can go on with another's sentence: the turn fails as it does without a fallback."""
    model = backed.fail_by(fault)

    back = await backed.phone.call("hello", MORE=f"AI_TIMEOUT={limit(fault)},AI_MODEL={model}")

    assert_failed(back.variables, *expected(model, fault))
    assert_in_time(back.variables, limit(fault))
    assert back["AI_MODEL_USED"] == model
    await backed.closed()
    assert not backed.backup.asked


@pytest.mark.parametrize("fault", ["http_500", "drop", "stall"])
async def test_what_tools_did_survives_the_change(backed: Line, fault: str) -> None:
    """The fallback is told what the tool said, and does not have it done again."""

    def act(_: Asked) -> str | list[Ask | str]:
        backed.model.fault, backed.model.opening = fault, ""
        return [RIGHT]

    backed.model.act = act
    backed.backup.act = lambda asked: f"At {asked.outcomes[-1]}."
    more = f"AI_MODEL=openai:tool-{fault}"

    back = await backed.phone.call("when?", PROMPT="desk", MORE=more)

    assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "At nine.")
    assert back["AI_MODEL_USED"] == "backup:second"
    assert len(backed.web.received) == 1
    assert [len(asked) for asked in (backed.model.asked, backed.backup.asked)] == [2, 1]
    await backed.closed()


async def test_words_before_a_tool_are_words(backed: Line) -> None:
    """Who has said `Let me see.` in pieces and fails after the tool is followed by nobody."""

    def act(_: Asked) -> str | list[Ask | str]:
        backed.model.fault = "http_500"
        return ["Let me see.", RIGHT]

    backed.model.act = act
    more = "AI_PROMPT_NAME=desk,AI_MODEL=openai:preface"
    caller = await backed.callers.call("when?", more=more)

    first = await caller.hear()
    failed = await caller.next()

    assert (first["AI_RESPONSE"], first["AI_MORE"]) == ("Let me see.", "1")
    assert_failed(failed, "model_error", "openai.http_500")
    assert not backed.backup.asked
    assert (await backed.stored())["answer"] == "Let me see."
    await caller.hang_up()
