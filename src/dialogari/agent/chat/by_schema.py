"""Tools for a model that has no form of its own for them: it writes JSON, and a schema holds it.

Small local models answer a list of tools with whatever looks like a call to them. Told in the
prompt what to write, and held to it by the server's grammar, they ask for tools reliably (measured,
docs/architecture.md). Each answer is one object:

    {"action": "answer", "say": "We open at nine."}         words for the caller, streamed
    {"action": "opening_hours", "args": {"day": "monday"}}  a tool call

Earlier calls and their outcomes are shown to the model in the same form. No I/O.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic_ai.messages import ModelMessage, ModelRequestPart
    from pydantic_ai.tools import ToolDefinition

_ANSWER: Final = "answer"
_KEPT: Final = {"type", "properties", "required", "enum", "const", "items", "anyOf", "oneOf"}
"""Keywords that every grammar made of a schema knows; arguments are validated by all of them."""
_SAY: Final = re.compile(r'\s*\{\s*"action"\s*:\s*"answer"\s*,\s*"say"\s*:\s*"')
_STRING: Final = re.compile(r'(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_HIGH: Final = re.compile("[\ud800-\udbff]$")
"""The first half of a character whose second half is still to come."""
_RULES: Final = """

Tools you can use:
{tools}

You write one JSON object and nothing else. To use a tool, write its name and arguments:
{{"action": "NAME", "args": {{…}}}}
Its result comes in the next message. To speak to the caller, write:
{{"action": "answer", "say": "…"}}
Use a tool whenever the answer depends on what it knows; for all else, answer at once.
For instance, if there were a tool named weather:
Caller: Will it rain in Madrid today?
You: {{"action": "weather", "args": {{"city": "Madrid"}}}}
Result of weather: {{"rain": false, "degrees": 24}}
You: {{"action": "answer", "say": "No, it stays dry in Madrid, with 24 degrees."}}
Caller: Hello.
You: {{"action": "answer", "say": "Hello, how can I help you?"}}
"""


def explain_tools(instructions: str, tools: Sequence[ToolDefinition]) -> str:
    """Return the instructions with the tools explained behind them; without tools as they are."""
    if not tools:
        return instructions
    lines = (
        f"- {tool.name}: {tool.description} Arguments: {_dump(_plain(tool.parameters_json_schema))}"
        for tool in tools
    )
    return instructions + _RULES.format(tools="\n".join(lines))


def response_format(tools: Sequence[ToolDefinition], *, may_call: bool) -> dict[str, Any]:
    """Return what holds the model to the form."""
    calls = [
        _object(tool.name, "args", _plain(tool.parameters_json_schema))
        for tool in tools
        if may_call
    ]
    schema = {"oneOf": [_object(_ANSWER, "say", {"type": "string"}), *calls]}
    return {"type": "json_schema", "json_schema": {"name": "turn", "schema": schema}}


def in_this_form(messages: Sequence[ModelMessage], *, with_tools: bool) -> Iterator[ModelMessage]:
    """Return messages of text alone, calls and outcomes written as the model writes them.

    `with_tools`: what the model has said is an object as well.
    """
    for message in messages:
        if isinstance(message, ModelRequest):
            yield ModelRequest(parts=[_told(part) for part in message.parts])
            continue
        words = "".join(part.content for part in message.parts if isinstance(part, TextPart))
        calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
        said = [_dump({"action": call.tool_name, "args": call.args_as_dict()}) for call in calls]
        if words or not said:
            spoken = {"action": _ANSWER, "say": words}
            said.insert(0, _dump(spoken) if with_tools else words)
        yield ModelResponse(parts=[TextPart("\n".join(said))])


@dataclass(slots=True)
class Reading:
    """An answer in this form, read as it is written."""

    _written: str = ""
    _spoken: int = 0
    words: list[str] = field(default_factory=list[str])

    def feed(self, piece: str) -> str:
        """Take a piece of what the model writes; return the words for the caller that are new."""
        self._written += piece
        opening = _SAY.match(self._written)
        if opening is None:
            return ""
        found = _STRING.match(self._written, opening.end())
        text: str = json.loads(f'"{found[0] if found else ""}"', strict=False)
        fresh = _HIGH.sub("", text)[self._spoken :]
        self._spoken += len(fresh)
        return fresh

    def close(self) -> tuple[str, str] | str:
        """Return a tool's name and arguments, or the words that have not been said yet."""
        if self._spoken or _SAY.match(self._written):
            return ""
        try:
            found: object = json.loads(self._written, strict=False)
        except (ValueError, RecursionError):
            # Cut off in mid-call, or a server that knows no schemas.
            return "" if self._written.lstrip().startswith("{") else self._written
        if not isinstance(found, dict):
            return self._written
        said = cast("dict[str, Any]", found)
        if said.get("action") == _ANSWER:
            return str(said.get("say", ""))
        return str(said.get("action", "")), _dump(said.get("args", {}))


def _object(action: str, key: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"action": {"const": action}, key: schema},
        "required": ["action", key],
        "additionalProperties": False,
    }


def _plain(schema: object) -> dict[str, Any]:
    """Return what of a schema a grammar can hold a model to."""
    if not isinstance(schema, dict):
        return {}
    kept = {k: v for k, v in cast("dict[str, Any]", schema).items() if k in _KEPT}
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = {name: _plain(sub) for name, sub in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _plain(kept["items"])
    for several in ("anyOf", "oneOf"):
        if isinstance(kept.get(several), list):
            kept[several] = [_plain(sub) for sub in kept[several]]
    return kept


def _told(part: ModelRequestPart) -> ModelRequestPart:
    if isinstance(part, ToolReturnPart):
        return UserPromptPart(f"Result of {part.tool_name}: {part.model_response_str()}")
    return part


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
