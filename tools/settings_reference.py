"""Write docs/settings.md from the code: every setting, its default and what it may be.

    .venv/bin/python tools/settings_reference.py

A test fails when the page is older than the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr

from dialogari.config import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

<!-- Written by tools/settings_reference.py from src/dialogari/config.py: change it there. -->

From the environment, or from a file `.env` in the folder `dialogari` is started from;
the environment wins. Names are without regard to case. An empty value is no value.
A wrong one stops the start with exit code 2 and a line that begins with its name.

| setting | default | may be | |
|---|---|---|---|
"""
COMPUTED = {"DIALOGARI_STATE_DIR"}
"""Their default depends on the machine; the description says it."""


def render() -> str:
    """Return the page."""
    rows = [_row(name.upper(), field) for name, field in Settings.model_fields.items()]
    return HEAD + "\n".join(rows) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    shown = "MODELS_<NAME>_…" if name == "MODELS" else name
    description = " ".join((field.description or "").split())
    return f"| `{shown}` | {_default(name, field)} | {_range(field)} | {description} |"


def _default(name: str, field: FieldInfo) -> str:
    value: Any = field.default
    if name in COMPUTED or field.default_factory or value is None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value != "" else ""


def _range(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    if field.annotation is bool:
        return "`true`, `false`"
    low = next((f"{m.ge}" for m in field.metadata if isinstance(m, Ge)), "")
    low = next((f"above {m.gt}" for m in field.metadata if isinstance(m, Gt)), low)
    high = next((f"{m.le}" for m in field.metadata if isinstance(m, Le)), "")
    return f"{low} to {high}" if high else ""


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
