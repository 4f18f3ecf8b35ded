"""What a request cost: the operator's own prices, else the list that pydantic keeps, else unknown.

The list is `genai-prices`, which pydantic-ai brings along; it is read from the package, never from
the network, and is as old as the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from genai_prices import calc_price

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_ai.usage import RequestUsage

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float


FREE: Final = Price(0.0, 0.0)


def cost(
    model: str, usage: RequestUsage, own: Mapping[str, Price], price_list: str | None
) -> float | None:
    """Return US dollars, None where nobody knows.

    `model`: `provider:model`; `own` names such, or a provider for all of its models. `price_list`:
    the provider's name in the list; None: it is not in there.
    """
    provider, _, name = model.partition(":")
    price = own.get(model) or own.get(provider)
    if price is not None:
        dear = usage.input_tokens * price.input + usage.output_tokens * price.output
        return dear / _MILLION
    if price_list is None:
        return None
    try:
        return float(calc_price(usage, name, provider_id=price_list).total_price)
    except LookupError:
        return None
