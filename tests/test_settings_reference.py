"""docs/settings.md is what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

from dialogari.config import Settings

TOOL = Path(__file__).parents[1] / "tools" / "settings_reference.py"


def test_the_page_is_current() -> None:
    """Run tools/settings_reference.py when this fails."""
    tool = runpy.run_path(str(TOOL))

    assert tool["PAGE"].read_text(encoding="utf-8") == tool["render"]()


def test_every_setting_is_described() -> None:
    """No setting is without a sentence of its own."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
