"""What a model may decide about the call: told to it over real HTTP, written down, no more."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

import pytest

from dialogari.agent.answer import ModelAgent
from dialogari.agent.fallback import Fallback
from dialogari.agent.models import Models
from dialogari.agent.provider import Provider
from dialogari.agent.telephone import LONGEST_VALUE, MOST_FACTS
from dialogari.telephone import Action, Decision, Telephone
from dialogari.turn import AgentDone, AgentRequest
from model_stub import Act, Ask, Asked, ModelStub

ALL = Telephone(("hang_up", "send_to_voicemail", "set_fact"), ("sales", "support"))


async def ask(
    model: ModelStub, telephone: Telephone = ALL, backup: ModelStub | None = None
) -> Decision:
    """Ask a question; return what was decided."""
    providers = [Provider("openai", model.url, "stub", "sk-x")]
    if backup is not None:
        providers.append(Provider("backup", backup.url, "b", "sk-x"))
    models = Models(providers, "openai")
    agent = ModelAgent(models, None if backup is None else Fallback("backup:b", 2.0))
    request = AgentRequest("Hello?", "Be brief.", "openai:stub", telephone=telephone)
    last: object = None
    try:
        async with aclosing(agent.reply(request)) as events:
            async for event in events:
                last = event
    finally:
        await models.aclose()
    assert isinstance(last, AgentDone)
    return last.decision


def decide(*calls: Ask) -> Act:
    """Ask for these one after the other, then say something."""

    def act(asked: Asked) -> str | list[Ask | str]:
        done = len(asked.outcomes)
        return [calls[done]] if done < len(calls) else "Very well."

    return act


def call(tool: str, _number: int = 0, /, **arguments: Any) -> Ask:
    """Ask for a tool."""
    return Ask(tool, json.dumps(arguments), id=f"call_{_number}")


async def test_only_what_the_prompt_lets_is_offered() -> None:
    """No tool at all without a word of the prompt; the targets of a transfer are its list."""
    async with ModelStub() as model:
        await ask(model, Telephone())
        await ask(model, Telephone(("hang_up", "explode"), ()))
        await ask(model, Telephone((), ("sales", "s", "support", "sales")))

    assert model.asked[0].tools == []
    assert [tool["function"]["name"] for tool in model.asked[1].tools] == ["hang_up"]
    (transfer,) = (tool["function"] for tool in model.asked[2].tools)
    assert transfer["name"] == "transfer"
    assert transfer["parameters"]["properties"]["target"]["enum"] == ["sales", "support"]


@pytest.mark.parametrize(
    ("asked", "decision"),
    [
        (call("hang_up"), Decision(Action.HANG_UP)),
        (call("hang_up", reason="bye"), Decision(Action.HANG_UP)),
        (call("send_to_voicemail"), Decision(Action.VOICEMAIL)),
        (call("transfer", target="sales"), Decision(Action.TRANSFER, "sales")),
        (call("transfer", target=" SALES "), Decision(Action.TRANSFER, "sales")),
        (call("transfer", target="ai-transfer,sales,1"), Decision()),
        (call("transfer", target=["sales"]), Decision()),
        (call("transfer"), Decision()),
        (call("set_fact", name="customer", value=" Ann "), Decision(facts={"CUSTOMER": "Ann"})),
        (call("set_fact", name="AI_FACT_Order no.", value=7), Decision(facts={"ORDER_NO": "7"})),
        (call("set_fact", name="vip", value=True), Decision(facts={"VIP": "yes"})),
        (call("set_fact", name="vip", value=""), Decision(facts={"VIP": ""})),
        (call("set_fact", name="ai_status", value="x"), Decision(facts={"AI_STATUS": "x"})),
        (call("set_fact", name="ñ)", value="x"), Decision()),
        (call("set_fact", name="a" * 51, value="x"), Decision()),
        (call("set_fact", name=3, value="x"), Decision()),
        (call("set_fact", name="x", value={"a": 1}), Decision()),
        (call("set_fact", name="x", value="y" * (LONGEST_VALUE + 1)), Decision()),
        (call("explode"), Decision()),
    ],
)
async def test_what_is_asked_and_what_is_decided(asked: Ask, decision: Decision) -> None:
    """Targets of the list and plain names of facts are taken, in any case; all else is not."""
    async with ModelStub(act=decide(asked)) as model:
        assert await ask(model) == decision


async def test_the_last_decision_counts() -> None:
    """Of several decisions of a turn the last is the one; facts are kept beside it."""
    calls = (
        call("hang_up", 1),
        call("set_fact", 2, name="a", value="1"),
        call("transfer", 3, target="support"),
        call("set_fact", 4, name="A", value="2"),
    )
    async with ModelStub(act=decide(*calls)) as model:
        decision = await ask(model)

    assert decision == Decision(Action.TRANSFER, "support", {"A": "2"})


async def test_facts_have_an_end() -> None:
    """A model that notes without end is told that it is enough, and what it noted stays."""

    def act(asked: Asked) -> str | list[Ask | str]:
        done = len(asked.outcomes)
        return [
            call("set_fact", number, name=f"F{number}", value="1")
            for number in range(done, min(done + 8, MOST_FACTS + 2))
        ] or "Very well."

    async with ModelStub(act=act) as model:
        decision = await ask(model)

    assert len(decision.facts) == MOST_FACTS
    assert "enough" in model.asked[-1].outcomes[-1]


async def test_a_decision_survives_the_change_of_model() -> None:
    """What the first model decided before it failed is told to the fallback, and counts."""

    def fail(asked: Asked) -> str | list[Ask | str]:
        return "" if asked.outcomes else [call("hang_up")]

    async with ModelStub(act=fail) as model, ModelStub() as backup:
        decision = await ask(model, backup=backup)

    assert decision == Decision(Action.HANG_UP)
    assert "as soon as your answer has been spoken" in backup.asked[0].outcomes[0]
