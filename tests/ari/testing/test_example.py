"""The example that the test kit shows its users is a test that passes."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import pytest

from dialogari.ari import testing


def example(change: tuple[str, str] = ("", "")) -> Any:
    """Return the test of the module's docstring, with something in it replaced."""
    found = re.search(r"\n\n((?:    .*\n|\n)+)", testing.__doc__ or "")
    assert found is not None
    names: dict[str, Any] = {}
    exec(textwrap.dedent(found[1]).replace(*change), names)  # noqa: S102 - our own docstring
    return names["test_greet"]


async def test_example() -> None:
    """It passes as it stands."""
    assert inspect.iscoroutinefunction(example())
    await example()()


async def test_example_notices() -> None:
    """It fails when the program does something else."""
    with pytest.raises(ExceptionGroup) as caught:
        await example(("hello {", "goodbye {"))()

    assert caught.group_contains(AssertionError, depth=1)
