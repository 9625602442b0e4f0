"""HTTP in front of the directory: agencies and people. Signing authority has api_authority.py."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from services.registry import directory, rights, store
from services.registry.agency import Agency, AgencyFacts, Level
from services.registry.edge import Caller, ExpectedVersion, Limit, Officer, Overseer, Reader, Shape, Text, desk, etag
from services.registry.issuance import today
from services.registry.period import Period
from services.registry.person import Person, PersonFacts, Post
from shared.db import Tx as Transaction
from shared.events.registry import PostFunction, Role
from shared.http import OnceOnly, Tx, decode_cursor, encode_cursor
from shared.ids import new_id

router = APIRouter()

# --- agencies


class AgencyIn(Shape):
    identifier: str = Field(max_length=60)
    old_identifier: str | None = Field(default=None, max_length=60)
    name: Text
    parent_id: UUID | None = None
    level: Level
    partner: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")
    email: str | None = None
    seal_mm: float = Field(default=36.0, ge=10, le=80)
    valid_from: date
    valid_until: date | None = None

    def facts(self) -> AgencyFacts:
        values = self.model_dump(exclude={"valid_from", "valid_until"})
        return AgencyFacts(**values, period=Period(self.valid_from, self.valid_until))


class AgencyView(Shape):
    agency_id: UUID
    identifier: str
    old_identifier: str | None
    name: str
    parent_id: UUID | None
    level: Level
    partner: str | None
    email: str | None
    seal_mm: float
    valid_from: date
    valid_until: date | None
    version: int

    @classmethod
    def of(cls, agency: Agency) -> AgencyView:
        facts = agency.facts
        return cls(
            agency_id=agency.id,
            identifier=facts.identifier,
            old_identifier=facts.old_identifier,
            name=facts.name,
            parent_id=facts.parent_id,
            level=facts.level,
            partner=facts.partner,
            email=facts.email,
            seal_mm=facts.seal_mm,
            valid_from=facts.period.start,
            valid_until=facts.period.until,
            version=agency.version,
        )


class AgencyPage(Shape):
    items: list[AgencyView]
    next_cursor: str | None


@router.get("/agencies")
def list_agencies(
    tx: Tx, _who: Reader, q: str = "", level: Level | None = None, cursor: str | None = None, limit: Limit = 50
) -> AgencyPage:
    """Names and addresses of agencies, for everybody who works in one."""
    after = decode_cursor(cursor, 1)
    found = store.list_agencies(tx, query=q, level=level, after=after[0] if after else "", limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [AgencyView.of(agency) for agency in page]
    return AgencyPage(items=items, next_cursor=encode_cursor(page[-1].facts.identifier) if more else None)


@router.get("/agencies/{agency_id}")
def get_agency(agency_id: UUID, tx: Tx, _who: Reader, response: Response) -> AgencyView:
    agency = store.get_agency(tx, agency_id)
    etag(response, agency.version)
    return AgencyView.of(agency)


@router.post("/agencies", status_code=201)
def establish_agency(body: AgencyIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> AgencyView:
    """By the officer of the province; by one of a district beneath it."""

    def act() -> AgencyView:
        rights.check_agency(who.scope, body.facts())
        return AgencyView.of(directory.establish_agency(desk(request, tx, who), body.facts()))

    return once.run(act, AgencyView)


@router.put("/agencies/{agency_id}")
def change_agency(
    *,
    agency_id: UUID,
    body: AgencyIn,
    request: Request,
    response: Response,
    tx: Tx,
    who: Officer,
    expected: ExpectedVersion,
) -> AgencyView:
    before = store.lock_agency(tx, agency_id)
    rights.check_agency(who.scope, before.facts)
    directory.require_version(before.version, expected)
    after = directory.change_agency(desk(request, tx, who), before, body.facts())
    etag(response, after.version)
    return AgencyView.of(after)


# --- people


class PostIn(Shape):
    """Without `post_id` a new post."""

    post_id: UUID | None = None
    agency_id: UUID
    title: Text
    unit: Text | None = None
    unit_id: UUID | None = None
    roles: tuple[Role, ...] = ()
    valid_from: date
    valid_until: date | None = None
    function: PostFunction | None = None

    def post(self) -> Post:
        return Post(
            id=self.post_id or new_id(),
            agency_id=self.agency_id,
            title=self.title,
            unit=self.unit,
            unit_id=self.unit_id,
            roles=self.roles,
            period=Period(self.valid_from, self.valid_until),
            function=self.function,
        )


class PersonIn(Shape):
    name: Text
    login: str = Field(max_length=80)
    email: str
    active: bool = True
    posts: tuple[PostIn, ...] = Field(max_length=50)

    def facts(self) -> PersonFacts:
        return PersonFacts(
            name=self.name,
            login=self.login,
            email=self.email,
            active=self.active,
            posts=tuple(post.post() for post in self.posts),
        )


class PostView(Shape):
    post_id: UUID
    agency_id: UUID
    title: str
    unit: str | None
    unit_id: UUID | None
    roles: tuple[Role, ...]
    valid_from: date
    valid_until: date | None
    function: PostFunction | None


class PersonView(Shape):
    person_id: UUID
    name: str
    login: str
    email: str
    active: bool
    posts: list[PostView]
    version: int

    @classmethod
    def of(cls, person: Person) -> PersonView:
        facts = person.facts
        posts = [
            PostView(
                post_id=post.id,
                agency_id=post.agency_id,
                title=post.title,
                unit=post.unit,
                unit_id=post.unit_id,
                roles=post.roles,
                valid_from=post.period.start,
                valid_until=post.period.until,
                function=post.function,
            )
            for post in facts.posts
        ]
        return cls(
            person_id=person.id,
            name=facts.name,
            login=facts.login,
            email=facts.email,
            active=facts.active,
            posts=posts,
            version=person.version,
        )


class PersonPage(Shape):
    items: list[PersonView]
    next_cursor: str | None


@router.get("/people")
def list_people(
    tx: Tx,
    _who: Overseer,
    q: str = "",
    agency_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> PersonPage:
    """Those with a post, now or once, at an agency that the reader oversees."""
    after = decode_cursor(cursor, 1)
    found = store.list_people(tx, query=q, agency_id=agency_id, after=after[0] if after else "", limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [PersonView.of(person) for person in page]
    return PersonPage(items=items, next_cursor=encode_cursor(page[-1].facts.login) if more else None)


@router.get("/people/{person_id}")
def get_person(person_id: UUID, tx: Tx, _who: Reader, response: Response) -> PersonView:
    """Oneself, or somebody at an agency that the reader oversees."""
    person = store.get_visible_person(tx, person_id)
    etag(response, person.version)
    return PersonView.of(person)


@router.post("/people", status_code=201)
def enter_person(body: PersonIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> PersonView:
    def act() -> PersonView:
        facts = body.facts()
        _check_person(tx, who, None, facts)
        return PersonView.of(directory.enter_person(desk(request, tx, who), facts))

    return once.run(act, PersonView)


@router.put("/people/{person_id}")
def change_person(
    *,
    person_id: UUID,
    body: PersonIn,
    request: Request,
    response: Response,
    tx: Tx,
    who: Officer,
    expected: ExpectedVersion,
) -> PersonView:
    store.get_visible_person(tx, person_id)
    before, facts = store.lock_person(tx, person_id), body.facts()
    directory.require_version(before.version, expected)
    _check_person(tx, who, before, facts)
    after = directory.change_person(desk(request, tx, who), before, facts)
    etag(response, after.version)
    return PersonView.of(after)


def _check_person(tx: Transaction, who: Caller, before: Person | None, facts: PersonFacts) -> None:
    posts = (*facts.posts, *(before.facts.posts if before else ()))
    agencies = store.get_agencies(tx, {post.agency_id for post in posts})
    rights.check_person(before, facts, scope=who.scope, by=who.person.id, agencies=agencies, today=today())
