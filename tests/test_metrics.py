"""The figures Prometheus gets."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dialogari.asked import Usage
from dialogari.metrics import MOST_TOOLS, Metrics, Reading
from dialogari.tool import ToolCall, ToolStatus


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


def test_readings_of_one_name_are_one_figure() -> None:
    """With a line for each of its labels, and its name announced once."""
    metrics = Metrics()
    metrics.watch(
        lambda: [Reading("dialogari_skipped", "Skipped.", n, {"model": str(n)}) for n in (0, 1)]
    )

    text = metrics.render().decode()

    assert text.count("# TYPE dialogari_skipped gauge") == 1
    assert 'dialogari_skipped{model="0"} 0.0\ndialogari_skipped{model="1"} 1.0' in text


def _call(name: str, reason: str = "", seconds: float = 0.0) -> ToolCall:
    status = ToolStatus.FAILED if reason else ToolStatus.OK
    return ToolCall("c", name, {}, status=status, reason=reason, seconds=seconds)


def test_tool_calls_are_counted() -> None:
    """By tool, status and reason, with the seconds of those that were tried."""
    metrics = Metrics()
    for call in (_call("hours", "", 0.2), _call("hours", "timeout", 5), _call("hours", "", 0)):
        metrics.count_tool(call)
    metrics.count_tool(_call("hours", "http_503", 0.1))
    metrics.count_tool(_call("hours", "http_500", 0.1))

    values = _values(metrics)

    assert values["dialogari_tool_calls_total", ("", "ok", "hours")] == 2
    assert values["dialogari_tool_calls_total", ("timeout", "failed", "hours")] == 1
    assert values["dialogari_tool_calls_total", ("http_5xx", "failed", "hours")] == 2
    assert values["dialogari_tool_seconds_count", ("hours",)] == 4


def test_no_model_makes_up_a_figure() -> None:
    """A name that is no tool's is told from none other, nor is one that nobody looked for."""
    metrics = Metrics()
    metrics.count_tool(_call("made_up", "unknown_tool"))
    metrics.count_tool(_call("made_up_too", "too_many"))

    text = metrics.render().decode()

    assert "made_up" not in text
    values = _values(metrics)
    assert values["dialogari_tool_calls_total", ("unknown_tool", "failed", "(unknown)")] == 1
    assert values["dialogari_tool_calls_total", ("too_many", "failed", "(unknown)")] == 1


def test_tools_without_end_are_counted_together() -> None:
    """An MCP server may name its tools anew for ever: so many have figures of their own."""
    metrics = Metrics()
    for number in range(MOST_TOOLS + 3):
        metrics.count_tool(_call(f"tool{number}"))
    metrics.count_tool(_call("tool0"))

    values = _values(metrics)

    assert values["dialogari_tool_calls_total", ("", "ok", "tool0")] == 2
    assert values["dialogari_tool_calls_total", ("", "ok", "(other)")] == 3


def test_two_bridges_in_one_process_do_not_share_figures() -> None:
    """Each has a registry of its own."""
    one, other = Metrics(), Metrics()

    one.count_turn("ok", seconds=1)

    assert not any(name == "dialogari_turns_total" for name, _ in _values(other))
