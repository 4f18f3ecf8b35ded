"""What a model decides about its call, carried out by the printed dialplan of a real Asterisk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from dialogari.app.prompts import open_prompts
from dialogari.config import Settings
from dialogari.dialplan.samples import Sample, action_contexts, limited_context, simple_context
from dialogari.sandbox.asterisk import Asterisk
from dialogari.sandbox.installation import Installation
from dialogari.turn import Prompt
from model_stub import Act, Ask, Asked, ModelStub
from pbx_fixtures import make_settings, running_bridge
from phone import DIALPLAN, Phone

APPLICATION = "decided"
SAMPLE = Sample(application=APPLICATION, prompt="desk")
CONTEXTS = pytest.mark.parametrize("context", ["ask-ai", "ask-ai-limited"])
ALL = Prompt(
    "desk",
    "You are the desk. Customer: {{ customer }}.",
    actions=("hang_up", "send_to_voicemail", "set_fact"),
    transfers=("support", "sales", "nowhere"),
)
CALLERS = f"""
[ask]
exten => ask-ai,1,Gosub(ask-ai,s,1)
 same => n,Goto(facts,1)
exten => ask-ai-limited,1,Gosub(ask-ai-limited,s,1)
 same => n,Goto(facts,1)
exten => facts,1,Set(NET=${{AI_FACT_CUSTOMER}})
 same => n,Goto(back,s,1)
; a site that knows its targets by other means
exten => other,1,Stasis({APPLICATION},UNIQUEID=${{TAG}},AI_PROMPT_NAME=desk)
 same => n,Goto(back,s,1)
; what this site means by support
[ai-transfer]
exten => support,1,Set(NET=${{CONTEXT}} ${{EXTEN}} ${{STACK_PEEK(0,e,1)}})
 same => n,Goto(back,s,1)
{DIALPLAN[DIALPLAN.index("[back]") :]}
[line]
exten => s,1,Wait(600)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(each_installation: Installation) -> AsyncGenerator[Asterisk]:
    """An Asterisk with the contexts that are printed, and one target of its own."""
    contexts = "\n".join((simple_context(SAMPLE), limited_context(SAMPLE), action_contexts()))
    async with Asterisk(each_installation, dialplan=contexts + CALLERS) as asterisk:
        yield asterisk


@asynccontextmanager
async def desk(site: Asterisk, folder: Path, act: Act) -> AsyncGenerator[tuple[Phone, ModelStub]]:
    """Run a bridge whose model acts so, and a telephone."""
    async with ModelStub(act=act) as model:
        settings: Settings = make_settings(site, model, folder, asterisk_app_name=APPLICATION)
        async with running_bridge(settings), Phone(site, APPLICATION) as phone:
            async with open_prompts(settings) as prompts:
                await prompts.set_prompt(ALL)
            yield phone, model


def decide(*calls: Ask, say: str = "Very well.") -> Act:
    """Ask for these one after the other, then say something."""

    def act(asked: Asked) -> str | list[Ask | str]:
        done = len(asked.outcomes)
        return [calls[done]] if done < len(calls) else say

    return act


def transfer(target: str) -> Ask:
    """Ask for a transfer."""
    return Ask("transfer", json.dumps({"target": target}), id=f"call_{target}")


def fact(name: str, value: str) -> Ask:
    """Ask for a fact to be kept."""
    return Ask("set_fact", json.dumps({"name": name, "value": value}))


@CONTEXTS
async def test_a_transfer_lands(site: Asterisk, tmp_path: Path, context: str) -> None:
    """The call goes on in the extension of the target, and has no way back on its stack."""
    async with desk(site, tmp_path, decide(transfer("support"))) as (phone, _):
        back = await phone.call("let me speak with support", context)

    assert (back["AI_STATUS"], back["AI_RESPONSE"]) == ("ok", "Very well.")
    assert (back["AI_ACTION"], back["AI_ACTION_TARGET"]) == ("transfer", "support")
    assert back.net.strip() == "ai-transfer support"


@CONTEXTS
async def test_a_hang_up_hangs_up(site: Asterisk, tmp_path: Path, context: str) -> None:
    """The answer is spoken, and then the caller's own channel is gone."""
    goodbye = decide(Ask("hang_up"), say="Goodbye to you.")
    async with desk(site, tmp_path, goodbye) as (phone, _):
        tag = await phone.dial("bye", context)
        async with asyncio.timeout(10):
            while tag in await site.run_cli("core show channels concise"):
                await asyncio.sleep(0.05)
        assert not phone.came_back(tag)

    spoken = log(site).rindex("speak this: Goodbye to you.")
    assert "[hangup@ai-action:1]" in log(site)[spoken:]


@CONTEXTS
async def test_voicemail_is_reached(site: Asterisk, tmp_path: Path, context: str) -> None:
    """The call goes to the extension of the voicemail."""
    before = log(site).count("[voicemail@ai-action:1]")
    async with desk(site, tmp_path, decide(Ask("send_to_voicemail"))) as (phone, _):
        tag = await phone.dial("I want to leave a message", context)
        async with asyncio.timeout(10):
            while log(site).count("[voicemail@ai-action:1]") == before:
                await asyncio.sleep(0.05)
        await phone.hang_up(tag)


@CONTEXTS
async def test_a_fact_is_read_by_the_dialplan(site: Asterisk, tmp_path: Path, context: str) -> None:
    """The dialplan reads it, made as safe as an answer; without an action the call returns."""
    act = decide(fact("customer", 'Ann "${SHELL(id)}"; O\'Hara, 2 (x'))
    async with desk(site, tmp_path, act) as (phone, _):
        back = await phone.call("I am Ann", context)

    assert (back["AI_STATUS"], back["AI_ACTION"]) == ("ok", "")
    assert back.net == "Ann SHELL(id), O'Hara, 2 x"


async def test_facts_come_back(site: Asterisk, tmp_path: Path) -> None:
    """In a later turn of the conversation the prompt knows what was noted before."""

    def act(asked: Asked) -> str | list[Ask | str]:
        return [fact("Customer", "4711")] if "is 4711" in asked.question else "Very well."

    async with desk(site, tmp_path, act) as (phone, model):
        for words in ("my number is 4711", "and now?"):
            tag = await phone.dial(words, "other", TAG="same")
            phone.expect("same")
            await phone.wait("same")
            await phone.hang_up(tag)

    assert model.asked[0].instructions == "You are the desk. Customer: ."
    assert model.asked[-1].instructions == "You are the desk. Customer: 4711."


async def test_a_target_is_only_ever_one_of_the_list(site: Asterisk, tmp_path: Path) -> None:
    """Of a name that the prompt does not have the model is told, and it may correct itself."""
    async with desk(site, tmp_path, decide(transfer("911"), transfer("Support"))) as (phone, model):
        back = await phone.call("help", "ask-ai")

    assert "not done: target is one of support, sales, nowhere" in model.asked[-1].outcomes[0]
    assert (back["AI_ACTION"], back["AI_ACTION_TARGET"]) == ("transfer", "support")


async def test_a_target_that_the_dialplan_has_not(site: Asterisk, tmp_path: Path) -> None:
    """A name of the list without an extension is refused, and nothing is decided."""
    async with desk(site, tmp_path, decide(transfer("nowhere"))) as (phone, model):
        back = await phone.call("help", "ask-ai")

    assert "not done: nowhere can't be reached" in model.asked[-1].outcomes[0]
    assert (back["AI_STATUS"], back["AI_ACTION"], back["AI_ACTION_TARGET"]) == ("ok", "", "")


async def test_a_site_without_the_context(site: Asterisk, tmp_path: Path) -> None:
    """Where there is no context `ai-transfer` at all, the names of the list are taken on trust."""
    assert "removed" in (await site.run_cli("dialplan remove context ai-transfer")).lower()
    try:
        async with desk(site, tmp_path, decide(transfer("nowhere"))) as (phone, _):
            back = await phone.call("help", "other")
    finally:
        await site.run_cli("dialplan reload")

    assert (back["AI_ACTION"], back["AI_ACTION_TARGET"]) == ("transfer", "nowhere")


async def test_what_was_decided_in_a_failed_turn_does_not_count(
    site: Asterisk, tmp_path: Path
) -> None:
    """A model that decides and then breaks down has decided nothing."""
    act = decide(fact("customer", "x"), transfer("support"), say="")
    async with desk(site, tmp_path, act) as (phone, _):
        back = await phone.call("help", "ask-ai")

    assert (back["AI_STATUS"], back["AI_ERROR"]) == ("model_error", "empty_answer")
    assert (back["AI_ACTION"], back["AI_ACTION_TARGET"], back.net) == ("", "", "")


def log(asterisk: Asterisk) -> str:
    """Return what the console has said."""
    return (asterisk.folder / "log/console").read_text(errors="replace")
