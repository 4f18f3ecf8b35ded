"""What a turn reads of the prompts and the tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogari.store.errors import StoreError, turn_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.store.mcp import StoredMcpServers
    from dialogari.store.prompts import StoredPrompts
    from dialogari.store.tools import StoredTools
    from dialogari.tool import McpChoice, Tool
    from dialogari.turn import Prompt


class StoredCatalogue:
    """Plays `dialogari.parts.Catalogue`."""

    def __init__(
        self, prompts: StoredPrompts, tools: StoredTools, servers: StoredMcpServers
    ) -> None:
        self._prompts = prompts
        self._tools = tools
        self._servers = servers

    async def find_prompt(self, name: str) -> Prompt | None:
        """Return the version in force, or None where no prompt has that name. Raises TurnError."""
        return await self._prompts.find_prompt(name)

    async def find_tools(self, names: Sequence[str]) -> Sequence[Tool | McpChoice]:
        """Return the tools of these names that there are, HTTP tools first. Raises TurnError."""
        tools = await self._tools.find_tools([name for name in names if "/" not in name])
        try:
            return [*tools, *await self._servers.find_choices(names)]
        except StoreError as error:
            raise turn_error(error) from error
