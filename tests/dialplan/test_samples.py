"""The samples as text: what depends on the settings, and what must never be in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogari.dialplan.samples import (
    Sample,
    action_contexts,
    http_conf,
    limited_context,
    pieces_context,
    render,
    simple_context,
)

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "dialplan.md"


def test_the_documentation_shows_what_is_printed() -> None:
    """docs/dialplan.md has the contexts word for word, as the default settings print them."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    sample = Sample(prompt="reception")

    assert simple_context(sample) in text
    assert pieces_context(sample) in text
    assert limited_context(sample) in text
    assert action_contexts() in text


@pytest.mark.parametrize(("deadline", "net"), [(12.0, 20), (1.0, 9), (30.4, 39), (300.0, 308)])
def test_the_net_is_wider_than_the_deadline(deadline: float, net: int) -> None:
    """TIMEOUT(absolute) is TURN_DEADLINE and 8 seconds, in whole ones."""
    assert f"Set(TIMEOUT(absolute)={net})" in simple_context(Sample(turn_deadline=deadline))


def test_names_come_from_the_settings() -> None:
    """Application, user and prompt are the settings'; without a prompt the argument is left out."""
    text = render(Sample(application="desk", username="ada"))

    assert text.count("Stasis(desk,UNIQUEID=${UNIQUEID}") == 3
    assert "[ada]" in text
    assert "AI_PROMPT_NAME" not in text


@pytest.mark.parametrize(
    ("url", "lines"),
    [
        ("http://127.0.0.1:8088/ari", {"bindaddr = 127.0.0.1", "bindport = 8088"}),
        ("http://localhost:80/ari", {"bindaddr = 127.0.0.1", "bindport = 80"}),
        ("http://10.1.2.3:8088/pbx/ari", {"bindaddr = 10.1.2.3", "prefix = pbx"}),
        ("http://[::1]:8088/ari", {"bindaddr = ::1"}),
        (
            "http://pbx.example/ari",
            {"bindaddr = 0.0.0.0   ; let only the bridge reach it", "bindport = 80"},
        ),
        (
            "https://pbx.example:8089/ari",
            {"bindaddr = 127.0.0.1", "tlsenable = yes", "tlsbindaddr = 0.0.0.0:8089"},
        ),
        ("https://[fe80::1]/ari", {"tlsbindaddr = [fe80::1]:443"}),
    ],
)
def test_http_conf_fits_the_address(url: str, lines: set[str]) -> None:
    """Asterisk listens where the bridge connects to."""
    assert lines <= set(http_conf(Sample(url=url)).splitlines())
