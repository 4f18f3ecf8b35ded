"""The two books compared: every call finished or lost, once, and nothing besides."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dialogari.ari import GoneReason, Lost, Resumed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ari_faults.answering import Answered, Answering
    from ari_faults.placing import Visit

    Key = tuple[int, int]

SETTLED = 2.0
"""Seconds after the link was proven in which a call that only the snapshot knows is given out."""


@dataclass(slots=True)
class Accounts:
    """What became of every visit to Stasis(), and what is wrong with that."""

    visits: Counter[str] = field(default_factory=Counter[str])
    """By the dialplan's book: sent back, hung up, killed, refused."""
    finished: int = 0
    lost: int = 0
    unheard: int = 0
    """Over before the link was back: nothing ever told of them."""
    resumed: int = 0
    """Running calls that were there after a gap, each as often as it was."""
    found: int = 0
    """Calls whose start was lost in a gap, given to `resumed`."""
    endings: Counter[str] = field(default_factory=Counter[str])
    """How the handlers ended."""
    faults: list[str] = field(default_factory=list[str])
    """Empty, or the run has failed."""


def settle(visits: Mapping[Key, Visit], answering: Answering, cuts: Sequence[float]) -> Accounts:
    """Compare the two books; `cuts` says when the link was cut, Asterisk's deaths included."""
    accounts = Accounts(visits=Counter(visit.fate for visit in visits.values()))
    by_visit: dict[Key, list[Answered]] = {}
    for answered in answering.answered:
        by_visit.setdefault((answered.number, answered.count), []).append(answered)
        _account(accounts, answered, answering.told.get(answered.call, ()))
    accounts.faults += [f"{key}: no such visit" for key in by_visit.keys() - visits.keys()]
    gaps = list(_gaps(cuts, answering.recovered))
    for key, visit in visits.items():
        _check(accounts, visit, by_visit.get(key, ()), key in answering.heard, gaps)
    for call in answering.told.keys() - {answered.call for answered in answering.answered}:
        number, count = map(int, call.arguments)
        if (number, count) in by_visit:
            accounts.faults.append(f"{number, count}: told of two calls")
    return accounts


def _account(accounts: Accounts, answered: Answered, told: Sequence[Resumed | Lost]) -> None:
    """Enter one handled call."""
    name = f"{answered.number, answered.count}"
    generations = [one.generation for one in told if isinstance(one, Resumed)]
    losses = sum(isinstance(one, Lost) for one in told)
    accounts.resumed += len(generations)
    accounts.found += answered.resumed
    accounts.lost += losses
    accounts.finished += not losses
    accounts.endings.update(answered.ended)
    if len(answered.ended) != 1:
        accounts.faults.append(f"{name}: its handler ended {len(answered.ended)} times")
    if losses > 1:
        accounts.faults.append(f"{name}: lost {losses} times")
    if generations != sorted(set(generations)):
        accounts.faults.append(f"{name}: resumed in the generations {generations}")
    if losses and (answered.call.gone is None or not isinstance(told[-1], Lost)):
        accounts.faults.append(f"{name}: lost, and here")
    absent = answered.call.gone is GoneReason.ABSENT
    if absent and answered.ended in (["cancelled"], ["gone"]) and not losses:
        accounts.faults.append(f"{name}: absent, and nobody was told")


def _check(
    accounts: Accounts,
    visit: Visit,
    answered: Sequence[Answered],
    heard: bool,
    gaps: Sequence[tuple[float, float]],
) -> None:
    """Compare one visit with who answered it."""
    name = f"{visit.number, visit.count} {visit.fate}"
    if len(answered) > 1:
        accounts.faults.append(f"{name}: answered {len(answered)} times")
    if visit.fate == "refused":
        if answered or heard:
            accounts.faults.append(f"{name}: answered")
    elif answered:
        if answered[0].resumed and heard:
            accounts.faults.append(f"{name}: given out as resumed though its start came")
    elif visit.fate == "sent back":
        accounts.faults.append(f"{name}: by nobody")
    elif heard:
        accounts.faults.append(f"{name}: its start came, and no handler ran")
    else:
        accounts.unheard += 1
        if not any(begin <= visit.entered <= end for begin, end in gaps):
            accounts.faults.append(f"{name}: unheard, at {visit.entered}, in no gap")


def _gaps(cuts: Sequence[float], recovered: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Yield when events may have been lost, or calls not yet given out."""
    for cut in cuts:
        back = min((time for time in recovered if time > cut), default=float("inf"))
        # Asterisk's stamps and ours are of one clock; what it had sent but we had not read is lost.
        yield cut - 0.5, back + SETTLED
