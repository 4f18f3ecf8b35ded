"""A question to each model, by the way a call takes: what it proves, no list of models would.

It costs a few tokens. A key may be good and the account empty, a model's name right and not ours.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from dialogari.doctor.findings import Finding, fail, ok, warn
from dialogari.turn import AgentRequest, TurnError

if TYPE_CHECKING:
    from dialogari.parts import Agent

QUESTION = "Are you there?"
INSTRUCTIONS = "Answer with the one word: yes"


async def check_model(agent: Agent, name: str, deadline: float) -> Finding:
    """Ask the model that `name`, written like AI_MODEL, means; at most `deadline` seconds."""
    try:
        model = agent.resolve(name)
    except TurnError as error:
        return fail(
            "model.unknown",
            f"DEFAULT_AI_MODEL={name} is no model of a configured provider ({error.reason})",
            "name a configured provider, or set that provider's key",
        )
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(deadline):
            await _ask(agent, model)
    except TurnError as error:
        return _name_failure(model, error.reason)
    except TimeoutError:
        return fail(
            "model.slow",
            f"{model} has not answered one word in {deadline:g} s",
            "raise TURN_DEADLINE, or take a quicker model",
        )
    seconds = asyncio.get_running_loop().time() - began
    return ok("model", f"{model} answers ({seconds:.1f} s)")


async def _ask(agent: Agent, model: str) -> None:
    async with aclosing(agent.reply(AgentRequest(QUESTION, INSTRUCTIONS, model))) as events:
        async for _ in events:
            pass


def _name_failure(model: str, reason: str) -> Finding:
    setting = model.partition(":")[0].upper()
    match reason.partition(".")[2]:
        case "http_401" | "http_403":
            return fail(
                "model.key",
                f"{model} refuses the key ({reason})",
                f"set {setting}_API_KEY to a key that is valid for this model",
            )
        case "http_404":
            return fail(
                "model.not_there",
                f"{setting}_BASE_URL has no {model} ({reason})",
                f"mend {setting}_MODEL_NAME or {setting}_BASE_URL",
            )
        case "http_402" | "http_429":
            return warn(
                "model.limit",
                f"{model} refuses for now: a limit, or no credit ({reason})",
                "look at the account's limits and credit",
            )
        case "connection" | "timeout":
            return fail(
                "model.unreachable",
                f"{model} can't be reached ({reason})",
                f"mend {setting}_BASE_URL, or look at the network, proxy and firewall",
            )
        case _:
            return fail(
                "model.broken",
                f"{model} does not answer as it should ({reason})",
                f"is {setting}_BASE_URL an OpenAI-compatible server? Look at its own log",
            )
