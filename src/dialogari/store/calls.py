"""A tool call, and a request to a model, as JSON in a turn's row, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from dialogari.store.tables import well_formed
from dialogari.tool import ToolCall, ToolStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.asked import Asked

_MANY: Final = 2


def write_call(call: ToolCall) -> dict[str, Any]:
    """Return the call as JSON that both databases take."""
    return {
        "id": well_formed(call.id),
        "name": well_formed(call.name),
        "arguments": _well_formed(dict(call.arguments)),
        "step": call.step,
        "status": call.status.value,
        "reason": call.reason,
        "result": well_formed(call.result),
        "seconds": round(call.seconds, 6),
    }


def read_call(call: dict[str, Any]) -> ToolCall:
    """Return what `write_call` was given."""
    return replace(ToolCall(**call), status=ToolStatus(call["status"]))


def write_asked(asked: Sequence[Asked]) -> list[dict[str, Any]] | None:
    """Return the requests to models as JSON; None where the row's other columns say it all."""
    if len(asked) < _MANY and not any(one.reason for one in asked):
        return None
    return [
        {
            "model": well_formed(one.model),
            "reason": one.reason,
            "seconds": round(one.seconds, 6),
            "input_tokens": one.usage.input_tokens,
            "output_tokens": one.usage.output_tokens,
        }
        for one in asked
    ]


def _well_formed(value: object) -> object:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [_well_formed(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {well_formed(key): _well_formed(item) for key, item in items}
    return value
