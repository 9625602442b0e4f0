"""HTTP in front of agencies through time: what one was called on a day, dated changes, units, mergers and splits."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.registry import directory, rights, store, store_units, structure
from services.registry.agency import Agency, Past, Turn
from services.registry.api import AgencyIn, AgencyView, PersonView
from services.registry.edge import Caller, ExpectedVersion, Limit, Officer, Reader, Shape, Text, cursor_id, desk, etag
from services.registry.issuance import today
from services.registry.period import Period
from services.registry.succession import Kind, Succession
from services.registry.unit import Unit, UnitFacts
from shared.db import Tx as Transaction
from shared.errors import INVALID_REQUEST, NotFound, Rejected
from shared.http import OnceOnly, Tx, decode_cursor, encode_cursor
from shared.ids import new_id

router = APIRouter(tags=["agencies through time"])

# --- names and identifiers of a day


class PastView(Shape):
    """What held before: `what` is name, identifier, old_identifier or parent (an agency's id)."""

    what: str
    value: str
    valid_from: date
    valid_until: date | None
    decision: str | None

    @classmethod
    def of(cls, past: Past) -> PastView:
        period = past.period
        return cls(
            what=past.what,
            value=past.value,
            valid_from=period.start,
            valid_until=period.until,
            decision=past.decision,
        )


class AgencyOfDay(Shape):
    """An agency as a document of that day shows it; `open`: it was there on that day."""

    agency_id: UUID
    day: date
    open: bool
    name: str
    identifier: str
    old_identifier: str | None
    parent_id: UUID | None
    past: list[PastView]
    predecessor_ids: tuple[UUID, ...]
    successor_ids: tuple[UUID, ...]

    @classmethod
    def of(cls, agency: Agency, day: date) -> AgencyOfDay:
        parent = agency.on("parent", day)
        return cls(
            agency_id=agency.id,
            day=day,
            open=agency.open_on(day),
            name=agency.on("name", day) or agency.name,
            identifier=agency.on("identifier", day) or agency.facts.identifier,
            old_identifier=agency.on("old_identifier", day),
            parent_id=UUID(parent) if parent else None,
            past=[PastView.of(each) for each in agency.past],
            predecessor_ids=agency.predecessor_ids,
            successor_ids=agency.successor_ids,
        )


@router.get("/agency-names")
def name_of_day(
    tx: Tx,
    _who: Reader,
    identifier: Annotated[str | None, Query(max_length=60, examples=["000.00.08.H37"])] = None,
    agency_id: UUID | None = None,
    day: date | None = None,
) -> AgencyOfDay:
    """By id, or by any identifier that it has or had, old (13 characters) or new: what it was called on that day.

    Without a day: today. 404 `agency_not_yet` for a day before it was established.
    """
    if (identifier is None) == (agency_id is None):
        raise Rejected(INVALID_REQUEST, where="/query/identifier, /query/agency_id")
    found = store.find_agency_by_any_identifier(tx, identifier) if identifier else store.find_agency(tx, agency_id)
    if found is None:
        raise NotFound("cơ quan", "agency")
    return AgencyOfDay.of(found, day or today())


class TurnIn(Shape):
    """What is otherwise from that day on, by which decision; what is not named stays."""

    day: date
    decision: Text = Field(min_length=1, examples=["1668/NQ-UBTVQH15"])
    name: Text | None = None
    identifier: str | None = Field(default=None, max_length=60)
    old_identifier: str | None = Field(default=None, max_length=60)
    parent_id: UUID | None = None

    def turn(self) -> Turn:
        return Turn(**self.model_dump())


@router.post("/agencies/{agency_id}/changes", status_code=201)
def turn_agency(*, agency_id: UUID, body: TurnIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> AgencyView:
    """Another name, identifier or parent from a day on. What was stays on record; a slip is corrected by PUT instead."""

    def act() -> AgencyView:
        before = store.lock_agency(tx, agency_id)
        rights.check_agency(who.scope, before.facts)
        after = structure.turn_agency(desk(request, tx, who), before, body.turn(), today())
        rights.check_agency(who.scope, after.facts)
        return AgencyView.of(after)

    return once.run(act, AgencyView)


# --- units


class UnitIn(Shape):
    agency_id: UUID
    code: str = Field(max_length=60, examples=["VP"])
    name: Text = Field(examples=["Văn phòng Sở"])
    parent_id: UUID | None = None
    valid_from: date
    valid_until: date | None = None

    def facts(self) -> UnitFacts:
        return UnitFacts(
            agency_id=self.agency_id,
            code=self.code,
            name=self.name,
            parent_id=self.parent_id,
            period=Period(self.valid_from, self.valid_until),
        )


class UnitView(UnitIn):
    unit_id: UUID
    version: int

    @classmethod
    def of(cls, unit: Unit) -> UnitView:
        facts = unit.facts
        return cls(
            unit_id=unit.id,
            agency_id=facts.agency_id,
            code=facts.code,
            name=facts.name,
            parent_id=facts.parent_id,
            valid_from=facts.period.start,
            valid_until=facts.period.until,
            version=unit.version,
        )


class UnitPage(Shape):
    items: list[UnitView]
    next_cursor: str | None


@router.get("/units")
def list_units(
    tx: Tx, _who: Reader, agency_id: UUID | None = None, q: str = "", cursor: str | None = None, limit: Limit = 50
) -> UnitPage:
    """Of one's own agency and of those that one oversees."""
    values = decode_cursor(cursor, 2)
    try:
        after = (UUID(values[0]), values[1]) if values else None
    except ValueError as error:
        raise Rejected(INVALID_REQUEST, where="/query/cursor") from error
    agencies = [agency_id] if agency_id else None
    found = store_units.list_units(tx, agencies=agencies, query=q, after=after, limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    following = encode_cursor(page[-1].facts.agency_id, page[-1].facts.code) if more else None
    return UnitPage(items=[UnitView.of(unit) for unit in page], next_cursor=following)


@router.get("/units/{unit_id}")
def get_unit(unit_id: UUID, tx: Tx, _who: Reader, response: Response) -> UnitView:
    unit = store_units.get(tx, unit_id)
    etag(response, unit.version)
    return UnitView.of(unit)


@router.post("/units", status_code=201)
def set_up_unit(body: UnitIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> UnitView:
    def act() -> UnitView:
        who.require(tx, body.agency_id)
        return UnitView.of(structure.set_up_unit(desk(request, tx, who), body.facts()))

    return once.run(act, UnitView)


@router.put("/units/{unit_id}")
def change_unit(
    *,
    unit_id: UUID,
    body: UnitIn,
    request: Request,
    response: Response,
    tx: Tx,
    who: Officer,
    expected: ExpectedVersion,
) -> UnitView:
    """A new name is carried to the posts in the unit that go on."""
    before = store_units.lock(tx, unit_id)
    who.require(tx, before.facts.agency_id)
    directory.require_version(before.version, expected)
    after = structure.change_unit(desk(request, tx, who), before, body.facts(), today())
    etag(response, after.version)
    return UnitView.of(after)


# --- mergers, splits, dissolutions


class SuccessionIn(Shape):
    """`establish` are successors that begin with it; `successor_ids` those that are there already."""

    kind: Kind
    day: date
    decision: Text = Field(min_length=1, examples=["1672/NQ-UBTVQH15"])
    predecessor_ids: tuple[UUID, ...] = Field(min_length=1, max_length=50)
    successor_ids: tuple[UUID, ...] = Field(default=(), max_length=50)
    establish: tuple[AgencyIn, ...] = Field(default=(), max_length=50)


class SuccessionView(Shape):
    succession_id: UUID
    kind: Kind
    day: date
    decision: str
    predecessor_ids: tuple[UUID, ...]
    successor_ids: tuple[UUID, ...]

    @classmethod
    def of(cls, said: Succession) -> SuccessionView:
        return cls(
            succession_id=said.id,
            kind=said.kind,
            day=said.day,
            decision=said.decision,
            predecessor_ids=said.predecessor_ids,
            successor_ids=said.successor_ids,
        )


class LeftPostView(Shape):
    person_id: UUID
    name: str
    login: str
    post_id: UUID
    agency_id: UUID
    title: str
    valid_from: date


class LeftView(Shape):
    """What still stands at the predecessors beyond their last day: nothing of it was moved."""

    posts: list[LeftPostView]
    authority_ids: list[UUID]
    unit_ids: list[UUID]
    agency_ids: list[UUID]

    @classmethod
    def of(cls, left: structure.Left) -> LeftView:
        posts = [
            LeftPostView(
                person_id=each.holder.id,
                name=each.holder.name,
                login=each.holder.facts.login,
                post_id=each.post.id,
                agency_id=each.post.agency_id,
                title=each.post.title,
                valid_from=each.post.period.start,
            )
            for each in left.posts
        ]
        return cls(
            posts=posts,
            authority_ids=[each.id for each in left.authorities],
            unit_ids=[each.id for each in left.units],
            agency_ids=[each.id for each in left.agencies],
        )


class SuccessionMade(SuccessionView):
    left: LeftView


class SuccessionPage(Shape):
    items: list[SuccessionView]
    next_cursor: str | None


@router.get("/successions")
def list_successions(
    tx: Tx, _who: Reader, agency_id: UUID | None = None, cursor: str | None = None, limit: Limit = 50
) -> SuccessionPage:
    """Those in which an agency that one oversees ended or began; what became of any agency is in its name of the day."""
    found = store_units.list_successions(tx, agency_id=agency_id, after=cursor_id(cursor), limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [SuccessionView.of(each) for each in page]
    return SuccessionPage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


@router.post("/successions", status_code=201)
def enter_succession(body: SuccessionIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> SuccessionMade:
    """The predecessors end the day before; the answer lists what is left there to be moved or ended."""

    def act() -> SuccessionMade:
        for each in (*body.predecessor_ids, *body.successor_ids):
            rights.check_agency(who.scope, store.get_agency(tx, each).facts)
        new = [each.facts() for each in body.establish]
        for facts in new:
            rights.check_agency(who.scope, facts)
        said = Succession(
            id=new_id(),
            kind=body.kind,
            day=body.day,
            decision=body.decision,
            predecessor_ids=body.predecessor_ids,
            successor_ids=body.successor_ids,
        )
        at = desk(request, tx, who)
        made = structure.succeed(at, said, new)
        view = SuccessionView.of(made)
        return SuccessionMade(**view.model_dump(), left=LeftView.of(structure.left(at, made)))

    return once.run(act, SuccessionMade)


@router.get("/successions/{succession_id}/left")
def what_is_left(succession_id: UUID, request: Request, tx: Tx, who: Officer) -> LeftView:
    """What still stands at the predecessors; empty when all is moved or ended."""
    said = _overseen(tx, who, succession_id)
    return LeftView.of(structure.left(desk(request, tx, who), said))


class MoveIn(Shape):
    """Without `post_ids` all posts that are left; `unit_id` is a unit of the successor."""

    successor_id: UUID
    post_ids: tuple[UUID, ...] | None = Field(default=None, max_length=5000)
    unit_id: UUID | None = None


class MovedView(Shape):
    people: list[PersonView]
    left: LeftView


@router.post("/successions/{succession_id}/moves", status_code=201)
def move_posts(
    *, succession_id: UUID, body: MoveIn, request: Request, tx: Tx, who: Officer, once: OnceOnly
) -> MovedView:
    """The posts end with the predecessor; the same posts begin at the successor on its day. Authority is granted anew."""

    def act() -> MovedView:
        said = _overseen(tx, who, succession_id)
        to = who.require(tx, body.successor_id)
        into = store_units.get(tx, body.unit_id) if body.unit_id else None
        at = desk(request, tx, who)
        moved = structure.move_posts(at, said, to, post_ids=body.post_ids, into=into)
        people = [PersonView.of(person) for person in moved]
        return MovedView(people=people, left=LeftView.of(structure.left(at, said)))

    return once.run(act, MovedView)


def _overseen(tx: Transaction, who: Caller, succession_id: UUID) -> Succession:
    """Whoever oversees all the predecessors decides on what they leave."""
    said = store_units.get_succession(tx, succession_id)
    for each in said.predecessor_ids:
        who.require(tx, each)
    return said
