"""The tools of the telephone: what a model may decide about the call that it speaks in.

Each plays `AgentTool` and does no more than write the decision down. It is carried out by the
dialplan after the answer has been spoken, and only where the turn ends ok: a model that is refused
here is told why and may decide otherwise, and of several decisions the last one counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic_ai.tools import ToolDefinition

from dialogari.agent.tools import ToolFailedError
from dialogari.telephone import Action, Decision, PhoneAction, is_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dialogari.agent.tools import AgentTool
    from dialogari.telephone import CallControl, Telephone

MOST_FACTS: Final = 16
"""Facts that a model may note in one turn."""
LONGEST_VALUE: Final = 500
"""Characters of a fact; a dialplan reads 4,095 bytes of a variable."""
_CHECK: Final = 2.0
"""Seconds for asking the dialplan whether there is a target."""
_AT_ONCE: Final = 1.0
_PREFIX: Final = "AI_FACT_"
_FACT: Final = re.compile(r"[A-Z0-9_]{1,50}")
_ODD: Final = re.compile(r"[^A-Z0-9]+")
_GOODBYE: Final = "Now say goodbye to the caller in one short sentence."
_NOTHING: Final[dict[str, Any]] = {"type": "object", "properties": {}}


@dataclass(slots=True)
class Notes:
    """What the model has decided so far in this turn."""

    action: Action | None = None
    target: str = ""
    facts: dict[str, str] = field(default_factory=dict[str, str])

    def decide(self, action: Action, target: str = "") -> None:
        """Write down what the call should do next."""
        self.action, self.target = action, target

    def read(self) -> Decision:
        """Return what is written down now."""
        return Decision(self.action, self.target, dict(self.facts))


def phone_tools(telephone: Telephone, notes: Notes) -> Iterator[AgentTool]:
    """Yield the tools that a prompt offers; what they decide stands in `notes`."""
    names = tuple(filter(is_target, dict.fromkeys(telephone.transfers)))
    if names:
        yield _Transfer(names, telephone.control, notes)
    if PhoneAction.HANG_UP in telephone.actions:
        yield _Leave(
            PhoneAction.HANG_UP,
            "Hang up. Use it when the caller has said goodbye or wants nothing more.",
            Action.HANG_UP,
            notes,
        )
    if PhoneAction.SEND_TO_VOICEMAIL in telephone.actions:
        yield _Leave(
            PhoneAction.SEND_TO_VOICEMAIL,
            "Send the caller to voicemail. Use it when the caller wants to leave a message.",
            Action.VOICEMAIL,
            notes,
        )
    if PhoneAction.SET_FACT in telephone.actions:
        yield _SetFact(notes)


@dataclass(frozen=True, slots=True)
class _Transfer:
    names: tuple[str, ...]
    control: CallControl | None
    notes: Notes

    @property
    def definition(self) -> ToolDefinition:
        return ToolDefinition(
            name="transfer",
            description="Transfer the caller to somebody else when your answer has been spoken.",
            parameters_json_schema={
                "type": "object",
                "properties": {
                    "target": {
                        "type": "string",
                        "enum": list(self.names),
                        "description": "Whom the caller is to speak with.",
                    }
                },
                "required": ["target"],
            },
        )

    @property
    def timeout(self) -> float:
        return _CHECK

    async def call(self, arguments: Mapping[str, Any], seconds: float) -> str:
        del seconds  # `Calls` ends it
        wanted = str(arguments.get("target", "")).strip()
        name = next((n for n in self.names if n.lower() == wanted.lower()), None)
        if name is None:
            raise ToolFailedError(
                "unknown_target", f"not done: target is one of {', '.join(self.names)}"
            )
        if self.control is not None and await self.control.has_target(name) is False:
            raise ToolFailedError(
                "no_target", f"not done: {name} can't be reached; offer the caller something else"
            )
        self.notes.decide(Action.TRANSFER, name)
        return (
            f"Accepted: the call goes to {name} as soon as your answer has been spoken. "
            "Now tell the caller so in one short sentence."
        )


@dataclass(frozen=True, slots=True)
class _Leave:
    """An action without arguments."""

    name: str
    description: str
    action: Action
    notes: Notes

    @property
    def definition(self) -> ToolDefinition:
        return ToolDefinition(
            name=self.name, description=self.description, parameters_json_schema=_NOTHING
        )

    @property
    def timeout(self) -> float:
        return _AT_ONCE

    async def call(self, arguments: Mapping[str, Any], seconds: float) -> str:
        del arguments, seconds
        self.notes.decide(self.action)
        return f"Accepted: done as soon as your answer has been spoken. {_GOODBYE}"


@dataclass(frozen=True, slots=True)
class _SetFact:
    notes: Notes

    @property
    def definition(self) -> ToolDefinition:
        return ToolDefinition(
            name=PhoneAction.SET_FACT,
            description="Note a fact about the caller or the call, for whoever deals with it next.",
            parameters_json_schema={
                "type": "object",
                "properties": {
                    "name": {
                        "type": "string",
                        "description": "A short English name: letters, digits and _.",
                    },
                    "value": {"type": "string", "description": "Empty: the fact no longer holds."},
                },
                "required": ["name", "value"],
            },
        )

    @property
    def timeout(self) -> float:
        return _AT_ONCE

    async def call(self, arguments: Mapping[str, Any], seconds: float) -> str:
        del seconds
        name, value = arguments.get("name"), _as_text(arguments.get("value"))
        if not isinstance(name, str) or value is None:
            raise ToolFailedError("arguments", "arguments refused: name and value are texts")
        key = _ODD.sub("_", name.strip().upper()).strip("_").removeprefix(_PREFIX)
        if _FACT.fullmatch(key) is None:
            raise ToolFailedError(
                "arguments", "arguments refused: name has 1 to 50 letters, digits and _"
            )
        if len(value) > LONGEST_VALUE:
            raise ToolFailedError(
                "arguments", f"arguments refused: value has more than {LONGEST_VALUE} characters"
            )
        facts = self.notes.facts
        if key not in facts and len(facts) >= MOST_FACTS:
            raise ToolFailedError("too_many_facts", f"not done: {MOST_FACTS} facts are enough")
        facts[key] = value
        return f"Noted as {key}."


def _as_text(value: object) -> str | None:
    """Return a value as text: models write numbers and yes or no without quotes."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else None
