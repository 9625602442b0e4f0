"""A whole directory from one JSON file: agencies, people and signing authority, all or nothing.

Rows are known by their natural keys (an agency's identifier, a person's log-in), so importing the same file again
changes nothing. Each row goes through the same use case as an officer's entry by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from services.registry import directory, store
from services.registry.agency import Agency, AgencyFacts, Level
from services.registry.authority import AuthorityFacts
from services.registry.directory import Desk
from services.registry.names import clean
from services.registry.period import Period
from services.registry.person import Person, PersonFacts, Post
from services.registry.refusals import IMPORT_UNREADABLE, ROW_REPEATED, UNKNOWN_NAMED
from shared.db import Tx
from shared.errors import Rejected, Sentence
from shared.events.registry import Capacity, PostFunction, Role
from shared.ids import new_id


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AgencyRow(Row):
    """`parent` is an identifier."""

    identifier: str
    old_identifier: str | None = None
    name: str
    parent: str | None = None
    level: Level
    partner: str | None = None
    email: str | None = None
    seal_mm: float = 36.0
    valid_from: date
    valid_until: date | None = None


class PostRow(Row):
    """`agency` is an identifier; a person's post is known by agency, title and first day."""

    agency: str
    title: str
    unit: str | None = None
    roles: tuple[Role, ...] = ()
    valid_from: date
    valid_until: date | None = None
    function: PostFunction | None = None


class PersonRow(Row):
    """Without `active` a known person stays what they are."""

    login: str
    name: str
    email: str
    active: bool | None = None
    posts: tuple[PostRow, ...]


class AuthorityRow(Row):
    """`agency` is an identifier, `person` a log-in, `post` the title of one of their posts (at `post_agency`)."""

    agency: str
    person: str
    post: str
    post_agency: str | None = None
    capacity: Capacity = ""
    block: tuple[str, ...]
    document_types: tuple[str, ...] = ()
    valid_from: date
    valid_until: date | None = None


class ImportFile(Row):
    agencies: tuple[AgencyRow, ...] = ()
    people: tuple[PersonRow, ...] = ()
    authorities: tuple[AuthorityRow, ...] = ()


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row; `where` as a JSON pointer."""

    where: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows were new, changed, as before; and the rows that are wrong (then nothing may be committed)."""

    counts: dict[str, int]
    errors: list[RowError]


def read(path: Path) -> ImportFile:
    """Raises Rejected(import_unreadable) with the first places that are wrong."""
    try:
        return ImportFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise Rejected(IMPORT_UNREADABLE, file=path, why=error.strerror) from error
    except ValidationError as error:
        found = [f"/{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]]
        raise Rejected(IMPORT_UNREADABLE, file=path, why="; ".join(found)) from error


def run(desk: Desk, file: ImportFile) -> Outcome:
    """Import in the caller's transaction, which must be rolled back when the outcome has errors."""
    store.lock_directory(desk.tx)
    importer = _Importer(desk)
    # Parents come before their children: an identifier begins with its parent's.
    agencies = sorted(enumerate(file.agencies), key=lambda each: each[1].identifier.count("."))
    importer.take("agencies", agencies, importer.agency, lambda row: row.identifier)
    importer.take("people", enumerate(file.people), importer.person, lambda row: row.login)
    importer.take("authorities", enumerate(file.authorities), importer.authority, _authority_key)
    return Outcome(importer.counts, importer.errors)


Done = Literal["new", "changed", "same"]


@dataclass(slots=True)
class _Importer:
    desk: Desk
    counts: dict[str, int] = field(default_factory=lambda: {"new": 0, "changed": 0, "same": 0})
    errors: list[RowError] = field(default_factory=list)
    agencies: dict[str, Agency] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.agencies = {agency.facts.identifier: agency for agency in store.list_agencies(self.tx)}
        self.people = {person.facts.login: person for person in store.list_people(self.tx)}

    @property
    def tx(self) -> Tx:
        return self.desk.tx

    def take(
        self, what: str, rows: Iterable[tuple[int, Any]], one: Callable[[Any], Done], key: Callable[[Any], str]
    ) -> None:
        """Every row is tried, so that all that is wrong is said at once."""
        seen: set[str] = set()
        for number, row in rows:
            try:
                _see(key(row), seen)
                self.counts[one(row)] += 1
            except Rejected as error:
                self.errors.append(RowError(f"/{what}/{number}", error.sentence))

    def agency(self, row: AgencyRow) -> Done:
        facts = AgencyFacts(
            **row.model_dump(exclude={"parent", "valid_from", "valid_until"}),
            parent_id=self._agency(row.parent).id if row.parent else None,
            period=Period(row.valid_from, row.valid_until),
        )
        before = self.agencies.get(row.identifier)
        if before is None:
            self.agencies[row.identifier] = directory.establish_agency(self.desk, facts)
            return "new"
        self.agencies[row.identifier] = directory.change_agency(self.desk, before, facts)
        return _done(before, self.agencies[row.identifier])

    def person(self, row: PersonRow) -> Done:
        before = self.people.get(row.login)
        held = before.facts.posts if before else ()
        facts = PersonFacts(
            name=row.name,
            login=row.login,
            email=row.email,
            active=row.active if row.active is not None else before is None or before.facts.active,
            posts=self._posts(row, held),
        )
        if before is None:
            self.people[row.login] = directory.enter_person(self.desk, facts)
            return "new"
        self.people[row.login] = directory.change_person(self.desk, before, facts)
        return _done(before, self.people[row.login])

    def _posts(self, row: PersonRow, held: tuple[Post, ...]) -> tuple[Post, ...]:
        """The posts held before, as the file now says them, then the new ones; none is dropped."""
        said: dict[tuple[UUID, str, date], Post] = {(p.agency_id, p.title, p.period.start): p for p in held}
        for each in row.posts:
            key = (self._agency(each.agency).id, clean(each.title), each.valid_from)
            said[key] = Post(
                id=said[key].id if key in said else new_id(),
                agency_id=key[0],
                title=each.title,
                unit=each.unit,
                roles=each.roles,
                function=each.function or (said[key].function if key in said else None),
                period=Period(each.valid_from, each.valid_until),
            )
        return tuple(said.values())

    def authority(self, row: AuthorityRow) -> Done:
        person = self.people.get(row.person)
        if person is None:
            raise Rejected(UNKNOWN_NAMED, what="person", name=row.person)
        facts = AuthorityFacts(
            agency_id=self._agency(row.agency).id,
            person_id=person.id,
            post_id=self._post(person, row).id,
            capacity=row.capacity,
            block=row.block,
            document_types=row.document_types,
            period=Period(row.valid_from, row.valid_until),
        )
        for before in store.list_authorities(self.tx, agency_id=facts.agency_id, person_id=facts.person_id):
            if before.facts.capacity == facts.capacity and before.facts.block == facts.block:
                if before.withdrawn:
                    return "same"  # what an officer took away, a file does not give back
                return _done(before, directory.change_authority(self.desk, before, facts))
        directory.grant_authority(self.desk, facts)
        return "new"

    def _post(self, person: Person, row: AuthorityRow) -> Post:
        agency = self._agency(row.post_agency or row.agency)
        for post in reversed(person.facts.posts):  # the latest of that title
            if post.agency_id == agency.id and post.title == clean(row.post):
                return post
        raise Rejected(UNKNOWN_NAMED, what="post", name=f"{row.person} / {row.post}")

    def _agency(self, identifier: str) -> Agency:
        if found := self.agencies.get(identifier):
            return found
        raise Rejected(UNKNOWN_NAMED, what="agency", name=identifier)


def _done(before: object, after: object) -> Done:
    return "same" if after is before else "changed"


def _see(key: str, seen: set[str]) -> None:
    if key in seen:
        raise Rejected(ROW_REPEATED, name=key)
    seen.add(key)


def _authority_key(row: AuthorityRow) -> str:
    return " · ".join((row.agency, row.person, row.capacity, *row.block))
