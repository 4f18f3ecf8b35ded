"""The figures of `/metrics`: what turns did, and where the parts stand when it is asked.

Turns are counted as they end. What a part knows of itself (calls now, the link's state, the
journal's queue) is a `Reading`, taken at the moment Prometheus asks, so no part has to know of it.
Names and buckets are part of the contract with whoever draws graphs: `docs/operations.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from prometheus_client.core import Metric

    from dialogari.asked import Usage
    from dialogari.tool import ToolCall

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 12, 20, 60)
"""Seconds, from a store on a good disk to a local model on a bad day."""
MOST_TOOLS = 200
"""Names of tools that have figures of their own; each name is kept for as long as we live."""
OTHER_TOOL = "(other)"
UNKNOWN_TOOL = "(unknown)"
"""No tool has a name with brackets."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure that a part knows of itself."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str]
    counts_up: bool = False
    """It only ever grows while the process lives: a counter, not a gauge."""


class Metrics:
    """One process's figures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._turns = Counter(
            "dialogari_turns",
            "Turns ended, by status, model and reason.",
            ("status", "model", "reason"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "dialogari_turn_seconds",
            "Whole turns, from StasisStart to the last variable.",
            ("status",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._steps = Histogram(
            "dialogari_turn_step_seconds",
            "Steps of turns.",
            ("step",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._tokens = Counter(
            "dialogari_tokens",
            "Tokens as models counted them.",
            ("model", "direction"),
            registry=self._registry,
        )
        self._cost = Counter(
            "dialogari_cost_dollars",
            "What requests to models cost, where their price is known.",
            ("model",),
            registry=self._registry,
        )
        self._tool_calls = Counter(
            "dialogari_tool_calls",
            "Tool calls ended, by tool, status and reason.",
            ("tool", "status", "reason"),
            registry=self._registry,
        )
        self._tool_seconds = Histogram(
            "dialogari_tool_seconds",
            "Tool calls that were tried.",
            ("tool",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._tools: set[str] = set()

    def count_turn(self, status: str, *, seconds: float, model: str = "", reason: str = "") -> None:
        """Count a turn that ended."""
        self._turns.labels(status, model, reason).inc()
        self._seconds.labels(status).observe(seconds)

    def count_work(self, model: str, steps: Mapping[str, float], usage: Usage) -> None:
        """Count what a turn took: seconds by step, and tokens."""
        for step, seconds in steps.items():
            self._steps.labels(step).observe(seconds)
        if model:
            self.count_tokens(model, usage)

    def count_tokens(self, model: str, usage: Usage) -> None:
        """Count what a model used."""
        self._tokens.labels(model, "input").inc(usage.input_tokens)
        self._tokens.labels(model, "output").inc(usage.output_tokens)
        if usage.cost is not None:
            self._cost.labels(model).inc(usage.cost)

    def count_tool(self, call: ToolCall) -> None:
        """Count a tool call that ended. What a model or a server makes up is no label."""
        tool = self._name_tool(call)
        reason = f"{call.reason[:6]}xx" if call.reason.startswith("http_") else call.reason
        self._tool_calls.labels(tool, call.status, reason).inc()
        if call.seconds:
            self._tool_seconds.labels(tool).observe(call.seconds)

    def _name_tool(self, call: ToolCall) -> str:
        if call.made_up:
            return UNKNOWN_TOOL
        if len(self._tools) < MOST_TOOLS:
            self._tools.add(call.name)
        return call.name if call.name in self._tools else OTHER_TOOL

    def watch(self, read: Callable[[], Sequence[Reading]]) -> None:
        """Take these readings too, each time the figures are asked for."""
        self._registry.register(_Readings(read))

    def render(self) -> bytes:
        """Return all figures in Prometheus' text format (CONTENT_TYPE)."""
        return generate_latest(self._registry)


class _Readings(Collector):
    def __init__(self, read: Callable[[], Sequence[Reading]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for reading in self._read():
            metric = families.get(reading.name)
            if metric is None:
                family = CounterMetricFamily if reading.counts_up else GaugeMetricFamily
                metric = family(reading.name, reading.help, labels=list(reading.labels))
                families[reading.name] = metric
            metric.add_metric(list(reading.labels.values()), reading.value)
        return families.values()
