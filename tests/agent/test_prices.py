"""What requests cost: our own prices, the public list, or nobody knows."""

from __future__ import annotations

import pytest
from pydantic_ai.usage import RequestUsage

from dialogari.agent.prices import FREE, Price, cost

MILLIONS = RequestUsage(input_tokens=2_000_000, output_tokens=1_000_000)
OWN = {"acme:large": Price(0.5, 2.0), "acme": Price(0.25, 1.0), "local": FREE}


@pytest.mark.parametrize(
    ("model", "price_list", "expected"),
    [
        ("acme:large", None, 3.0),
        ("acme:small", None, 1.5),
        ("local:qwen", None, 0.0),
        ("other:x", None, None),
        ("openai:no-such-model", "openai", None),
    ],
)
def test_cost(model: str, price_list: str | None, expected: float | None) -> None:
    """A model's own price counts before its provider's; free is a price, unknown is none."""
    assert cost(model, MILLIONS, OWN, price_list) == expected


@pytest.mark.parametrize(
    ("model", "price_list"),
    [("openai:gpt-4.1-mini", "openai"), ("anthropic:claude-haiku-5-5", "anthropic")],
)
def test_the_public_list_knows_the_defaults(model: str, price_list: str) -> None:
    """Without the network; tokens out cost more than tokens in."""
    into = cost(model, RequestUsage(input_tokens=1000), {}, price_list)
    out = cost(model, RequestUsage(output_tokens=1000), {}, price_list)

    assert into is not None
    assert out is not None
    assert 0 < into < out
