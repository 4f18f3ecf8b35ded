"""The tools: read at each turn, edited from outside, the values of their headers locked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dialogari.store.errors import StoreError, ToolChangedError, UnknownToolError, turn_error
from dialogari.store.locked_rows import Kind, LockedRows
from dialogari.store.tables import tools
from dialogari.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import RowMapping

    from dialogari.store.database import Database
    from dialogari.store.keyring import Keyring


class StoredTools(LockedRows[Tool]):
    """Plays `dialogari.tool.ToolSource`, and edits what it shows.

    An unknown name is an UnknownToolError, another version a ToolChangedError.
    """

    def __init__(self, database: Database, keyring: Keyring, check: Callable[[Tool], None]) -> None:
        super().__init__(_TOOLS, database, keyring, check)

    async def find_tools(self, names: Sequence[str]) -> Sequence[Tool]:
        """Return the tools of these names that there are, in this order, ready to be used.

        One whose secrets can't be opened is left out as well, and logged.

        Raises:
            TurnError: `error` and a reason `store.…`, when the store can't be read.
        """
        if not names:
            return ()
        try:
            found = {tool.name: tool for tool in await self.find(names)}
        except StoreError as error:
            raise turn_error(error) from error
        return [found[name] for name in dict.fromkeys(names) if name in found]


def _row(tool: Tool) -> dict[str, object]:
    return {
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "method": tool.method,
        "url": tool.url,
        "headers": dict(tool.headers),
        "timeout": tool.timeout,
        "result_path": tool.result_path,
        "version": tool.version,
        "updated_at": tool.updated,
    }


def _tool(row: RowMapping) -> Tool:
    return Tool(
        name=row["name"],
        description=row["description"],
        parameters=row["parameters"],
        url=row["url"],
        method=row["method"],
        headers=row["headers"],
        timeout=row["timeout"],
        result_path=row["result_path"],
        version=row["version"],
        updated=row["updated_at"],
    )


_TOOLS: Final[Kind[Tool]] = Kind(
    title="tool",
    table=tools,
    secrets={"headers": "header"},
    read=_tool,
    write=_row,
    unknown=UnknownToolError,
    changed=ToolChangedError,
)
