"""`/tools`: read, made, edited, tried out and deleted; their secrets go in and never come out.

A header is shown as `********`, and a write with that value keeps the one that is stored.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator, ConfigDict, Field, JsonValue

from dialogari.store.errors import ToolChangedError, UnknownToolError
from dialogari.tool import DEFAULT_TIMEOUT, Tool, ToolCall
from dialogari.web.api.backend import Parts
from dialogari.web.api.fields import TOOL_NAME, Body, Headers, JsonObject, Text, View
from dialogari.web.api.paging import Cursor, Limit, Page, cut_page
from dialogari.web.api.problems import document
from dialogari.web.api.writes import Given, check_name, make_etag, makes, shows, taken

router = APIRouter(prefix="/tools", tags=["tools"])

Name = Annotated[str, Path(pattern=TOOL_NAME)]


_SCHEMA: Final[dict[str, JsonValue]] = {
    "properties": {"type": {"const": "object"}},
    "required": ["type"],
}
_EXAMPLE: Final[dict[str, JsonValue]] = {
    "name": "opening_hours",
    "description": "Opening hours of a branch on a day of the week.",
    "parameters": {
        "type": "object",
        "properties": {"branch": {"type": "string"}, "day": {"type": "string"}},
        "required": ["branch", "day"],
    },
    "url": "https://crm.example/branches/{branch}/hours",
    "headers": {"Authorization": "Bearer secret"},
    "result_path": "hours.opens",
}


def _check_type(schema: dict[str, Any]) -> dict[str, Any]:
    # Said before a write's ETag is looked at: what is malformed stays so, whoever else wrote.
    if schema.get("type") != "object":
        raise ValueError('a JSON Schema with "type": "object"')
    return schema


class ToolFields(Body):
    """A tool as it is written."""

    description: Text = Field(min_length=1, max_length=1024)
    """For the model: what it does and when to use it."""
    parameters: Annotated[JsonObject, AfterValidator(_check_type)] = Field(
        json_schema_extra=_SCHEMA
    )
    """JSON Schema of the arguments, `"type": "object"`."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(pattern=r"^https?://[^\s\x00]+$", max_length=4000)
    """`http` or `https`; `{argument}` in path and query stands for an argument."""
    headers: Headers = Field(default_factory=dict[str, str])
    """Their values are secrets."""
    timeout: float = Field(DEFAULT_TIMEOUT, gt=0, le=60, allow_inf_nan=False)
    """Seconds."""
    result_path: Text | None = Field(None, max_length=1000)
    """JMESPath of what the model is told of the answer; null: all of it."""

    def named(self, name: str) -> Tool:
        """Return the tool."""
        return Tool(
            name=name,
            description=self.description,
            parameters=self.parameters,
            method=self.method,
            url=self.url,
            headers=self.headers,
            timeout=self.timeout,
            result_path=self.result_path,
        )


class NewTool(ToolFields):
    """A tool to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: str = Field(pattern=TOOL_NAME)


class EditedTool(ToolFields):
    """A tool in place of the one that is stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{k: v for k, v in _EXAMPLE.items() if k != "name"}]}
    )

    name: str | None = Field(None, pattern=TOOL_NAME)
    """That of the address, or left out."""


class ToolView(View):
    """A tool, `********` in place of each secret."""

    name: str
    version: int
    description: str
    parameters: dict[str, Any]
    method: str
    url: str
    headers: dict[str, str]
    timeout: float
    result_path: str | None
    updated: datetime | None


class Trial(Body):
    """What to try a tool with."""

    arguments: JsonObject = Field(default_factory=dict[str, Any])


class ToolCallView(View):
    """A call of a tool, and what came of it."""

    id: str
    name: str
    arguments: dict[str, Any]
    step: int
    status: str
    """`running`, `ok` or `failed`."""
    reason: str
    """Why it failed, such as `http_500`."""
    result: str
    """What the model is told."""
    seconds: float


@router.get("", responses=document(HTTPStatus.NOT_FOUND))
async def list_tools(parts: Parts, limit: Limit = 50, cursor: Cursor = None) -> Page[ToolView]:
    """List the tools by name."""
    tools = await parts.store.tools.list_all()
    page, following = cut_page(tools, limit, cursor, lambda tool: tool.name)
    return Page(items=[_view(tool) for tool in page], next=following)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses={**makes(), **document(HTTPStatus.CONFLICT)},
)
async def make_tool(parts: Parts, request: Request, response: Response, body: NewTool) -> ToolView:
    """Make a tool; 409 where there is one of that name."""
    try:
        stored = await parts.store.tools.put(body.named(body.name), replaces=0)
    except ToolChangedError:
        raise taken("tool") from None
    return _made(stored, request, response)


@router.get("/{name}", responses={**shows(), **document(HTTPStatus.NOT_FOUND)})
async def get_tool(parts: Parts, response: Response, name: Name) -> ToolView:
    """Show a tool."""
    return _tagged(await parts.store.tools.show(name), response)


@router.put(
    "/{name}",
    responses={
        **shows(),
        **makes(),
        **document(HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
    },
)
async def put_tool(
    parts: Parts,
    request: Request,
    response: Response,
    name: Name,
    body: EditedTool,
    given: Given,
) -> ToolView:
    """Put a tool in place of the one of its name; it counts from the next turn on."""
    check_name(body.name, name)
    present = await _look_for(parts, name)
    replaces = given.replaces(make_etag(present), present.version if present else 0)
    stored = await parts.store.tools.put(body.named(name), replaces=replaces)
    if present is None:
        response.status_code = HTTPStatus.CREATED
        return _made(stored, request, response)
    return _tagged(stored, response)


@router.delete(
    "/{name}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=document(HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED),
)
async def delete_tool(parts: Parts, name: Name, given: Given) -> None:
    """Delete a tool; prompts that name it go on without."""
    present = await parts.store.tools.show(name)
    replaces = given.replaces(make_etag(present), present.version)
    await parts.store.tools.delete(name, replaces=replaces)


@router.post("/{name}/try", responses=document(HTTPStatus.NOT_FOUND))
async def try_tool(parts: Parts, name: Name, body: Trial) -> ToolCallView:
    """Call a tool as a model would. That it fails is told in `status`, with 200."""
    return view_call(await parts.try_tool(name, body.arguments))


def view_call(call: ToolCall) -> ToolCallView:
    """Return a call as clients see it."""
    return ToolCallView(
        id=call.id,
        name=call.name,
        arguments=dict(call.arguments),
        step=call.step,
        status=call.status,
        reason=call.reason,
        result=call.result,
        seconds=round(call.seconds, 3),
    )


async def _look_for(parts: Parts, name: str) -> Tool | None:
    try:
        return await parts.store.tools.show(name)
    except UnknownToolError:
        return None


def _made(tool: Tool, request: Request, response: Response) -> ToolView:
    response.headers["Location"] = request.url_for("get_tool", name=tool.name).path
    return _tagged(tool, response)


def _tagged(tool: Tool, response: Response) -> ToolView:
    response.headers["ETag"] = make_etag(tool) or ""
    return _view(tool)


def _view(tool: Tool) -> ToolView:
    return ToolView(
        name=tool.name,
        version=tool.version,
        description=tool.description,
        parameters=dict(tool.parameters),
        method=tool.method,
        url=tool.url,
        headers=dict(tool.headers),
        timeout=tool.timeout,
        result_path=tool.result_path,
        updated=tool.updated,
    )
