"""Which models are asked at all: what failed again and again lately is left alone for a while.

    trusted   failures are remembered; too many within a while, and it is
    skipped   for a pause; when that has passed, one turn asks it again: it is
    probed    while the others still go past it. An answer makes it trusted; another failure skips
              it for twice as long

Only a turn that has another model to ask goes past one. A probe whose caller hangs up brings no
news: another turn may probe when its time has passed. No I/O: the time is handed in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_OF_THE_QUESTION: Final = re.compile(
    r"(?:.*\.)?(?:content_filter|token_limit|tool_limit|empty_answer|http_4(?:00|13|22))"
)
"""Failures that say something of what was asked rather than of who was asked."""


class Standing(StrEnum):
    """What a turn may expect of a model."""

    TRUSTED = "trusted"
    SKIPPED = "skipped"
    DUE = "due"
    """Its pause has passed: it may be probed."""


@dataclass(frozen=True, slots=True)
class HealthRules:
    """When a model is left alone, and for how long."""

    failures: int = 3
    within: float = 60.0
    """Seconds."""
    pause: float = 10.0
    """Seconds it is skipped at first; a probe has as long before another turn may try."""
    longest: float = 160.0


@dataclass(frozen=True, slots=True)
class Health:
    """What is remembered of a model. Times are of one clock, in seconds."""

    failures: tuple[float, ...] = ()
    """When it failed, oldest first."""
    pause: float = 0.0
    """Seconds of the last pause; 0: it is trusted."""
    until: float = 0.0
    """When the pause, or the probe's time, has passed."""
    probing: bool = False


def judge(health: Health, now: float) -> Standing:
    """Return how a model stands."""
    if not health.pause:
        return Standing.TRUSTED
    return Standing.SKIPPED if now < health.until else Standing.DUE


def probe(health: Health, now: float, rules: HealthRules) -> Health:
    """Return what is to be remembered when a turn asks a model that is due."""
    return replace(health, until=now + rules.pause, probing=True)


def fail(health: Health, now: float, rules: HealthRules) -> Health:
    """Return what is to be remembered after a failure."""
    if health.pause and not health.probing and now < health.until:
        return health  # turns that were on their way when it was given up
    if health.pause:
        pause = min(health.pause * 2, rules.longest)
        return Health(pause=pause, until=now + pause)
    failures = (*(at for at in health.failures if now - at < rules.within), now)
    if len(failures) < rules.failures:
        return Health(failures)
    return Health(pause=rules.pause, until=now + rules.pause)


def counts(reason: str) -> bool:
    """Return whether a failure speaks against the model."""
    return _OF_THE_QUESTION.fullmatch(reason) is None


class Healths:
    """The health of each model, by `provider:model`, while the process lives."""

    def __init__(self, rules: HealthRules | None = None) -> None:
        self._rules = rules or HealthRules()
        self._known: dict[str, Health] = {}

    def judge(self, model: str, now: float) -> Standing:
        """Return how a model stands."""
        return judge(self._known.get(model, Health()), now)

    def skipped(self, now: float) -> Collection[str]:
        """Return the models that turns go past now, where they have another one."""
        return {name for name in self._known if self.judge(name, now) is Standing.SKIPPED}

    def probe(self, model: str, now: float) -> None:
        """Remember that a turn asks a model that is due."""
        self._known[model] = probe(self._known[model], now, self._rules)

    def answered(self, model: str) -> bool:
        """Remember an answer; returns whether the model had been left alone."""
        health = self._known.pop(model, Health())
        return bool(health.pause)

    def failed(self, model: str, reason: str, now: float) -> float:
        """Remember a failure; returns the seconds for which it is left alone now, mostly 0."""
        if not counts(reason):
            return 0.0
        before = self._known.get(model, Health())
        after = self._known[model] = fail(before, now, self._rules)
        return after.pause if after.until > before.until else 0.0
