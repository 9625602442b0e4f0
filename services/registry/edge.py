"""What every endpoint of registry stands on: who may, which version is changed, shapes and pages.

Rights are decided on registry's own tables at each request; the token only says who asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.registry import store
from services.registry.agency import Agency
from services.registry.directory import Desk
from services.registry.issuance import today
from services.registry.names import clean
from services.registry.person import Person, Post
from services.registry.refusals import OFFICER_OF_PROVINCE, VERSION_REQUIRED
from services.registry.scope import EVERYWHERE, NOWHERE, Scope, of_post
from shared.db import Tx as Transaction
from shared.errors import FORBIDDEN, INVALID_REQUEST, STALE_VERSION, Rejected
from shared.http import Tx, Who, decode_cursor
from shared.tokens import Principal

Text = Annotated[str, AfterValidator(clean), Field(max_length=300)]
Limit = Annotated[int, Query(ge=1, le=500)]


class Shape(BaseModel):
    """JSON in and out; a field that is not known is an error of the sender."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def desk(request: Request, tx: Transaction, who: Caller) -> Desk:
    return Desk(tx, who.principal.actor(), request.app.state.source)


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


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, from which post of today, and which agencies they oversee."""

    principal: Principal
    person: Person
    post: Post
    agency: Agency
    scope: Scope

    @property
    def is_officer(self) -> bool:
        """Of the province or of a district."""
        return "officer" in self.post.roles and self.agency.facts.level in ("province", "district")

    def require(self, tx: Transaction, agency_id: UUID) -> Agency:
        """The agency, if the caller oversees it; Rejected(out_of_scope), NotFound when there is none."""
        return self.scope.require(store.get_agency(tx, agency_id))


def reader(who: Who, tx: Tx) -> Caller:
    """Anybody who works in one of the agencies: an active person with a post today."""
    person = store.find_person(tx, who.person_id)
    post = person.may_act(who.post_id, None, today()) if person else None
    if person is None or post is None:
        raise Rejected(FORBIDDEN)
    agency = store.get_agency(tx, post.agency_id)
    scope = of_post(post, agency)
    store.act_within(tx, scope, person.id, agency.id)
    return Caller(who, person, post, agency, scope)


Reader = Annotated[Caller, Depends(reader)]


def overseer(caller: Reader) -> Caller:
    """An officer, or the clerk of an agency for that agency."""
    if caller.scope == NOWHERE:
        raise Rejected(FORBIDDEN)
    return caller


def officer(caller: Reader) -> Caller:
    """An officer of the province or of a district."""
    if not caller.is_officer:
        raise Rejected(FORBIDDEN)
    return caller


def officer_of_province(caller: Reader) -> Caller:
    """An officer whose post, valid today, is at a provincial agency: theirs is the whole province."""
    if not caller.is_officer:
        raise Rejected(FORBIDDEN)
    if caller.scope != EVERYWHERE:
        raise Rejected(OFFICER_OF_PROVINCE)
    return caller


Overseer = Annotated[Caller, Depends(overseer)]
Officer = Annotated[Caller, Depends(officer)]
OfficerOfProvince = Annotated[Caller, Depends(officer_of_province)]


def expected_version(if_match: Annotated[str | None, Header()] = None) -> int:
    """The version in If-Match, as our ETags have it; 428 without one."""
    if not if_match:
        raise Rejected(VERSION_REQUIRED)
    version = if_match.removeprefix("W/").strip('"')
    if not version.isascii() or not version.isdigit():
        raise Rejected(STALE_VERSION)
    return int(version)


ExpectedVersion = Annotated[int, Depends(expected_version)]
