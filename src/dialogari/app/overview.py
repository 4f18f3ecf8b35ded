"""How the bridge stands, as `/status` shows it: no secret, and no address but Asterisk's."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from dialogari.live import Link, Overview
from dialogari.store.tables import REVISION

if TYPE_CHECKING:
    from dialogari.app.ai import Ai
    from dialogari.ari import Client
    from dialogari.config import Settings


def describe(settings: Settings, ai: Ai, client: Client, parts: dict[str, bool]) -> Overview:
    """Return how it stands; `parts`: what a call needs, and whether it is ready."""
    return Overview(
        ready=all(parts.values()),
        parts=parts,
        links=[
            Link(
                server=session.peer,
                application=session.application,
                state=session.state,
                asterisk=session.version,
                connects=session.generation,
            )
            for session in client.sessions
        ],
        calls=client.calls,
        database="sqlite" if settings.store_url.startswith("sqlite:") else "postgresql",
        default_model=ai.models.resolve(None),
        fallback_model=settings.fallback_ai_model,
        providers=ai.models.names,
        versions={
            "dialogari": version("dialogari"),
            "python": platform.python_version(),
            "database_revision": REVISION,
        },
    )
