"""Every error as a problem document (RFC 9457), and nothing in it but words of ours.

`code` is for programs and never changes silently; `detail` is for people. What the client sent is
not repeated, for it may be a secret, and neither is the text of an exception.
"""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialogari.store.errors import (
    AmbiguousConversationError,
    PromptChangedError,
    PromptNameError,
    PromptTelephoneError,
    RejectedError,
    ServerChangedError,
    StoreError,
    ToolChangedError,
    UnknownConversationError,
    UnknownPromptError,
    UnknownServerError,
    UnknownToolError,
)
from dialogari.tool import InvalidToolError
from dialogari.turn import TurnError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 2

_OF_STORE: Final[Mapping[type[StoreError], HTTPStatus]] = {
    UnknownPromptError: HTTPStatus.NOT_FOUND,
    UnknownToolError: HTTPStatus.NOT_FOUND,
    UnknownServerError: HTTPStatus.NOT_FOUND,
    UnknownConversationError: HTTPStatus.NOT_FOUND,
    AmbiguousConversationError: HTTPStatus.CONFLICT,
    PromptChangedError: HTTPStatus.PRECONDITION_FAILED,
    ToolChangedError: HTTPStatus.PRECONDITION_FAILED,
    ServerChangedError: HTTPStatus.PRECONDITION_FAILED,
    PromptNameError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PromptTelephoneError: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectedError: HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""The others are the store's own trouble: 503."""

logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("dialogari.web")


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    location: str = Field(description="Where, such as `body.content` or `query.limit`.")
    message: str


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="forbid", title="Problem")

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="For programs, such as `prompt.unknown`.")
    detail: str = Field(description="For people.")
    errors: list[Fault] = Field(default_factory=list[Fault])


class Problem(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.faults = list(faults)

    def answer(self) -> Response:
        """Return the document."""
        document = ProblemDocument(
            title=self.status.phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=self.faults,
        )
        body = document.model_dump()
        if not self.faults:
            del body["errors"]
        # In ASCII: a fault may name a key of the client's with half a character in it.
        return Response(json.dumps(body), self.status, self.headers, MEDIA_TYPE)


def unavailable(code: str, detail: str) -> Problem:
    """Return what to say when another try may do."""
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, code, detail, headers)


def document(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these errors, and of those that every operation may have."""
    everywhere = (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        int(status): {
            "description": status.phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted({*everywhere, *statuses})
    }


def answer_problems(web: FastAPI) -> None:
    """Have every error of an application answered by a problem document."""
    kinds = Problem, HTTPException, RequestValidationError, StoreError, TurnError, InvalidToolError
    for kind in kinds:
        web.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    return _explain(request, error).answer()


def _explain(request: Request, error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case HTTPException():
            return _explain_http(request, error)
        case RequestValidationError():
            faults = [
                Fault(location=".".join(map(str, fault["loc"])), message=fault["msg"])
                for fault in error.errors()
            ]
            return invalid("the request does not fit its description", faults)
        case StoreError() if type(error) in _OF_STORE:
            return Problem(_OF_STORE[type(error)], error.reason, error.message)
        case StoreError() | TurnError():
            return unavailable(error.reason, "the store does not work now")
        case InvalidToolError():
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "tool.invalid", str(error))
        case _:
            raise error


def _explain_http(request: Request, error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    code = f"http.{status.name.lower()}"
    return Problem(status, code, status.description or status.phrase, headers)


def invalid(detail: str, faults: Iterable[Fault] = ()) -> Problem:
    """Return what to say of a request that can't be meant."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "request.invalid", detail, faults=faults)


def _methods(request: Request) -> list[str]:
    """Return what may be done at an address: several routes share one."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.path and compile_path(route.path)[0].match(request.scope["path"]):
            methods |= route.methods or set()
    return sorted(methods)


class Boundary:
    """The outermost layer: a fault of ours becomes a problem document and one line in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:  # the boundary of a request: it must not end the server
            logger.exception("request_failed", path=scope.get("path", ""))
            if not begun:
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                detail = "a fault of dialogari's; its log says more"
                await Problem(status, "fault", detail).answer()(scope, receive, send)
