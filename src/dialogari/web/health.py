"""`/healthz`, `/readyz` and `/metrics`, without a key.

healthz: the process lives. readyz: 200 only if a call that came now would be answered, else 503
with what is missing; it shows names of parts and never an address or a secret. metrics: figures
for Prometheus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from dialogari.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dialogari.metrics import Metrics

    Readiness = Callable[[], Awaitable[dict[str, bool]]]

SERVICE_UNAVAILABLE = 503


def build_web(readiness: Readiness, figures: Metrics) -> FastAPI:
    """Return the web application; `readiness` names each part and whether it is ready."""
    web = FastAPI(title="dialogari", docs_url=None, redoc_url=None, openapi_url=None)

    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def readyz() -> JSONResponse:
        parts = await readiness()
        ready = all(parts.values())
        body = {"status": "ready" if ready else "not ready", "parts": parts}
        return JSONResponse(body, 200 if ready else SERVICE_UNAVAILABLE)

    async def metrics() -> Response:
        return Response(figures.render(), media_type=CONTENT_TYPE)

    web.add_api_route("/metrics", metrics)
    web.add_api_route("/healthz", healthz)
    web.add_api_route("/readyz", readyz)
    return web
