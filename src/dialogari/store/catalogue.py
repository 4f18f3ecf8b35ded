"""What a turn reads of the prompts and the tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.store.prompts import StoredPrompts
    from dialogari.store.tools import StoredTools
    from dialogari.tool import Tool
    from dialogari.turn import Prompt


class StoredCatalogue:
    """Plays `dialogari.parts.Catalogue`."""

    def __init__(self, prompts: StoredPrompts, tools: StoredTools) -> None:
        self._prompts = prompts
        self._tools = tools

    async def find_prompt(self, name: str) -> Prompt | None:
        """Return the version in force, or None where no prompt has that name. Raises TurnError."""
        return await self._prompts.find_prompt(name)

    async def find_tools(self, names: Sequence[str]) -> Sequence[Tool]:
        """Return the tools of these names that there are, in this order. Raises TurnError."""
        return await self._tools.find_tools(names)
