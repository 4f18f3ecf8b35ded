"""Writes that must not undo another's: what is shown has an ETag, and a write may name it.

`If-Match: "etag"` lets a write through only if that is still what is there, else 412. Without it a
write counts whatever is there; of a prompt nothing is lost by it, for every version is kept.
`If-None-Match: *` makes only what is not there yet.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Header

from dialogari.tool import McpServer, Tool
from dialogari.web.api.problems import Problem

_TAG: Final = {"ETag": {"description": "For If-Match.", "schema": {"type": "string"}}}
_PLACE: Final = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a write, as its headers have them."""

    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            max_length=1000,
            description="The ETag that was read; where another version is there now, 412.",
        ),
    ] = None
    if_none_match: Annotated[
        str | None,
        Header(
            alias="If-None-Match",
            max_length=1000,
            description="`*`: only where there is nothing yet, else 412.",
        ),
    ] = None

    def replaces(self, etag: str | None, version: int) -> int | None:
        """Return which version the write may replace; None: whichever.

        `etag`, `version`: of what is there; None and 0: nothing is.

        Raises:
            Problem: 412, a condition does not hold.
        """
        if self.if_match is None and self.if_none_match is None:
            return None
        if self.if_match is not None and not _names(self.if_match, etag):
            raise changed()
        if self.if_none_match is not None and _names(self.if_none_match.replace("W/", ""), etag):
            raise changed()
        return version


Given = Annotated[Conditions, Depends()]


def _names(header: str, etag: str | None) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    return etag is not None and ("*" in tags or etag in tags)


def make_etag(row: Tool | McpServer | None) -> str | None:
    """Return the ETag of a row; None where there is none."""
    if row is None or row.updated is None:
        return None
    # One that was deleted and made again begins at version 1: the moment tells them apart.
    return f'"{row.version}.{row.updated:%Y%m%d%H%M%S%f}"'


def changed() -> Problem:
    """Return what to say of a write that would undo another."""
    detail = "it has been changed since it was read: read it again"
    return Problem(HTTPStatus.PRECONDITION_FAILED, "changed", detail)


def taken(what: str, noun: str = "") -> Problem:
    """Return what to say where something is to be made that there is.

    `noun`: for people, with its article; empty: as `what`.
    """
    return Problem(
        HTTPStatus.CONFLICT, f"{what}.taken", f"there is {noun or f'a {what}'} of that name already"
    )


def check_name(body: str | None, address: str) -> None:
    """Let a write pass whose body names what the address names, or nothing. Raises Problem."""
    if body not in {None, address}:
        detail = "the name of the body is not that of the address"
        raise Problem(HTTPStatus.CONFLICT, "name.contradicts", detail)


def shows() -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of an answer that has an ETag."""
    return {200: {"headers": _TAG}}


def makes() -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the answer when something was made."""
    return {201: {"description": "Made", "headers": {**_TAG, **_PLACE}}}
