"""`/prompts`: read, made, edited, restored and deleted; every edit is a version."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from dialogari.store.errors import PromptChangedError, UnknownPromptError
from dialogari.turn import Prompt
from dialogari.web.api.backend import Parts
from dialogari.web.api.fields import PROMPT_NAME, TARGET, TOOL_CHOICE, Body, Text, View
from dialogari.web.api.paging import Cursor, Limit, Page, cut_page
from dialogari.web.api.problems import document
from dialogari.web.api.writes import Given, check_name, makes, shows, taken

router = APIRouter(prefix="/prompts", tags=["prompts"])

_LONGEST: Final = 200_000
Name = Annotated[str, Path(pattern=PROMPT_NAME)]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
Action = Literal["hang_up", "send_to_voicemail", "set_fact"]


class PromptFields(Body):
    """A prompt as it is written."""

    content: Text = Field(min_length=1, max_length=_LONGEST)
    """Instructions for the model; `{{ fact }}` stands for a fact of the call."""
    model: Text | None = Field(None, max_length=200)
    """A provider's name or `provider:model`; null: the setting's."""
    language: str | None = Field(None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$")
    """A tag such as `es-MX`: how numbers and signs are said."""
    tools: list[Annotated[str, Field(pattern=TOOL_CHOICE)]] = Field(
        default_factory=list[str], max_length=64
    )
    """Names of the tools its model may use; of an MCP server `server/tool` or `server/*`."""
    actions: list[Action] = Field(default_factory=list[Action], max_length=64)
    """What its model may decide about a call."""
    transfers: list[Annotated[str, Field(pattern=TARGET)]] = Field(
        default_factory=list[str], max_length=64
    )
    """Names of the targets that its model may transfer calls to."""
    tool_phrase: Text | None = Field(None, max_length=1000)
    """Said while a slow tool runs, in answers in pieces; null: nothing."""
    fallback_text: Text | None = Field(None, max_length=4000)
    """What to say when a turn fails; null: the setting's."""
    note: Text | None = Field(None, max_length=1000)
    """Why this edit was made, for people."""

    def named(self, name: str) -> Prompt:
        """Return the prompt."""
        return Prompt(
            name,
            self.content,
            model=self.model,
            language=self.language,
            tools=tuple(self.tools),
            actions=tuple(self.actions),
            transfers=tuple(self.transfers),
            tool_phrase=self.tool_phrase,
            fallback_text=self.fallback_text,
            note=self.note,
        )


class NewPrompt(PromptFields):
    """A prompt to be made."""

    name: str = Field(pattern=PROMPT_NAME)


class EditedPrompt(PromptFields):
    """A prompt's next version."""

    name: str | None = Field(None, pattern=PROMPT_NAME)
    """That of the address, or left out."""


class PromptView(View):
    """A version of a prompt."""

    name: str
    version: int
    content: str
    model: str | None
    language: str | None
    tools: list[str]
    actions: list[str]
    transfers: list[str]
    tool_phrase: str | None
    fallback_text: str | None
    note: str | None
    created: datetime | None


@router.get("", responses=document(HTTPStatus.NOT_FOUND))
async def list_prompts(parts: Parts, limit: Limit = 50, cursor: Cursor = None) -> Page[PromptView]:
    """List the prompts by name, each in the version that is in force."""
    prompts = await parts.store.prompts.list_prompts()
    page, following = cut_page(prompts, limit, cursor, lambda prompt: prompt.name)
    return Page(items=[_view(prompt) for prompt in page], next=following)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses={**makes(), **document(HTTPStatus.CONFLICT)},
)
async def make_prompt(
    parts: Parts, request: Request, response: Response, body: NewPrompt
) -> PromptView:
    """Make a prompt; 409 where there is one of that name."""
    try:
        stored = await parts.store.prompts.set_prompt(body.named(body.name), replaces=0)
    except PromptChangedError:
        raise taken("prompt") from None
    return _made(stored, request, response)


@router.get("/{name}", responses={**shows(), **document(HTTPStatus.NOT_FOUND)})
async def get_prompt(parts: Parts, response: Response, name: Name) -> PromptView:
    """Show the version that is in force."""
    return _tagged(await _find(parts, name), response)


@router.put(
    "/{name}",
    responses={
        **shows(),
        **makes(),
        **document(HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
    },
)
async def put_prompt(
    parts: Parts,
    request: Request,
    response: Response,
    name: Name,
    body: EditedPrompt,
    given: Given,
) -> PromptView:
    """Make a new version, which counts from the next turn on; 201 where it is the first one."""
    check_name(body.name, name)
    present = await parts.store.prompts.find_prompt(name)
    replaces = given.replaces(_etag(present), present.version if present else 0)
    stored = await parts.store.prompts.set_prompt(body.named(name), replaces=replaces)
    if present is None:
        response.status_code = HTTPStatus.CREATED
        return _made(stored, request, response)
    return _tagged(stored, response)


@router.delete(
    "/{name}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=document(HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED),
)
async def delete_prompt(parts: Parts, name: Name, given: Given) -> None:
    """Delete a prompt with all its versions; calls that name it end as `unknown_prompt`."""
    present = await _find(parts, name)
    replaces = given.replaces(_etag(present), present.version)
    await parts.store.prompts.delete_prompt(name, replaces=replaces)


@router.get("/{name}/versions", responses=document(HTTPStatus.NOT_FOUND))
async def list_versions(
    parts: Parts, name: Name, limit: Limit = 50, cursor: Cursor = None
) -> Page[PromptView]:
    """List every version of a prompt, the newest first."""
    versions = await parts.store.prompts.list_versions(name)
    page, following = cut_page(versions, limit, cursor, lambda prompt: -prompt.version)
    return Page(items=[_view(prompt) for prompt in page], next=following)


@router.post(
    "/{name}/versions/{version}/restore",
    status_code=HTTPStatus.CREATED,
    responses={
        **makes(),
        **document(HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED),
    },
)
async def restore_version(
    parts: Parts,
    request: Request,
    response: Response,
    name: Name,
    version: Version,
    given: Given,
) -> PromptView:
    """Make a new version that says what an old one said."""
    present = await _find(parts, name)
    replaces = given.replaces(_etag(present), present.version)
    stored = await parts.store.prompts.restore_prompt(name, version, replaces=replaces)
    return _made(stored, request, response)


async def _find(parts: Parts, name: str) -> Prompt:
    prompt = await parts.store.prompts.find_prompt(name)
    if prompt is None:
        raise UnknownPromptError(name)
    return prompt


def _etag(prompt: Prompt | None) -> str | None:
    # Numbers of versions are never given twice, not even after a prompt was deleted.
    return None if prompt is None else f'"{prompt.version}"'


def _made(prompt: Prompt, request: Request, response: Response) -> PromptView:
    response.headers["Location"] = request.url_for("get_prompt", name=prompt.name).path
    return _tagged(prompt, response)


def _tagged(prompt: Prompt, response: Response) -> PromptView:
    response.headers["ETag"] = _etag(prompt) or ""
    return _view(prompt)


def _view(prompt: Prompt) -> PromptView:
    return PromptView(
        name=prompt.name,
        version=prompt.version,
        content=prompt.content,
        model=prompt.model,
        language=prompt.language,
        tools=list(prompt.tools),
        actions=list(prompt.actions),
        transfers=list(prompt.transfers),
        tool_phrase=prompt.tool_phrase,
        fallback_text=prompt.fallback_text,
        note=prompt.note,
        created=prompt.created,
    )
