"""Answers in pieces on a real Asterisk: the caller hears the first while the model still writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from dialogari.app.bridge import Bridge
from dialogari.config import Settings
from dialogari.sandbox.asterisk import Asterisk
from model_stub import ModelStub
from pbx_fixtures import make_settings, running_bridge, start_process
from piecewise import callers_of

SENTENCES = [
    "We are open every day from nine to five.",
    "On Sundays we open at ten, if it rains.",
    "You find us beside the old town hall.",
    "There is a place to park behind it.",
]
ANSWER = " ".join(SENTENCES)


async def until(condition: Callable[[], object], limit: float = 5.0) -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def slow_model(stub: ModelStub) -> None:
    """A model that needs four times a while for an answer of four sentences."""
    stub.answer = lambda _: ANSWER
    stub.pace = 0.3


async def subscriptions(bridge: Bridge) -> list[str]:
    """Return the channels that Asterisk tells the bridge of."""
    client = bridge._client  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what no page shows
    assert client is not None
    session = client.session
    return (await session.applications.get(session.application)).channel_ids


async def no_subscriptions(bridge: Bridge) -> None:
    """Wait until Asterisk tells the bridge of no channel."""
    async with asyncio.timeout(5):
        while await subscriptions(bridge):
            await asyncio.sleep(0.02)


async def said_before(stub: ModelStub) -> list[str]:
    """Return what the model was told last that it had said."""
    return [m["content"] for m in stub.asked[-1].messages if m["role"] == "assistant"]


async def test_all_pieces_in_order(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub
) -> None:
    """The first sentence comes while the model writes; all come, in order, and then no more."""
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("when are you open?")
        first = await caller.hear()
        assert (first["AI_STATUS"], first["AI_RESPONSE"]) == ("ok", SENTENCES[0])
        assert (first["AI_MORE"], first["AI_TURN"], first["AI_MODEL_USED"]) == (
            *("1", "1"),
            "openai:stub",
        )
        assert int(first["AI_LATENCY_MS"] or "") < 900 < 4 * 300
        assert await subscriptions(bridge)

        pieces = [SENTENCES[0], *await caller.rest()]
        await no_subscriptions(bridge)
        assert len(pieces) > 2
        assert " ".join(pieces).strip() == ANSWER

        stub.pace = 0
        await caller.go("ask", "and what did you say?")
        again = await caller.hear()
        assert again["AI_TURN"] == "2"
    assert await said_before(stub) == [ANSWER]


async def test_what_is_ready_comes_together(
    asterisk: Asterisk, settings: Settings, bridge: Bridge
) -> None:
    """While the first piece was spoken the model has finished: the rest comes at once."""
    assert bridge
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("when are you open?")
        await caller.hear()
        await asyncio.sleep(1.5)
        second = await caller.next()

    assert (second["AI_RESPONSE"], second["AI_MORE"]) == (" ".join(SENTENCES[1:]), "0")
    assert int(second["AI_LATENCY_MS"] or "") < 250


async def test_one_sentence(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub
) -> None:
    """An answer of one sentence is told as a whole: there is no more to come for."""
    stub.answer = lambda _: "Yes."
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        heard = await (await exchange.call("are you there?")).hear()
        assert (heard["AI_STATUS"], heard["AI_RESPONSE"], heard["AI_MORE"]) == ("ok", "Yes.", "0")
        assert await subscriptions(bridge) == []


@pytest.mark.parametrize("where", ["at the probe", "speak"])
async def test_a_hang_up_between_two_pieces(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub, where: str
) -> None:
    """It ends the model's request and the subscription; what was heard stays in history."""
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("when are you open?", "kept")
        await caller.hear()
        if where == "speak":
            await caller.go("speak")
            await asyncio.sleep(0.2)
        await caller.hang_up()
        await until(lambda: stub.abandoned)
        await no_subscriptions(bridge)

        stub.pace = 0
        await (await exchange.call("hello again", "kept")).hear()
    assert await said_before(stub) == [SENTENCES[0]]


async def test_a_hang_up_after_the_second_piece(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub
) -> None:
    """The subscription outlives the visits to Stasis() between."""
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("when are you open?")
        await caller.hear()
        assert (await caller.next())["AI_MORE"] == "1"
        await caller.hang_up()
        await until(lambda: stub.abandoned)
        await no_subscriptions(bridge)


async def test_a_hang_up_while_it_waits_for_a_piece(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub
) -> None:
    """In Stasis() too the model is told so."""
    stub.pace = 1.0
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("when are you open?")
        await caller.hear()
        await caller.go()
        await asyncio.sleep(0.3)
        await caller.hang_up()
        await until(lambda: stub.abandoned, 1.0)
        await no_subscriptions(bridge)


@pytest.mark.parametrize("extension", ["ask", "ask_whole"])
async def test_a_new_question_cancels_the_rest(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub, extension: str
) -> None:
    """Its model's request ends, and the model knows only what was heard of the first answer."""
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("when are you open?")
        await caller.hear()
        stub.answer = lambda _: "Certainly."
        await caller.go(extension, "no, on Monday")
        heard = await caller.hear()

        assert (heard["AI_RESPONSE"], heard["AI_MORE"]) == ("Certainly.", "0")
        assert (heard["AI_TURN"], len(stub.abandoned)) == ("2", 1)
        assert await said_before(stub) == [SENTENCES[0]]
        gone = await caller.next()
        assert (gone["AI_STATUS"], gone["AI_RESPONSE"], gone["AI_MORE"]) == ("ok", "", "0")
        await no_subscriptions(bridge)


async def test_old_words_are_no_new_question(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub
) -> None:
    """AI_CONTINUE goes on whatever USER_INPUT says, in the variable and in the arguments."""
    assert bridge
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("when are you open?")
        await caller.hear()
        await caller.go("with_words")
        heard = await caller.hear()

    assert (heard["AI_RESPONSE"] or "").startswith(SENTENCES[1])
    assert len(stub.asked) == 1


async def test_a_continuation_nobody_knows(
    asterisk: Asterisk, settings: Settings, stub: ModelStub
) -> None:
    """A bridge that was restarted between two pieces: `ok`, nothing to say, and no more."""
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        async with start_process(settings) as process:
            caller = await exchange.call("when are you open?", "restarted")
            await caller.hear()
            process.kill()
            await process.wait()
        async with start_process(settings):
            heard = await caller.next()
            assert (heard["AI_STATUS"], heard["AI_RESPONSE"], heard["AI_MORE"]) == ("ok", "", "0")
            assert [heard[name] for name in ("AI_ERROR", "SYSTEM_ERROR", "ARI_ERROR")] == [""] * 3
            stub.pace = 0
            await caller.go("ask", "hello?")
            assert (await caller.hear())["AI_TURN"] == "2"
    assert await said_before(stub) == [SENTENCES[0]]


async def test_two_calls_of_one_conversation(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub
) -> None:
    """Each has its own pieces; the second question waits for the first model, not its caller."""
    assert bridge
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        one = await exchange.call("when are you open?", "both")
        assert (await one.hear())["AI_TURN"] == "1"
        stub.answer = lambda _: " ".join(SENTENCES[2:])
        two = await exchange.call("hello", "both")
        first = await two.hear()

        assert (first["AI_RESPONSE"], first["AI_TURN"], first["AI_MORE"]) == (
            *(SENTENCES[2], "2"),
            "1",
        )
        assert await one.rest() == [" ".join(SENTENCES[1:])]
        assert " ".join(await two.rest()).strip() == SENTENCES[3]


async def test_a_failure_in_mid_stream(
    asterisk: Asterisk, settings: Settings, bridge: Bridge, stub: ModelStub
) -> None:
    """What was spoken before it stays in history, and the bridge hears no more of the channel."""
    stub.fault, stub.opening = "drop", f"{SENTENCES[0]} On Sundays "
    async with callers_of(asterisk, settings.asterisk_app_name) as exchange:
        caller = await exchange.call("when are you open?")
        assert (await caller.hear())["AI_RESPONSE"] == SENTENCES[0]
        assert (await caller.next())["AI_STATUS"] == "model_error"
        await no_subscriptions(bridge)

        stub.fault, stub.pace = "", 0
        await caller.go("ask", "what?")
        assert (await caller.hear())["AI_TURN"] == "2"
    assert await said_before(stub) == [SENTENCES[0]]


async def test_the_end_of_the_bridge_waits_for_the_rest(
    asterisk: Asterisk, stub: ModelStub, settings: Settings
) -> None:
    """SIGTERM between two pieces: the rest is still told, and then it ends with 0."""
    assert stub
    async with (
        callers_of(asterisk, settings.asterisk_app_name) as exchange,
        start_process(settings) as process,
    ):
        caller = await exchange.call("when are you open?")
        await caller.hear()
        process.terminate()
        await asyncio.sleep(0.2)
        rest = await caller.rest()
        async with asyncio.timeout(10):
            code = await process.wait()

    assert " ".join(rest).strip() == " ".join(SENTENCES[1:])
    assert code == 0


async def test_fifty_callers_at_once(
    asterisk: Asterisk, stub: ModelStub, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each of 50 hears his own answer, whole and in order."""
    stub.answer = lambda question: f"You said {question}. Is that right? Tell me when it is not."
    stub.pace = 0.2
    settings = make_settings(asterisk, stub, tmp_path_factory.mktemp("fifty"), turn_deadline=15.0)

    async with (
        running_bridge(settings) as bridge,
        callers_of(asterisk, settings.asterisk_app_name) as exchange,
    ):

        async def one(number: int) -> str:
            caller = await exchange.call(f"number {number}")
            heard = await caller.hear()
            return " ".join([heard["AI_RESPONSE"] or "", *await caller.rest()]).strip()

        answers = await asyncio.gather(*(one(number) for number in range(50)))
        await no_subscriptions(bridge)

    assert answers == [
        f"You said number {number}. Is that right? Tell me when it is not." for number in range(50)
    ]
