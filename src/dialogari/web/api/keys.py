"""Who may use the API: a gate before everything, so that a new route is closed until it is named.

A key comes as `Authorization: Bearer KEY`: that of DIALOGARI_API_KEY, or one made by `dialogari key
new`. A revoked key is refused from the next request on.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dialogari.store.errors import StoreError
from dialogari.web.api.problems import Problem, unavailable

OPEN: Final = frozenset({"/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"})
"""Paths that need no key."""
_LONGEST: Final = 1000

FindKey = Callable[[str], Awaitable[str | None]]
"""Returns the name of a key of the store, None for what is none. Raises Problem, StoreError."""


class Gate:
    """Lets requests with a key through, and those for an open path.

    `bootstrap`: the key of the settings; empty: none.
    """

    def __init__(self, app: ASGIApp, *, bootstrap: str, find_key: FindKey) -> None:
        self._app = app
        self._bootstrap = _digest(bootstrap) if bootstrap else None
        self._find_key = find_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        refusal = await self._refuse(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.answer()(scope, receive, send)

    async def _refuse(self, scope: Scope) -> Problem | None:
        if scope["type"] == "http" and scope["path"] in OPEN:
            return None
        key = _read_key(Headers(scope=scope))
        if key is None:
            return _unauthorized("key.missing", "say Authorization: Bearer KEY", "")
        try:
            known = await self._knows(key)
        except Problem as problem:
            return problem
        except StoreError as error:
            return unavailable(error.reason, "the keys can't be read now")
        if not known:
            return _unauthorized("key.unknown", "no such key", ', error="invalid_token"')
        return None

    async def _knows(self, key: str) -> bool:
        # Digests of equal length, so that the time taken tells nothing of the key.
        if self._bootstrap is not None and hmac.compare_digest(self._bootstrap, _digest(key)):
            return True
        return await self._find_key(key) is not None


def _read_key(headers: Headers) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and 0 < len(key) <= _LONGEST else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _unauthorized(code: str, detail: str, hint: str) -> Problem:
    headers = {"WWW-Authenticate": f'Bearer realm="dialogari"{hint}'}
    return Problem(HTTPStatus.UNAUTHORIZED, code, detail, headers)
