"""What `/metrics` shows of the running parts, read at the moment it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.ari import LinkState
from dialogari.metrics import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dialogari.app.ai import Ai
    from dialogari.ari import Client

NOTHING: dict[str, str] = {}


def read_link(client: Client) -> Iterator[Reading]:
    """Yield the state of one link to Asterisk and its calls."""
    server = {"server": client.session.peer}
    yield Reading("dialogari_calls", "Calls in the bridge now.", client.calls, server)
    for state in LinkState:
        yield Reading(
            "dialogari_link_state",
            "1 for the state the link to Asterisk is in.",
            float(client.session.state is state),
            {**server, "state": str(state)},
        )
    yield Reading(
        "dialogari_link_connects",
        "Connects to Asterisk that were proven; all but the first are reconnects.",
        client.session.generation,
        server,
        counts_up=True,
    )


def read_ai(ai: Ai) -> Iterator[Reading]:
    """Yield what the models and the store know of themselves."""
    journal = ai.store.journal
    yield Reading(
        "dialogari_model_ready",
        "1 if the local model, where one is wanted, is loaded.",
        float(ai.model_ready),
        NOTHING,
    )
    skipped = set(ai.agent.skipped)
    for model in sorted(skipped | {ai.models.resolve(None)}):
        yield Reading(
            "dialogari_model_skipped",
            "1 while turns go past a model that failed lately.",
            float(model in skipped),
            {"model": model},
        )
    yield Reading(
        "dialogari_journal_waiting", "Turns that wait to be stored.", journal.waiting, NOTHING
    )
    yield Reading(
        "dialogari_journal_records", "Turns stored.", journal.records, NOTHING, counts_up=True
    )
    yield Reading(
        "dialogari_journal_commits",
        "Transactions that stored them.",
        journal.commits,
        NOTHING,
        counts_up=True,
    )
    yield Reading(
        "dialogari_journal_failures",
        "Turns that could not be stored.",
        journal.failures,
        NOTHING,
        counts_up=True,
    )
