"""Lists in pages: `limit` entries at a time, and an opaque cursor to where the next page begins."""

import base64
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, TypeVar, cast

from fastapi import Query
from pydantic import BaseModel

from dialogari.web.api.problems import Problem

MOST: Final = 200
Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=MOST, description="Entries of a page.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before.")]


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None
    """Cursor of the next page; null: this is the last one."""


def write_cursor(*place: object) -> str:
    """Return a place in a list as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *types: type[object]) -> list[Any]:
    """Return the place that `write_cursor` was given, if it is of these types.

    Raises:
        Problem: nobody was ever given this cursor.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found: object = json.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, RecursionError):
        raise unknown_page() from None
    place = cast("list[object]", found) if isinstance(found, list) else []
    if [type(value) for value in place] != list(types):
        raise unknown_page()
    return place


def unknown_page() -> Problem:
    """Return what to say of a cursor that leads nowhere."""
    return Problem(HTTPStatus.NOT_FOUND, "cursor.unknown", "there is no page of this cursor")


def cut_page(
    items: Sequence[Item], limit: int, cursor: str | None, place: Callable[[Item], str | int]
) -> tuple[list[Item], str | None]:
    """Return one page of a whole list, sorted by `place`, and the cursor of the next one."""
    if cursor is not None and items:
        (last,) = read_cursor(cursor, type(place(items[0])))
        items = [item for item in items if place(item) > last]
    page = list(items[:limit])
    more = len(items) > limit
    return page, write_cursor(place(page[-1])) if more else None
