"""The use cases on agencies through time: dated changes, units, mergers and splits with what they leave to be moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from services.registry import agency, person, store, store_units, succession, unit
from services.registry.agency import Agency, AgencyFacts, Turn
from services.registry.authority import Authority
from services.registry.directory import Desk, end_authorities, establish_agency
from services.registry.person import Person, Post
from services.registry.refusals_directory import POST_NOT_LEFT
from services.registry.succession import Succession
from services.registry.unit import Unit, UnitFacts
from shared import outbox
from shared.errors import Rejected
from shared.events import Event
from shared.ids import new_id


def turn_agency(desk: Desk, before: Agency, said: Turn, today: date) -> Agency:
    """`before` is locked by the caller."""
    parent_id = said.parent_id or before.facts.parent_id
    parent = store.get_agency(desk.tx, parent_id) if parent_id else None
    above = store.list_above(desk.tx, parent_id)
    after, stated = agency.turn(before, said, parent, above=above, today=today)
    store.save_agency(desk.tx, after)
    outbox.put(desk.tx, stated, source=desk.source)
    desk.record(
        "turn_agency",
        "agency",
        after.id,
        identifier=after.facts.identifier,
        day=said.day.isoformat(),
        decision=said.decision,
    )
    return after


# --- units


def set_up_unit(desk: Desk, facts: UnitFacts) -> Unit:
    parent = store_units.get(desk.tx, facts.parent_id) if facts.parent_id else None
    made = unit.set_up(new_id(), facts, store.get_agency(desk.tx, facts.agency_id), parent)
    store_units.save(desk.tx, made)
    desk.record("set_up_unit", "unit", made.id, code=made.facts.code, agency_id=str(made.facts.agency_id))
    return made


def change_unit(desk: Desk, before: Unit, facts: UnitFacts, today: date) -> Unit:
    """`before` is locked by the caller. A new name is carried to the posts in it that go on."""
    parent = store_units.get(desk.tx, facts.parent_id) if facts.parent_id else None
    above = store_units.list_above(desk.tx, facts.parent_id)
    after = unit.change(before, facts, store.get_agency(desk.tx, facts.agency_id), parent, above=above)
    if after is before:
        return before
    store_units.save(desk.tx, after)
    desk.record("change_unit", "unit", after.id, code=after.facts.code, agency_id=str(after.facts.agency_id))
    if after.facts.name != before.facts.name:
        for holder in store.list_people_at(desk.tx, units=[after.id], lock=True):
            renamed, stated = person.name_unit(holder, after, today)
            _keep_person(desk, renamed, stated, "change_person")
    return after


# --- mergers, splits, dissolutions


@dataclass(frozen=True, slots=True)
class LeftPost:
    """A post that still stands at an agency that ended."""

    holder: Person
    post: Post


@dataclass(frozen=True, slots=True)
class Left:
    """What still stands at the predecessors beyond their last day, for somebody to move or to end."""

    posts: list[LeftPost]
    authorities: list[Authority]
    units: list[Unit]
    agencies: list[Agency]


def succeed(desk: Desk, said: Succession, establish: Iterable[AgencyFacts] = ()) -> Succession:
    """`establish` are successors that begin with it, beside those that it names."""
    made = tuple(establish_agency(desk, facts).id for facts in establish)
    wanted = (*said.predecessor_ids, *said.successor_ids, *made)
    locked = {each: store.lock_agency(desk.tx, each) for each in sorted(set(wanted))}
    whole = replace(said, successor_ids=(*said.successor_ids, *made))
    done, changed = succession.succeed(
        whole,
        tuple(locked[each] for each in whole.predecessor_ids),
        tuple(locked[each] for each in whole.successor_ids),
    )
    for each, stated in changed:
        store.save_agency(desk.tx, each)
        outbox.put(desk.tx, stated, source=desk.source)
        locked[each.id] = each
    store_units.add_succession(desk.tx, done)
    desk.record(
        f"enter_{done.kind}",
        "succession",
        done.id,
        day=done.day.isoformat(),
        decision=done.decision,
        predecessors=" ".join(locked[each].facts.identifier for each in done.predecessor_ids),
        successors=" ".join(locked[each].facts.identifier for each in done.successor_ids),
    )
    for ended in done.predecessor_ids:
        end_authorities(desk, locked[ended])
    return done


def left(desk: Desk, said: Succession) -> Left:
    """Posts by log-in, units, and agencies beneath: each with no end by that day; and authority that ended with them,
    to be granted anew.
    """
    people = store.list_people_at(desk.tx, agencies=said.predecessor_ids)
    authorities = [
        each
        for agency_id in said.predecessor_ids
        for each in store.list_authorities(desk.tx, agency_id=agency_id)
        if not each.withdrawn and each.facts.period.until == said.last_day
    ]
    units = store_units.list_units(desk.tx, agencies=said.predecessor_ids)
    beneath = store.list_agencies_beneath(desk.tx, said.predecessor_ids)
    return Left(
        posts=[LeftPost(who, post) for who in people for post in who.facts.posts if succession.is_left(post, said)],
        authorities=authorities,
        units=[each for each in units if _goes_on(each.facts.period.until, said)],
        agencies=[each for each in beneath if _goes_on(each.facts.period.until, said)],
    )


def _goes_on(until: date | None, said: Succession) -> bool:
    return until is None or until > said.last_day


def move_posts(
    desk: Desk, said: Succession, to: Agency, *, post_ids: Iterable[UUID] | None, into: Unit | None = None
) -> list[Person]:
    """Posts left at the predecessors go on at a successor from its day; without ids all that are left."""
    people = store.list_people_at(desk.tx, agencies=said.predecessor_ids, lock=True)
    there = {post.id: who for who in people for post in who.facts.posts if succession.is_left(post, said)}
    wanted = list(dict.fromkeys(there if post_ids is None else post_ids))
    if not set(wanted) <= set(there):
        raise Rejected(POST_NOT_LEFT, day=said.last_day.isoformat())
    moved = []
    for who in dict.fromkeys(there[each] for each in wanted):
        ids = {each: new_id() for each in wanted if there[each].id == who.id}
        after, stated = succession.move(who, ids, said, to, into)
        _keep_person(desk, after, stated, "move_posts")
        moved.append(after)
    return moved


def _keep_person(desk: Desk, after: Person, stated: Event | None, act: str) -> None:
    if stated is None:
        return
    store.save_person(desk.tx, after)
    outbox.put(desk.tx, stated, source=desk.source)
    desk.record(act, "person", after.id, login=after.facts.login)
