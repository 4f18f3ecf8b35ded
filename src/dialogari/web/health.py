"""`/healthz`, `/readyz` and `/metrics`, without a key.

healthz: the process lives. readyz: 200 only if a call that came now would be answered, else 503
with what is missing; it shows names of parts and never an address or a secret. metrics: figures
for Prometheus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse, Response

from dialogari.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI

    from dialogari.metrics import Metrics

    Readiness = Callable[[], Awaitable[dict[str, bool]]]

SERVICE_UNAVAILABLE = 503


def add_health(web: FastAPI, readiness: Readiness, figures: Metrics) -> None:
    """Add the three; `readiness` names each part and whether it is ready."""

    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def readyz() -> JSONResponse:
        parts = await readiness()
        ready = all(parts.values())
        body = {"status": "ready" if ready else "not ready", "parts": parts}
        return JSONResponse(body, 200 if ready else SERVICE_UNAVAILABLE)

    async def metrics() -> Response:
        return Response(figures.render(), media_type=CONTENT_TYPE)

    web.add_api_route("/metrics", metrics, include_in_schema=False)
    web.add_api_route("/healthz", healthz, include_in_schema=False)
    web.add_api_route("/readyz", readyz, include_in_schema=False)
