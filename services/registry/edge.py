"""What every endpoint of registry stands on: who may, which version is changed, shapes and pages.

Rights are decided on registry's own tables at each request; the token only says who asks.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.registry import store
from services.registry.directory import Desk
from services.registry.issuance import today
from services.registry.names import clean
from services.registry.refusals import OFFICER_OF_PROVINCE, VERSION_REQUIRED
from shared.db import Tx as Transaction
from shared.errors import FORBIDDEN, INVALID_REQUEST, STALE_VERSION, Rejected
from shared.http import Tx, Who, decode_cursor
from shared.tokens import Principal

Text = Annotated[str, AfterValidator(clean), Field(max_length=300)]
Limit = Annotated[int, Query(ge=1, le=500)]


class Shape(BaseModel):
    """JSON in and out; a field that is not known is an error of the sender."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def desk(request: Request, tx: Transaction, who: Principal) -> Desk:
    return Desk(tx, who.actor(), request.app.state.source)


def etag(response: Response, version: int) -> None:
    response.headers["ETag"] = f'"{version}"'


def cursor_id(cursor: str | None) -> UUID | None:
    """The id in a cursor that we made, none for the first page."""
    values = decode_cursor(cursor, 1)
    if values is None:
        return None
    try:
        return UUID(values[0])
    except ValueError as error:
        raise Rejected(INVALID_REQUEST, where="/query/cursor") from error


def reader(who: Who, tx: Tx) -> Principal:
    """Anybody who works in one of the agencies: an active person with a post today."""
    person = store.find_person(tx, who.person_id)
    if person is None or not person.facts.active:
        raise Rejected(FORBIDDEN)
    if not any(post.id == who.post_id and post.period.has(today()) for post in person.facts.posts):
        raise Rejected(FORBIDDEN)
    return who


def officer(who: Who, tx: Tx) -> Principal:
    """An officer whose post, valid today, is at a provincial agency: theirs is the whole province."""
    if "officer" not in who.roles:
        raise Rejected(FORBIDDEN)
    person = store.find_person(tx, who.person_id)
    post = person.may_act(who.post_id, "officer", today()) if person else None
    agency = store.find_agency(tx, post.agency_id) if post else None
    if agency is None or agency.facts.level != "province":
        raise Rejected(OFFICER_OF_PROVINCE)
    return who


Reader = Annotated[Principal, Depends(reader)]
Officer = Annotated[Principal, Depends(officer)]


def expected_version(if_match: Annotated[str | None, Header()] = None) -> int:
    """The version in If-Match, as our ETags have it; 428 without one."""
    if not if_match:
        raise Rejected(VERSION_REQUIRED)
    version = if_match.removeprefix("W/").strip('"')
    if not version.isascii() or not version.isdigit():
        raise Rejected(STALE_VERSION)
    return int(version)


ExpectedVersion = Annotated[int, Depends(expected_version)]
