"""Where spans go: a collector by OTLP, if the settings name one and the extra is installed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from dialogari.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dialogari.config import Settings
    from dialogari.spans import TurnSpans

_LAST_WORD = 5.0
"""Seconds that the end of the process waits for a collector."""


@asynccontextmanager
async def open_spans(settings: Settings) -> AsyncGenerator[TurnSpans | None]:
    """Send spans for the length of the block; None: no collector is set. Raises ConfigError."""
    if settings.otel_exporter_otlp_endpoint is None:
        yield None
        return
    try:
        # Nobody pays for them who has no collector, and they may not be there.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - above
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - above

        from dialogari.spans import TurnSpans  # noqa: PLC0415 - above
    except ImportError:
        raise ConfigError(
            "OTEL_EXPORTER_OTLP_ENDPOINT: install dialogari[otel], or unset it"
        ) from None
    address = f"{settings.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces"
    provider = TracerProvider(resource=Resource.create({"service.name": "dialogari"}))
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=address, timeout=_LAST_WORD))
    )
    try:
        yield TurnSpans(provider.get_tracer("dialogari"), content=settings.log_content)
    finally:
        # It sends what is left, in a thread: it blocks.
        await asyncio.to_thread(provider.shutdown)
