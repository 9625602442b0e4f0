"""HTTP in front of signing authority: who may sign for whom, in which capacity, from when to when."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from services.registry import directory, store
from services.registry.authority import Authority, AuthorityFacts
from services.registry.edge import ExpectedVersion, Limit, OfficerOfProvince, Shape, Text, cursor_id, desk, etag
from services.registry.period import Period
from shared.events.registry import Capacity
from shared.http import OnceOnly, Tx, encode_cursor

router = APIRouter()


class AuthorityIn(Shape):
    agency_id: UUID
    person_id: UUID
    post_id: UUID
    capacity: Capacity
    block: tuple[Text, ...] = Field(max_length=10)
    document_types: tuple[Text, ...] = Field(default=(), max_length=40)
    valid_from: date
    valid_until: date | None = None

    def facts(self) -> AuthorityFacts:
        return AuthorityFacts(
            agency_id=self.agency_id,
            person_id=self.person_id,
            post_id=self.post_id,
            capacity=self.capacity,
            block=self.block,
            document_types=self.document_types,
            period=Period(self.valid_from, self.valid_until),
        )


class AuthorityView(AuthorityIn):
    authority_id: UUID
    withdrawn: bool
    version: int

    @classmethod
    def of(cls, authority: Authority) -> AuthorityView:
        facts = authority.facts
        return cls(
            authority_id=authority.id,
            agency_id=facts.agency_id,
            person_id=facts.person_id,
            post_id=facts.post_id,
            capacity=facts.capacity,
            block=facts.block,
            document_types=facts.document_types,
            valid_from=facts.period.start,
            valid_until=facts.period.until,
            withdrawn=authority.withdrawn,
            version=authority.version,
        )


class AuthorityPage(Shape):
    items: list[AuthorityView]
    next_cursor: str | None


@router.get("/authorities")
def list_authorities(
    tx: Tx,
    _who: OfficerOfProvince,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> AuthorityPage:
    after = cursor_id(cursor)
    found = store.list_authorities(tx, agency_id=agency_id, person_id=person_id, after=after, limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [AuthorityView.of(authority) for authority in page]
    return AuthorityPage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


@router.get("/authorities/{authority_id}")
def get_authority(authority_id: UUID, tx: Tx, _who: OfficerOfProvince, response: Response) -> AuthorityView:
    authority = store.get_authority(tx, authority_id)
    etag(response, authority.version)
    return AuthorityView.of(authority)


@router.post("/authorities", status_code=201)
def grant_authority(
    body: AuthorityIn, request: Request, tx: Tx, who: OfficerOfProvince, once: OnceOnly
) -> AuthorityView:
    def act() -> AuthorityView:
        return AuthorityView.of(directory.grant_authority(desk(request, tx, who), body.facts()))

    return once.run(act, AuthorityView)


@router.put("/authorities/{authority_id}")
def change_authority(
    *,
    authority_id: UUID,
    body: AuthorityIn,
    request: Request,
    response: Response,
    tx: Tx,
    who: OfficerOfProvince,
    expected: ExpectedVersion,
) -> AuthorityView:
    before = store.lock_authority(tx, authority_id)
    directory.require_version(before.version, expected)
    after = directory.change_authority(desk(request, tx, who), before, body.facts())
    etag(response, after.version)
    return AuthorityView.of(after)


@router.post("/authorities/{authority_id}/withdraw")
def withdraw_authority(authority_id: UUID, request: Request, tx: Tx, who: OfficerOfProvince) -> AuthorityView:
    """At once; a second time changes nothing."""
    before = store.lock_authority(tx, authority_id)
    return AuthorityView.of(directory.withdraw_authority(desk(request, tx, who), before))
