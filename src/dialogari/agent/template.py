"""Facts filled into a prompt: `{{ name }}` and nothing else.

Prompts are written by whoever runs the exchange and facts come from calls, so the template has no
logic, no attributes and no second pass: a fact that contains `{{ other }}` stays as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Possessive, so that a brace that is never closed costs one pass only.
_PLACE: Final = re.compile(r"\{\{\s*+(\w++)\s*+\}\}")


def fill(content: str, facts: Mapping[str, str]) -> str:
    """Return the content with every `{{ name }}` replaced by its fact.

    A name is made of letters, digits and `_`, blanks around it are optional, and its case doesn't
    matter. A name without a fact becomes empty; anything else between braces stays as it is.

    Args:
        content: A prompt as it is stored.
        facts: Values by name, the names in lower case.
    """
    return _PLACE.sub(lambda place: facts.get(place[1].lower(), ""), content)
