"""The use cases on agencies, people and signing authority, for the API and for imports alike.

Each locks, decides by the pure rules, saves, and states the new state and the act in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from services.registry import agency, authority, person, store, store_units
from services.registry.agency import Agency, AgencyFacts
from services.registry.authority import Authority, AuthorityFacts, Signer
from services.registry.period import Period
from services.registry.person import Person, PersonFacts
from services.registry.unit import Unit
from shared import outbox
from shared.db import Tx
from shared.errors import STALE_VERSION, Rejected
from shared.events import Actor
from shared.events.registry import RegistryAct
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a change is made: in which transaction, by whom, for which deployment (CloudEvents source)."""

    tx: Tx
    by: Actor
    source: str

    def record(self, act: str, object_kind: str, object_id: object, **detail: str) -> None:
        """State the act, for the ledger."""
        event = RegistryAct(
            by=self.by, at=datetime.now(UTC), act=act, object_kind=object_kind, object_id=str(object_id), detail=detail
        )
        outbox.put(self.tx, event, source=self.source)


# --- agencies


def establish_agency(desk: Desk, facts: AgencyFacts) -> Agency:
    parent = store.get_agency(desk.tx, facts.parent_id) if facts.parent_id else None
    made, stated = agency.establish(new_id(), facts, parent)
    store.save_agency(desk.tx, made)
    outbox.put(desk.tx, stated, source=desk.source)
    desk.record("establish_agency", "agency", made.id, identifier=made.facts.identifier)
    return made


def change_agency(desk: Desk, before: Agency, facts: AgencyFacts) -> Agency:
    """`before` is locked by the caller."""
    parent = store.get_agency(desk.tx, facts.parent_id) if facts.parent_id else None
    agency.require_no_circle(before, parent, store.list_above(desk.tx, facts.parent_id))
    after, stated = agency.change(before, facts, parent)
    if stated is not None:
        store.save_agency(desk.tx, after)
        outbox.put(desk.tx, stated, source=desk.source)
        desk.record("change_agency", "agency", after.id, identifier=after.facts.identifier)
        end_authorities(desk, after)
    return after


# --- people


def enter_person(desk: Desk, facts: PersonFacts) -> Person:
    made, stated = person.enter(new_id(), facts, _agencies_of(desk.tx, facts), _units_of(desk.tx, facts))
    store.save_person(desk.tx, made)
    outbox.put(desk.tx, stated, source=desk.source)
    desk.record("enter_person", "person", made.id, login=made.facts.login)
    return made


def change_person(desk: Desk, before: Person, facts: PersonFacts) -> Person:
    """`before` is locked by the caller."""
    after, stated = person.change(before, facts, _agencies_of(desk.tx, facts), _units_of(desk.tx, facts))
    if stated is not None:
        store.save_person(desk.tx, after)
        outbox.put(desk.tx, stated, source=desk.source)
        desk.record("change_person", "person", after.id, login=after.facts.login)
        for source in store.lock_passed_on_by(desk.tx, after.id):
            _follow(desk, source, after)
    return after


def _agencies_of(tx: Tx, facts: PersonFacts) -> dict[UUID, Agency]:
    return store.get_agencies(tx, {post.agency_id for post in facts.posts})


def _units_of(tx: Tx, facts: PersonFacts) -> dict[UUID, Unit]:
    return store_units.get_units(tx, {post.unit_id for post in facts.posts if post.unit_id})


# --- signing authority


def grant_authority(desk: Desk, facts: AuthorityFacts) -> Authority:
    made, stated = authority.grant(new_id(), facts, _signer(desk.tx, facts))
    store.save_authority(desk.tx, made)
    outbox.put(desk.tx, stated, source=desk.source)
    desk.record("grant_authority", "authority", made.id, capacity=made.facts.capacity)
    return made


def change_authority(desk: Desk, before: Authority, facts: AuthorityFacts) -> Authority:
    """`before` is locked by the caller."""
    after, stated = authority.change(before, facts, _signer(desk.tx, facts))
    if stated is not None:
        store.save_authority(desk.tx, after)
        outbox.put(desk.tx, stated, source=desk.source)
        desk.record("change_authority", "authority", after.id, capacity=after.facts.capacity)
        _follow(desk, after, store.get_person(desk.tx, after.facts.person_id))
    return after


def withdraw_authority(desk: Desk, before: Authority) -> Authority:
    """`before` is locked by the caller."""
    after, stated = authority.withdraw(before)
    if stated is not None:
        store.save_authority(desk.tx, after)
        outbox.put(desk.tx, stated, source=desk.source)
        desk.record("withdraw_authority", "authority", after.id, capacity=after.facts.capacity)
        _follow(desk, after, store.get_person(desk.tx, after.facts.person_id))
    return after


def curtail_authority(desk: Desk, before: Authority, limit: Period | None) -> Authority:
    """It ends with what it comes from, or with its agency; what was passed on of it ends with it."""
    after, stated = authority.curtail(before, limit)
    if stated is not None:
        store.save_authority(desk.tx, after)
        outbox.put(desk.tx, stated, source=desk.source)
        until = "withdrawn" if after.withdrawn else str(after.facts.period.until)
        desk.record("end_authority", "authority", after.id, capacity=after.facts.capacity, until=until)
        _follow(desk, after, store.get_person(desk.tx, after.facts.person_id))
    return after


def end_authorities(desk: Desk, ended: Agency) -> None:
    """Nobody signs for an agency beyond its last day. What comes after it grants anew."""
    if ended.facts.period.until is not None:
        for each in store.lock_authorities_of(desk.tx, ended.id):
            curtail_authority(desk, each, ended.facts.period)


def _follow(desk: Desk, source: Authority, holder: Person) -> None:
    """What was passed on lasts no longer than its source and its holder's post; a chain has three links at most."""
    for delegated in store.lock_delegated_from(desk.tx, source.id):
        curtail_authority(desk, delegated, authority.lasts(source, holder))


def _signer(tx: Tx, facts: AuthorityFacts) -> Signer:
    signer = store.get_person(tx, facts.person_id)
    post = signer.post(facts.post_id)
    return Signer(
        person=signer,
        post=post,
        agency=store.hold_agency(tx, facts.agency_id),
        post_agency=store.get_agency(tx, post.agency_id),
    )


def require_version(version: int, expected: int | None) -> None:
    """Optimistic concurrency: what was read must be what is changed."""
    if expected is not None and expected != version:
        raise Rejected(STALE_VERSION)
