"""The tool calls of one turn: run side by side, bounded in number and time, each with its outcome.

Whatever goes wrong with a call is told to the model in a short text, and ends neither the turn nor
the other calls: a tool that is not there, arguments that are no JSON, a tool that fails, and the
same call again and again.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import structlog
from pydantic_ai.messages import ToolCallPart, ToolReturnPart

from dialogari.agent.tools import ToolFailedError
from dialogari.tool import TOO_MANY, UNKNOWN_TOOL, ToolCall, ToolStatus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.tools import ToolDefinition

    from dialogari.agent.tools import AgentTool

ANNOUNCED_AFTER: Final = 1.0
"""Seconds after which tools are slow, and announced where their prompt has a phrase for it. A pause
of a second passes for thought; the answer of a tool that takes less would have to wait until the
phrase is spoken."""
NO_JSON: Final = "arguments_json"
_REPEATED: Final = "repeated"
_ODD_ID: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ID: Final = 40
_LONGEST_NAME: Final = 64
_SHOWN: Final = 200
_DEEPEST: Final = 32
"""Levels of arguments: what is nested without end breaks whatever walks through it."""
_MODELS_FAULT: Final = {
    *(NO_JSON, "arguments", UNKNOWN_TOOL, "unknown_target"),
    *(_REPEATED, TOO_MANY, "too_many_facts"),
}
"""Failures that nobody but the model can mend: no warning for the operator."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.agent")


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What a model may ask for in one turn."""

    steps: int = 8
    """How often it may ask; then it must answer with what it has."""
    at_once: int = 8
    """Calls it may ask for at a time; those beyond are refused."""
    same_failures: int = 2
    """How often the same call may fail; then it is refused unsent."""
    repeats: int = 2
    """How often it may ask for what it has been told already; then it must answer as well."""
    reserve: float = 1.5
    """Seconds of the turn that tools leave to the model, to say something."""


class Calls:
    """Runs the calls of one turn. `deadline`: when it ends, on the loop's clock."""

    def __init__(
        self, tools: Iterable[AgentTool], deadline: float, limits: CallLimits | None = None
    ) -> None:
        self._tools = {tool.definition.name: tool for tool in tools}
        self._deadline = deadline
        self._limits = limits or CallLimits()
        self._steps = 0
        self._ids: set[str] = set()
        self._failures: dict[tuple[str, bytes], int] = {}
        self._done: dict[tuple[str, bytes], ToolCall] = {}
        self._repeats = 0

    @property
    def definitions(self) -> list[ToolDefinition]:
        """What the model is told of the tools."""
        return [tool.definition for tool in self._tools.values()]

    @property
    def allowed(self) -> bool:
        """Whether the model may ask for more."""
        return self._steps < self._limits.steps and self._repeats < self._limits.repeats

    def read(self, response: ModelResponse) -> tuple[ModelResponse, Sequence[ToolCall]]:
        """Return the calls that a response asks for, and the response as every provider takes it.

        There, each call has an id of its own and a name that can be sent.
        """
        self._steps += 1
        calls: list[ToolCall] = []
        parts = list(response.parts)
        for number, part in enumerate(parts):
            if isinstance(part, ToolCallPart):
                call = self._read_call(part)
                calls.append(call)
                parts[number] = replace(
                    part,
                    tool_name=call.name,
                    tool_call_id=call.id,
                )
        return replace(response, parts=parts), calls

    async def run(self, calls: Sequence[ToolCall]) -> Sequence[ToolCall]:
        """Return the calls with their outcomes, in their order. Cancelled, it cancels them all."""
        at_once = self._limits.at_once
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run(call)) for call in calls[:at_once]]
        refused = [
            _failed(call, TOO_MANY, f"not done: only {at_once} calls at a time")
            for call in calls[at_once:]
        ]
        return [*(task.result() for task in tasks), *refused]

    @asynccontextmanager
    async def running(
        self, calls: Sequence[ToolCall]
    ) -> AsyncGenerator[asyncio.Task[Sequence[ToolCall]]]:
        """`run` beside the block, and no longer: what still runs at its end is cancelled."""
        # In no task group: whoever tells a phrase meanwhile is a generator, which may leave the
        # block by `aclose`; a group would take that for a fault. It ends with the block as well.
        task = asyncio.create_task(self.run(calls), name="tools")
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    def _read_call(self, part: ToolCallPart) -> ToolCall:
        arguments = _read_arguments(part.args)
        call = ToolCall(
            id=self._own_id(part.tool_call_id),
            # What else it wrote can't be sent back to it.
            name=_ODD_ID.sub("_", part.tool_name)[:_LONGEST_NAME] or "_",
            arguments={} if arguments is None else arguments,
            step=self._steps,
        )
        if arguments is not None:
            return call
        written = str(part.args)[:_SHOWN]
        return replace(call, reason=NO_JSON, result=f"arguments refused, no JSON object: {written}")

    def _own_id(self, given: str) -> str:
        plain = _ODD_ID.sub("_", given)[:_LONGEST_ID] or "call"
        if plain in self._ids:
            plain = f"{plain}_{len(self._ids)}"
        self._ids.add(plain)
        return plain

    async def _run(self, call: ToolCall) -> ToolCall:
        began = asyncio.get_running_loop().time()
        key = (call.name, msgspec.json.encode(call.arguments, order="sorted"))
        done = self._done.get(key)
        if done is not None and done.step < call.step:
            # What it does may not be done twice, and small models ask again and again.
            self._repeats += 1
            return replace(call, status=ToolStatus.OK, reason=_REPEATED, result=done.result)
        try:
            ended = replace(call, status=ToolStatus.OK, result=await self._call(call, key))
        except ToolFailedError as error:
            ended = _failed(call, error.reason, error.text)
        except Exception:  # the boundary of a tool: it costs itself, never the turn
            logger.exception("tool_fault", tool=call.name)
            ended = _failed(call, "fault", "the tool is broken")
        if ended.status is ToolStatus.OK:
            self._done[key] = ended
        elif not call.reason:
            self._count_failure(ended, key)
        return replace(ended, seconds=asyncio.get_running_loop().time() - began)

    def _count_failure(self, call: ToolCall, key: tuple[str, bytes]) -> None:
        self._failures[key] = self._failures.get(key, 0) + 1
        if call.reason == _REPEATED:
            self._repeats += 1
        if call.reason not in _MODELS_FAULT:
            logger.warning("tool_failed", tool=call.name, reason=call.reason)

    async def _call(self, call: ToolCall, key: tuple[str, bytes]) -> str:
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools)
            raise ToolFailedError(UNKNOWN_TOOL, f"there is no such tool; there are: {known}")
        if call.reason:
            raise ToolFailedError(call.reason, call.result)
        if self._failures.get(key, 0) >= self._limits.same_failures:
            raise ToolFailedError(_REPEATED, "not done: this same call has failed before")
        loop = asyncio.get_running_loop()
        seconds = min(tool.timeout, self._deadline - loop.time() - self._limits.reserve)
        if seconds <= 0:
            raise ToolFailedError("no_time", "not done: no time is left, answer now")
        try:
            async with asyncio.timeout(seconds):
                return await tool.call(call.arguments, seconds)
        except TimeoutError:
            raise ToolFailedError("timeout", f"no answer within {seconds:.2g} seconds") from None


async def try_out(tool: AgentTool, arguments: Mapping[str, Any]) -> ToolCall:
    """Return what becomes of one call, as a model would be told."""
    call = ToolCall("try", tool.definition.name, arguments)
    if not _is_shallow(arguments):
        return _failed(call, "arguments", "arguments refused: nested too deeply")
    (ended,) = await Calls([tool], inf).run([call])
    return ended


def tell(calls: Iterable[ToolCall]) -> list[ToolReturnPart]:
    """Return the outcomes as parts of a request; failures are marked as each provider does it."""
    return [
        ToolReturnPart(
            tool_name=call.name,
            content=call.result,
            tool_call_id=call.id,
            outcome="success" if call.status is ToolStatus.OK else "failed",
        )
        for call in calls
    ]


def _failed(call: ToolCall, reason: str, text: str) -> ToolCall:
    return replace(call, status=ToolStatus.FAILED, reason=reason, result=text)


def _read_arguments(written: object) -> Mapping[str, Any] | None:
    """Return the arguments, None where they are no JSON object; nothing at all is an empty one."""
    if isinstance(written, str) and written.strip():
        try:
            written = msgspec.json.decode(written)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            return None
    if isinstance(written, dict):
        arguments = cast("dict[str, Any]", written)
        return arguments if _is_shallow(arguments) else None
    return None if written else {}


def _is_shallow(value: object) -> bool:
    """Return whether a JSON value is nested no deeper than arguments are in earnest."""
    level = [value]
    for _ in range(_DEEPEST):
        inner = [item for value in level for item in _items(value)]
        if not inner:
            return True
        level = inner
    return False


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()
