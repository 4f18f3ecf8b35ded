"""What the API needs of the rest of dialogari.

Until the models and the store are open, and after they are closed, there is no `Backend`, and
requests that need it are answered 503.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request

from dialogari.conversation import Conversations
from dialogari.live import LiveCalls, Overview
from dialogari.store.store import Store
from dialogari.telemetry import TurnLog
from dialogari.tool import McpOffer, ToolCall
from dialogari.web.api.problems import unavailable


class ToolTrial(Protocol):
    """Does one call of a tool as a model would."""

    async def __call__(self, name: str, arguments: Mapping[str, Any]) -> ToolCall:
        """Return what became of it. Raises StoreError and InvalidToolError."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """The parts that the API shows and uses."""

    conversations: Conversations
    store: Store
    log: TurnLog
    try_tool: ToolTrial
    look_at_server: Callable[[str], Awaitable[McpOffer]]
    """Says what an MCP server offers now. Raises StoreError."""
    calls: LiveCalls
    look: Callable[[], Awaitable[Overview]]


FindBackend = Callable[[], Backend | None]


def require(find: FindBackend) -> Backend:
    """Return the backend. Raises Problem while there is none."""
    found = find()
    if found is None:
        raise unavailable("not_ready", "the bridge is starting or stopping")
    return found


def _of_request(request: Request) -> Backend:
    return require(request.app.state.find_backend)


Parts = Annotated[Backend, Depends(_of_request)]
