"""`/mcp`: the MCP servers, read, made, edited, looked at and deleted.

Only those at an address are written here. A program is shown, but who may store one runs programs
on this machine, and a key of the API is not meant to let anybody do that: `dialogari mcp set` is
the way. Secrets are masked as those of tools.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Path, Request, Response
from pydantic import ConfigDict, Field, JsonValue, model_validator

from dialogari.store.errors import ServerChangedError, UnknownServerError
from dialogari.tool import DEFAULT_TIMEOUT, InvalidToolError, McpOffer, McpServer
from dialogari.web.api.backend import Backend, Parts
from dialogari.web.api.fields import SERVER_NAME, Body, Headers, View
from dialogari.web.api.paging import Cursor, Limit, Page, cut_page
from dialogari.web.api.problems import Problem, document
from dialogari.web.api.writes import Given, check_name, make_etag, makes, shows, taken

router = APIRouter(prefix="/mcp", tags=["mcp"])

Name = Annotated[str, Path(pattern=SERVER_NAME)]

_EXAMPLE: Final[dict[str, JsonValue]] = {
    "name": "crm",
    "url": "https://crm.example/mcp",
    "headers": {"Authorization": "Bearer secret"},
}


class ServerFields(Body):
    """An MCP server as it is written: one at an address."""

    url: str = Field(pattern=r"^https?://[^\s\x00]+$", max_length=4000)
    """Of the streamable HTTP transport."""
    headers: Headers = Field(default_factory=dict[str, str])
    """Their values are secrets."""
    timeout: float = Field(DEFAULT_TIMEOUT, gt=0, le=60, allow_inf_nan=False)
    """Seconds for one call."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_program(cls, given: Any) -> Any:
        if isinstance(given, dict) and cast("dict[str, Any]", given).get("command"):
            raise _refused()
        return given  # pyright: ignore[reportUnknownVariableType] - whatever came

    def named(self, name: str) -> McpServer:
        """Return the server."""
        return McpServer(name, url=self.url, headers=self.headers, timeout=self.timeout)


class NewServer(ServerFields):
    """An MCP server to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: str = Field(pattern=SERVER_NAME)


class EditedServer(ServerFields):
    """An MCP server in place of the one that is stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{k: v for k, v in _EXAMPLE.items() if k != "name"}]}
    )

    name: str | None = Field(None, pattern=SERVER_NAME)
    """That of the address, or left out."""


class ServerView(View):
    """An MCP server, `********` in place of each secret."""

    name: str
    version: int
    command: str
    """The program that is started; empty: it has an address."""
    args: list[str]
    env: dict[str, str]
    url: str
    headers: dict[str, str]
    timeout: float
    updated: datetime | None


class OfferedToolView(View):
    """A tool as its server describes it."""

    name: str
    """As a prompt names it: `server/tool`."""
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments."""


class OfferView(View):
    """What a server offers now."""

    status: str
    """`ok` or `away`."""
    reason: str
    """Why it is away, in a word, such as `address`; empty when it is not."""
    tools: list[OfferedToolView]


_WRITES: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT)


@router.get("", responses=document(HTTPStatus.NOT_FOUND))
async def list_servers(parts: Parts, limit: Limit = 50, cursor: Cursor = None) -> Page[ServerView]:
    """List the MCP servers by name."""
    servers = await parts.store.servers.list_all()
    page, following = cut_page(servers, limit, cursor, lambda server: server.name)
    return Page(items=[_view(server) for server in page], next=following)


@router.post("", status_code=HTTPStatus.CREATED, responses={**makes(), **document(*_WRITES)})
async def make_server(
    parts: Parts, request: Request, response: Response, body: NewServer
) -> ServerView:
    """Make an MCP server at an address; 409 where there is one of that name."""
    try:
        stored = await _put(parts, body.named(body.name), 0)
    except ServerChangedError:
        raise taken("mcp", "an MCP server") from None
    return _made(stored, request, response)


@router.get("/{name}", responses={**shows(), **document(HTTPStatus.NOT_FOUND)})
async def get_server(parts: Parts, response: Response, name: Name) -> ServerView:
    """Show an MCP server."""
    return _tagged(await parts.store.servers.show(name), response)


@router.put(
    "/{name}",
    responses={
        **shows(),
        **makes(),
        **document(*_WRITES, HTTPStatus.PRECONDITION_FAILED),
    },
)
async def put_server(
    parts: Parts,
    request: Request,
    response: Response,
    name: Name,
    body: EditedServer,
    given: Given,
) -> ServerView:
    """Put an MCP server in place of the one of its name; 403 where that one is a program."""
    check_name(body.name, name)
    present = await _look_for(parts, name)
    if present is not None and present.command:
        raise _refused()
    replaces = given.replaces(make_etag(present), present.version if present else 0)
    stored = await _put(parts, body.named(name), replaces)
    if present is None:
        response.status_code = HTTPStatus.CREATED
        return _made(stored, request, response)
    return _tagged(stored, response)


@router.delete(
    "/{name}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=document(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED),
)
async def delete_server(parts: Parts, name: Name, given: Given) -> None:
    """Delete an MCP server; prompts that name its tools go on without. 403: it is a program."""
    present = await parts.store.servers.show(name)
    if present.command:
        raise _refused()
    replaces = given.replaces(make_etag(present), present.version)
    await parts.store.servers.delete(name, replaces=replaces)


@router.post("/{name}/try", responses=document(HTTPStatus.NOT_FOUND))
async def try_server(parts: Parts, name: Name) -> OfferView:
    """Say what tools a server offers to turns now. Where it is away, `status` says so, with 200."""
    return _view_offer(await parts.look_at_server(name))


def _refused() -> Problem:
    detail = (
        "a program is stored and deleted by `dialogari mcp` alone, on the machine that runs it: "
        "a key of the API does not let its holder run programs there; write one with `url`, or "
        "use `dialogari mcp set`"
    )
    return Problem(HTTPStatus.FORBIDDEN, "mcp.program", detail)


async def _put(parts: Backend, server: McpServer, replaces: int | None) -> McpServer:
    try:
        return await parts.store.servers.put(server, replaces=replaces)
    except InvalidToolError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "mcp.invalid", str(error)) from None


async def _look_for(parts: Backend, name: str) -> McpServer | None:
    try:
        return await parts.store.servers.show(name)
    except UnknownServerError:
        return None


def _made(server: McpServer, request: Request, response: Response) -> ServerView:
    response.headers["Location"] = request.url_for("get_server", name=server.name).path
    return _tagged(server, response)


def _tagged(server: McpServer, response: Response) -> ServerView:
    response.headers["ETag"] = make_etag(server) or ""
    return _view(server)


def _view(server: McpServer) -> ServerView:
    return ServerView(
        name=server.name,
        version=server.version,
        command=server.command,
        args=list(server.args),
        env=dict(server.env),
        url=server.url,
        headers=dict(server.headers),
        timeout=server.timeout,
        updated=server.updated,
    )


def _view_offer(offer: McpOffer) -> OfferView:
    return OfferView(
        status="away" if offer.cause else "ok",
        reason=offer.cause,
        tools=[
            OfferedToolView(
                name=tool.name, description=tool.description, parameters=dict(tool.parameters)
            )
            for tool in offer.tools
        ],
    )
