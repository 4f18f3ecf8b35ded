"""The figures Prometheus gets."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dialogari.asked import Usage
from dialogari.metrics import Metrics, Reading


def _values(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_turns_are_counted() -> None:
    """By status, model and reason, with seconds, steps and tokens."""
    metrics = Metrics()

    metrics.count_turn("ok", seconds=0.3, model="openai:x")
    metrics.count_turn("ok", seconds=0.4, model="openai:x")
    metrics.count_turn("timeout", seconds=12, model="openai:x", reason="model.timeout")
    metrics.count_work("openai:x", {"model": 0.2}, Usage(10, 5))

    values = _values(metrics)
    assert values["dialogari_turns_total", ("openai:x", "", "ok")] == 2
    assert values["dialogari_turns_total", ("openai:x", "model.timeout", "timeout")] == 1
    assert values["dialogari_turn_seconds_count", ("ok",)] == 2
    assert values["dialogari_turn_step_seconds_sum", ("model",)] == 0.2
    assert values["dialogari_tokens_total", ("input", "openai:x")] == 10


def test_readings_are_taken_when_asked_for() -> None:
    """A gauge shows the value of the moment; what counts up is a counter."""
    metrics, calls = Metrics(), [1.0]
    metrics.watch(
        lambda: [
            Reading("dialogari_calls", "Calls.", calls[0], {"server": "a"}),
            Reading("dialogari_link_connects", "Connects.", 3, {"server": "a"}, counts_up=True),
        ]
    )
    calls[0] = 7

    values = _values(metrics)

    assert values["dialogari_calls", ("a",)] == 7
    assert values["dialogari_link_connects_total", ("a",)] == 3


def test_two_bridges_in_one_process_do_not_share_figures() -> None:
    """Each has a registry of its own."""
    one, other = Metrics(), Metrics()

    one.count_turn("ok", seconds=1)

    assert not any(name == "dialogari_turns_total" for name, _ in _values(other))
