"""HTTP in front of signing authority: who may sign for whom, in which capacity, from when to when; and delegation."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.registry import delegating, directory, store
from services.registry import store_authority as authorities
from services.registry.authority import Authority, AuthorityFacts
from services.registry.delegating import Standing
from services.registry.delegation import Form, Wish
from services.registry.edge import (
    Caller,
    ExpectedVersion,
    Limit,
    Officer,
    Reader,
    Shape,
    Text,
    cursor_id,
    desk,
    etag,
)
from services.registry.issuance import today
from services.registry.period import Period
from services.registry.refusals import OUT_OF_SCOPE
from services.registry.refusals_authority import DELEGATION_NOT_YOURS
from shared.db import Tx as Transaction
from shared.errors import FORBIDDEN, Rejected
from shared.events.registry import Capacity
from shared.http import OnceOnly, Tx, encode_cursor

router = APIRouter(tags=["signing authority"])

Day = Annotated[date | None, Query(description="The day asked about; today without it.")]


class AuthorityIn(Shape):
    agency_id: UUID
    person_id: UUID
    post_id: UUID
    capacity: Capacity
    block: tuple[Text, ...] = Field(max_length=10, examples=[["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"]])
    document_types: tuple[Text, ...] = Field(default=(), max_length=40, description="Codes of annex III; none: all.")
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


class DelegationView(Shape):
    """Of which authority and by whom it was passed on, why, and on which document."""

    delegated_from: UUID
    delegated_by: UUID
    reason: str
    basis: str | None
    basis_on: date | None
    absence_id: UUID | None


class AuthorityView(AuthorityIn):
    authority_id: UUID
    withdrawn: bool
    delegation: DelegationView | None
    version: int

    @classmethod
    def of(cls, authority: Authority) -> AuthorityView:
        facts, passed_on = authority.facts, None
        if facts.delegation:
            passed_on = DelegationView(
                delegated_from=facts.delegation.source_id,
                delegated_by=facts.delegation.by,
                reason=facts.delegation.reason,
                basis=facts.delegation.basis,
                basis_on=facts.delegation.basis_on,
                absence_id=facts.delegation.absence_id,
            )
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
            delegation=passed_on,
            version=authority.version,
        )


class AuthorityPage(Shape):
    items: list[AuthorityView]
    next_cursor: str | None


class Why(Shape):
    vi: str
    en: str


class StandingView(Shape):
    """An authority on a day: whether its holder may sign with it, why (or why not), until when they are away."""

    authority_id: UUID
    agency_id: UUID
    agency: str
    person_id: UUID
    name: str
    post_id: UUID
    post: str
    capacity: Capacity
    block: tuple[str, ...]
    document_types: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    in_force: bool
    why: Why
    delegated_from: UUID | None
    delegated_by: str | None
    away_until: date | None

    @classmethod
    def of(cls, found: Standing) -> StandingView:
        facts = found.authority.facts
        return cls(
            authority_id=found.authority.id,
            agency_id=facts.agency_id,
            agency=found.holder.agency.name,
            person_id=facts.person_id,
            name=found.holder.person.name,
            post_id=facts.post_id,
            post=found.holder.post.title,
            capacity=facts.capacity,
            block=facts.block,
            document_types=facts.document_types,
            valid_from=facts.period.start,
            valid_until=facts.period.until,
            in_force=found.in_force,
            why=Why(vi=found.why.vi, en=found.why.en),
            delegated_from=facts.delegation.source_id if facts.delegation else None,
            delegated_by=found.delegated_by,
            away_until=found.away_until,
        )


class Standings(Shape):
    on: date
    items: list[StandingView]


# --- reading


@router.get("/authorities")
def list_authorities(
    tx: Tx,
    _who: Reader,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> AuthorityPage:
    """One's own, what one has passed on, and those of the agencies that one oversees."""
    after = cursor_id(cursor)
    found = authorities.list_visible(tx, agency_id=agency_id, person_id=person_id, after=after, limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [AuthorityView.of(authority) for authority in page]
    return AuthorityPage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


@router.get("/authorities/mine")
def list_mine(tx: Tx, who: Reader, on: Day = None) -> Standings:
    """What the caller may sign on a day, for whom and in which capacity, and why; also what is not in force, and why."""
    day = on or today()
    found = store.list_authorities(tx, person_id=who.person.id)
    return Standings(on=day, items=[StandingView.of(each) for each in delegating.standings(tx, found, day)])


@router.get("/agencies/{agency_id}/signers")
def list_signers(agency_id: UUID, tx: Tx, who: Reader, on: Day = None) -> Standings:
    """Who may sign for an agency on a day; for those who work there or oversee it."""
    agency = store.get_agency(tx, agency_id)
    if who.agency.id != agency.id and not who.scope.covers(agency.facts.identifier):
        raise Rejected(OUT_OF_SCOPE, agency=agency.name)
    day = on or today()
    found = delegating.standings(tx, store.list_authorities(tx, agency_id=agency_id), day)
    return Standings(on=day, items=[StandingView.of(each) for each in found if each.in_force])


@router.get("/authorities/{authority_id}")
def get_authority(authority_id: UUID, tx: Tx, _who: Reader, response: Response) -> AuthorityView:
    authority = authorities.get_visible(tx, authority_id)
    etag(response, authority.version)
    return AuthorityView.of(authority)


# --- granting, changing, withdrawing


@router.post("/authorities", status_code=201)
def grant_authority(body: AuthorityIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> AuthorityView:
    def act() -> AuthorityView:
        who.require(tx, body.agency_id)
        who.require(tx, store.get_person(tx, body.person_id).post(body.post_id).agency_id)
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
    who: Officer,
    expected: ExpectedVersion,
) -> AuthorityView:
    """Other dates, types or wording. What was passed on of it is shortened with it."""
    authorities.get_visible(tx, authority_id)
    before = store.lock_authority(tx, authority_id)
    who.require(tx, before.facts.agency_id)
    directory.require_version(before.version, expected)
    after = directory.change_authority(desk(request, tx, who), before, body.facts())
    etag(response, after.version)
    return AuthorityView.of(after)


@router.post("/authorities/{authority_id}/withdraw")
def withdraw_authority(authority_id: UUID, request: Request, tx: Tx, who: Reader) -> AuthorityView:
    """At once, with all that was passed on of it; a second time changes nothing.

    By an officer; by a leader for what they passed on themselves.
    """
    authorities.get_visible(tx, authority_id)
    before = store.lock_authority(tx, authority_id)
    passed_on = before.facts.delegation
    if passed_on is None or passed_on.by != who.person.id:
        if not who.is_officer:
            raise Rejected(FORBIDDEN)
        who.require(tx, before.facts.agency_id)
    return AuthorityView.of(directory.withdraw_authority(desk(request, tx, who), before))


# --- delegating


class DelegationIn(Shape):
    """To whom, in which form, for how long and why.

    With `absence_id` the delegation ends when the absence does. Without `document_types`: those of the source.
    `basis` and `basis_on` are number, symbol and date of the document that says so: needed for TUQ. and when a clerk or
    officer enters it for the leader.
    """

    person_id: UUID
    post_id: UUID
    form: Form = Field(examples=["KT."])
    document_types: tuple[Text, ...] = Field(default=(), max_length=40)
    valid_from: date
    valid_until: date
    reason: Text = Field(min_length=1, examples=["Đi công tác Hà Nội"])
    basis: Text | None = Field(default=None, examples=["12/GUQ-UBND"])
    basis_on: date | None = None
    absence_id: UUID | None = None

    def wish(self) -> Wish:
        return Wish(
            form=self.form,
            period=Period(self.valid_from, self.valid_until),
            reason=self.reason,
            document_types=self.document_types,
            basis=self.basis,
            basis_on=self.basis_on,
            absence_id=self.absence_id,
        )


@router.get("/authorities/{authority_id}/delegations")
def list_delegations(authority_id: UUID, tx: Tx, _who: Reader) -> list[AuthorityView]:
    """What was passed on of an authority, ended and withdrawn ones included."""
    authorities.get_visible(tx, authority_id)
    return [AuthorityView.of(each) for each in authorities.list_delegated(tx, authority_id)]


@router.post("/authorities/{authority_id}/delegations", status_code=201)
def delegate(
    *, authority_id: UUID, body: DelegationIn, request: Request, tx: Tx, who: Reader, once: OnceOnly
) -> AuthorityView:
    """Pass an authority on for a time; capacity and block are derived (NĐ 30/2020 art. 13, annex I.II.7).

    By its holder, or by a clerk of the agency or an officer for them.
    """

    def act() -> AuthorityView:
        source = authorities.get_visible(tx, authority_id)
        by_holder = _delegates_own(tx, who, source)
        if body.absence_id:
            _check_absence(tx, body.absence_id, source)
        made = delegating.delegate(
            desk(request, tx, who), source.id, body.person_id, body.post_id, body.wish(), by_holder=by_holder
        )
        return AuthorityView.of(made)

    return once.run(act, AuthorityView)


def _delegates_own(tx: Transaction, who: Caller, source: Authority) -> bool:
    """Whether the holder acts themselves; Rejected for who may not act for them either."""
    if (source.facts.person_id, source.facts.post_id) == (who.person.id, who.post.id):
        return True
    if "clerk" not in who.post.roles and not who.is_officer:
        raise Rejected(DELEGATION_NOT_YOURS)
    who.require(tx, source.facts.agency_id)
    return False


def _check_absence(tx: Transaction, absence_id: UUID, source: Authority) -> None:
    if authorities.get_absence(tx, absence_id).person_id != source.facts.person_id:
        raise Rejected(DELEGATION_NOT_YOURS)
