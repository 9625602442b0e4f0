"""HTTP in front of absences: who is away until when, for colleagues to see."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field

from services.registry import delegating, store
from services.registry import store_authority as authorities
from services.registry.absence import Absence
from services.registry.edge import Caller, Reader, Shape, Text, desk
from services.registry.issuance import today
from services.registry.period import Period
from services.registry.refusals_authority import ABSENCE_NOT_YOURS
from shared.db import Tx as Transaction
from shared.errors import Rejected
from shared.http import OnceOnly, Tx

router = APIRouter(tags=["absences"])


class AbsenceIn(Shape):
    """Without `person_id` the caller's own."""

    person_id: UUID | None = None
    valid_from: date
    valid_until: date
    reason: Text = Field(min_length=1, examples=["Đi công tác Hà Nội"])


class AbsenceView(Shape):
    """`reason` is shown to the person, and to those who oversee the agency."""

    absence_id: UUID
    person_id: UUID
    name: str
    agency_id: UUID
    valid_from: date
    valid_until: date | None
    reason: str | None
    version: int


class AbsenceList(Shape):
    items: list[AbsenceView]


class ReturnIn(Shape):
    """`last_day` is the last one away; what was delegated for the absence ends with it."""

    last_day: date


@router.get("/absences")
def list_absences(
    tx: Tx,
    who: Reader,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    since: Annotated[
        date | None, Query(description="Those that last until that day or longer; today without it.")
    ] = None,
) -> AbsenceList:
    """Who is away or going to be: colleagues at one's agency, and people of the agencies that one oversees."""
    found = authorities.list_absences(tx, since=since or today(), agency_id=agency_id, person_id=person_id)
    return AbsenceList(items=[_view(tx, who, each) for each in found])


@router.post("/absences", status_code=201)
def enter_absence(body: AbsenceIn, request: Request, tx: Tx, who: Reader, once: OnceOnly) -> AbsenceView:
    """One's own, or that of somebody at an agency that one oversees."""

    def act() -> AbsenceView:
        person_id = body.person_id or who.person.id
        at = who.agency.id if person_id == who.person.id else _missed_at(tx, who, person_id)
        period = Period(body.valid_from, body.valid_until)
        made = delegating.enter_absence(desk(request, tx, who), person_id, at, period, body.reason)
        return _view(tx, who, made)

    return once.run(act, AbsenceView)


@router.post("/absences/{absence_id}/return")
def come_back(absence_id: UUID, body: ReturnIn, request: Request, tx: Tx, who: Reader) -> AbsenceView:
    """Back earlier than said. What was delegated for the absence ends with the last day away."""
    seen = authorities.get_absence(tx, absence_id)
    if seen.person_id != who.person.id and not who.scope.covers(store.get_agency(tx, seen.managed_by).facts.identifier):
        raise Rejected(ABSENCE_NOT_YOURS)
    before = authorities.lock_absence(tx, absence_id)
    return _view(tx, who, delegating.come_back(desk(request, tx, who), before, body.last_day, today()))


def _missed_at(tx: Transaction, who: Caller, person_id: UUID) -> UUID:
    """The agency of the first of the person's posts today that the caller oversees."""
    person = store.get_visible_person(tx, person_id)
    held = [post.agency_id for post in person.facts.posts if post.period.has(today())]
    agencies = store.get_agencies(tx, held)
    for agency_id in held:
        if who.scope.covers(agencies[agency_id].facts.identifier):
            return agency_id
    raise Rejected(ABSENCE_NOT_YOURS)


def _view(tx: Transaction, who: Caller, absence: Absence) -> AbsenceView:
    told = absence.person_id == who.person.id
    told = told or who.scope.covers(store.get_agency(tx, absence.managed_by).facts.identifier)
    return AbsenceView(
        absence_id=absence.id,
        person_id=absence.person_id,
        name=store.get_person(tx, absence.person_id).name,
        agency_id=absence.managed_by,
        valid_from=absence.period.start,
        valid_until=absence.period.until,
        reason=absence.reason if told else None,
        version=absence.version,
    )
