"""The bodies of requests: read whole before anybody works on them, within a size and a time."""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialogari.web.api.problems import Problem

MAX_BODY: Final = 1024 * 1024
"""Bytes."""
PATIENCE: Final = 20.0
"""Seconds a client may take to send one."""


class Bodies:
    """Refuses what is too large (413) or too slow (408), and hands on the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on with its body."""
        try:
            body = await _read(Headers(scope=scope), receive)
        except Problem as problem:
            await problem.answer()(scope, receive, send)
            return
        except ConnectionError:
            return  # the client left; there is nobody to answer

        async def replay() -> Message:
            nonlocal body
            if body is None:
                return await receive()
            whole, body = body, None
            return {"type": "http.request", "body": whole, "more_body": False}

        await self._app(scope, replay, send)


async def _read(headers: Headers, receive: Receive) -> bytes | None:
    told = headers.get("content-length", "")
    if told.isdecimal() and int(told) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionError
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise _too_large()
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        detail = f"the body did not come within {PATIENCE:g} seconds"
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "body.timeout", detail) from None


def _too_large() -> Problem:
    detail = f"a body has at most {MAX_BODY} bytes"
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body.too_large", detail)
