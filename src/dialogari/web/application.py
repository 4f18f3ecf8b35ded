"""The web application: health without a key, the API with one, and nothing else."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Security
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer

from dialogari.web.api import calls, conversations, mcp, prompts, status, tools, turns
from dialogari.web.api.backend import FindBackend, require
from dialogari.web.api.bodies import Bodies
from dialogari.web.api.keys import Gate
from dialogari.web.api.problems import Boundary, ProblemDocument, answer_problems
from dialogari.web.health import add_health

if TYPE_CHECKING:
    from dialogari.metrics import Metrics
    from dialogari.web.health import Readiness

PREFIX = "/api/v1"
_ABOUT = (
    "Prompts, tools, MCP servers, turns without a call, conversations, the calls in the bridge, "
    "and how it stands. Errors are problem documents (RFC 9457). docs/api.md has examples."
)


def build_web(
    readiness: Readiness, figures: Metrics, find_backend: FindBackend, bootstrap: str = ""
) -> FastAPI:
    """Return the web application.

    `readiness` names each part and whether it is ready; `find_backend` returns what the API works
    on, None while it can't; `bootstrap` is the key of the settings, empty: none.
    """
    web = _Web(
        title="dialogari",
        version=version("dialogari"),
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        redirect_slashes=False,
    )
    web.state.find_backend = find_backend
    add_health(web, readiness, figures)
    # What the gate asks for; here it is for the OpenAPI document alone.
    bearer = Security(HTTPBearer(auto_error=False, description="A key of `dialogari key new`."))
    for noun in (prompts, tools, mcp, turns, conversations, calls, status):
        web.include_router(noun.router, prefix=PREFIX, dependencies=[bearer])
    answer_problems(web)

    async def find_key(key: str) -> str | None:
        return await require(find_backend).store.keys.find_key(key)

    # The last one added is the first one met.
    web.add_middleware(Bodies)
    web.add_middleware(Gate, bootstrap=bootstrap, find_key=find_key)
    web.add_middleware(Boundary)
    return web


class _Web(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with the one schema that all errors have."""
        if not self.openapi_schema:
            found = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=self.routes,
            )
            schema = ProblemDocument.model_json_schema(
                ref_template="#/components/schemas/{model}", mode="serialization"
            )
            schemas = found["components"]["schemas"]
            schemas.update(schema.pop("$defs", {}))
            schemas["Problem"] = schema
            self.openapi_schema = found
        return self.openapi_schema
