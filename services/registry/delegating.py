"""The use cases of passing an authority on while its holder is away, and of the absence itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.registry import absence as absences
from services.registry import delegation, directory, store
from services.registry import store_authority as authorities
from services.registry.absence import Absence
from services.registry.authority import Authority, AuthorityFacts, Signer
from services.registry.delegation import Wish
from services.registry.directory import Desk
from services.registry.period import Period
from shared import outbox
from shared.db import Tx
from shared.errors import Sentence
from shared.ids import new_id


def delegate(desk: Desk, source_id: UUID, person_id: UUID, post_id: UUID, wish: Wish, *, by_holder: bool) -> Authority:
    """Pass an authority on. The holder is locked before the source, as by whoever ends the holder's post."""
    store.lock_person(desk.tx, store.get_authority(desk.tx, source_id).facts.person_id)
    source = store.lock_authority(desk.tx, source_id)
    made, stated = delegation.delegate(
        new_id(),
        wish,
        source=source,
        holder=signer(desk.tx, source.facts.agency_id, source.facts.person_id, source.facts.post_id),
        delegate=signer(desk.tx, source.facts.agency_id, person_id, post_id),
        by_holder=by_holder,
    )
    store.save_authority(desk.tx, made)
    outbox.put(desk.tx, stated, source=desk.source)
    detail = {"capacity": made.facts.capacity, "delegated_from": str(source.id), "until": str(made.facts.period.until)}
    if wish.basis:
        detail |= {"basis": wish.basis, "basis_on": str(wish.basis_on)}
    desk.record("delegate_authority", "authority", made.id, **detail)
    return made


def signer(tx: Tx, agency_id: UUID, person_id: UUID, post_id: UUID) -> Signer:
    """NotFound for a post that is not the person's."""
    person = store.get_person(tx, person_id)
    post = person.post(post_id)
    return Signer(
        person=person,
        post=post,
        agency=store.get_agency(tx, agency_id),
        post_agency=store.get_agency(tx, post.agency_id),
    )


# --- absences


def enter_absence(desk: Desk, person_id: UUID, managed_by: UUID, period: Period, reason: str) -> Absence:
    """Somebody is away. Raises Rejected(absence_overlaps)."""
    person = store.lock_person(desk.tx, person_id)
    wanted = Absence(id=new_id(), person_id=person_id, managed_by=managed_by, period=period, reason=reason)
    others = authorities.list_absences(desk.tx, since=period.start, person_id=person_id)
    made = absences.enter(wanted, person.name, others)
    authorities.add_absence(desk.tx, made)
    outbox.put(desk.tx, absences.state(made), source=desk.source)
    desk.record("enter_absence", "absence", made.id, person_id=str(person_id), until=str(made.period.until))
    return made


def come_back(desk: Desk, before: Absence, last_day: date, today: date) -> Absence:
    """`before` is locked by the caller. What was passed on for the absence ends with it."""
    after = absences.come_back(before, last_day, today)
    if after != before:
        authorities.save_absence(desk.tx, after)
        outbox.put(desk.tx, absences.state(after), source=desk.source)
        desk.record("end_absence", "absence", after.id, until=str(after.period.until))
        for authority_id in authorities.list_delegated_for(desk.tx, after.id):
            directory.curtail_authority(desk, store.get_authority(desk.tx, authority_id), after.period)
    return after


# --- who may sign on a day


@dataclass(frozen=True, slots=True)
class Standing:
    """An authority with its holder on a day: whether they may sign with it, why, and whether they are away."""

    authority: Authority
    holder: Signer
    in_force: bool
    why: Sentence
    delegated_by: str | None
    away_until: date | None


def standings(tx: Tx, found: list[Authority], day: date) -> list[Standing]:
    """In the order of `found`."""
    away = authorities.away_until(tx, {each.facts.person_id for each in found}, day)
    return [_standing(tx, each, day, away) for each in found]


def _standing(tx: Tx, found: Authority, day: date, away: dict[UUID, date]) -> Standing:
    facts: AuthorityFacts = found.facts
    holder = signer(tx, facts.agency_id, facts.person_id, facts.post_id)
    by = store.get_person(tx, facts.delegation.by).name if facts.delegation else None
    in_force, why = delegation.why(found, holder, day, by)
    return Standing(found, holder, in_force, why, by, away.get(facts.person_id))
