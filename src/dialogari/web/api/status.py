"""`/status`: how the bridge and its parts stand."""

from fastapi import APIRouter

from dialogari.live import Link
from dialogari.web.api.backend import Parts
from dialogari.web.api.fields import View
from dialogari.web.api.problems import document

router = APIRouter(prefix="/status", tags=["status"])


class LinkView(View):
    """The link to one Asterisk."""

    server: str
    application: str
    state: str
    """`ready` when calls are answered."""
    asterisk: str
    """Its version; empty before the first connect."""
    connects: int


class DatabaseView(View):
    """The database."""

    kind: str
    """`sqlite` or `postgresql`."""
    writable: bool


class ModelsView(View):
    """Who answers."""

    default: str
    fallback: str
    """Empty: none."""
    providers: list[str]
    ready: bool


class StatusView(View):
    """How the bridge stands."""

    ready: bool
    """A call that came now would be answered."""
    calls: int
    links: list[LinkView]
    database: DatabaseView
    models: ModelsView
    versions: dict[str, str]


@router.get("", responses=document())
async def get_status(parts: Parts) -> StatusView:
    """Show how each link, the database and the models stand."""
    seen = await parts.look()
    return StatusView(
        ready=seen.ready,
        calls=seen.calls,
        links=[_view(link) for link in seen.links],
        database=DatabaseView(kind=seen.database, writable=seen.parts.get("database", False)),
        models=ModelsView(
            default=seen.default_model,
            fallback=seen.fallback_model,
            providers=list(seen.providers),
            ready=seen.parts.get("model", False),
        ),
        versions=seen.versions,
    )


def _view(link: Link) -> LinkView:
    return LinkView(
        server=link.server,
        application=link.application,
        state=link.state,
        asterisk=link.asterisk,
        connects=link.connects,
    )
