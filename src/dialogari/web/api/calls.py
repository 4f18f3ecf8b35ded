"""`/calls`: the calls in the bridge now, and `/calls/stream`, which tells of each change."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter

from dialogari.live import CallChanged, LiveCall, LiveCalls
from dialogari.web.api.backend import Parts
from dialogari.web.api.event_stream import MEDIA_TYPE, Event, EventStream
from dialogari.web.api.fields import View
from dialogari.web.api.paging import Cursor, Limit, Page, cut_page
from dialogari.web.api.problems import document

router = APIRouter(prefix="/calls", tags=["calls"])


class CallView(View):
    """A call between Stasis() and its return to the dialplan."""

    id: str
    """The channel."""
    server: str
    conversation: str
    prompt: str
    """As the dialplan named it; empty: `default`."""
    model: str
    """As the dialplan named it; empty: the prompt's."""
    caller_number: str
    caller_name: str
    started: datetime


class AllCalls(View):
    """The first event of a stream."""

    items: list[CallView]


_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The event `calls` (`{items}`), then `began`, `returned` or `hung_up` with "
        "the call, as it happens. A client that falls behind is cut off, and begins anew.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.get("", responses=document(HTTPStatus.NOT_FOUND))
async def list_calls(parts: Parts, limit: Limit = 50, cursor: Cursor = None) -> Page[CallView]:
    """List the calls in the bridge, the oldest first."""
    calls = parts.calls.list_calls()
    page, following = cut_page(calls, limit, cursor, _place)
    return Page(items=[_view(call) for call in page], next=following)


@router.get(
    "/stream",
    status_code=HTTPStatus.OK,
    response_class=EventStream,
    responses={**_STREAM, **document()},
)
async def stream_calls(parts: Parts) -> EventStream:
    """Tell of the calls there are and of each change, as server-sent events."""
    return EventStream(_tell(parts.calls))


async def _tell(calls: LiveCalls) -> AsyncGenerator[Event]:
    async with aclosing(calls.watch()) as changes:
        async for change in changes:
            if isinstance(change, CallChanged):
                yield change.change, _view(change.call)
            else:
                yield "calls", _list(change)


def _list(calls: Sequence[LiveCall]) -> AllCalls:
    return AllCalls(items=[_view(call) for call in calls])


def _place(call: LiveCall) -> str:
    return f"{call.started.isoformat()} {call.server} {call.id}"


def _view(call: LiveCall) -> CallView:
    return CallView(
        id=call.id,
        server=call.server,
        conversation=call.conversation,
        prompt=call.prompt,
        model=call.model,
        caller_number=call.caller_number,
        caller_name=call.caller_name,
        started=call.started,
    )
