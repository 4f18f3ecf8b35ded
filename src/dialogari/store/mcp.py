"""The MCP servers: read at each turn, edited from outside, their secrets locked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dialogari.store.errors import ServerChangedError, UnknownServerError
from dialogari.store.locked_rows import Kind, LockedRows
from dialogari.store.tables import mcp_servers
from dialogari.tool import McpChoice, McpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import RowMapping

    from dialogari.store.database import Database
    from dialogari.store.keyring import Keyring


class StoredMcpServers(LockedRows[McpServer]):
    """Finds MCP servers for turns and people, and edits them.

    An unknown name is an UnknownServerError, another version a ServerChangedError.
    """

    def __init__(
        self, database: Database, keyring: Keyring, check: Callable[[McpServer], None]
    ) -> None:
        super().__init__(_SERVERS, database, keyring, check)

    async def find_choices(self, names: Sequence[str]) -> Sequence[McpChoice]:
        """Return what `server/tool` and `server/*` among these names choose, in this order.

        A server that there is not, or whose secrets can't be opened, is left out.

        Raises:
            StoreError: the store can't be read.
        """
        asked = [name.partition("/") for name in dict.fromkeys(names)]
        asked = [parts for parts in asked if parts[1] and parts[2]]
        if not asked:
            return ()
        servers = {server.name: server for server in await self.find([name for name, *_ in asked])}
        return [McpChoice(servers[name], tool) for name, _, tool in asked if name in servers]


def _row(server: McpServer) -> dict[str, object]:
    return {
        "command": server.command,
        "args": list(server.args),
        "env": dict(server.env),
        "url": server.url,
        "headers": dict(server.headers),
        "timeout": server.timeout,
        "version": server.version,
        "updated_at": server.updated,
    }


def _server(row: RowMapping) -> McpServer:
    return McpServer(
        name=row["name"],
        command=row["command"],
        args=tuple(row["args"]),
        env=row["env"],
        url=row["url"],
        headers=row["headers"],
        timeout=row["timeout"],
        version=row["version"],
        updated=row["updated_at"],
    )


_SERVERS: Final[Kind[McpServer]] = Kind(
    title="MCP server",
    table=mcp_servers,
    secrets={"env": "env", "headers": "header"},
    read=_server,
    write=_row,
    unknown=UnknownServerError,
    changed=ServerChangedError,
)
