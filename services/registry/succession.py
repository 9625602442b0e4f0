"""Mergers, splits and dissolutions: which agencies end, which come after them. Pure.

The predecessors end the day before. Whoever and whatever stood there is not moved by that: it is listed as left, and
moved by an act of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from services.registry import agency, person
from services.registry.agency import Agency
from services.registry.names import clean
from services.registry.period import Period
from services.registry.person import Person, PersonFacts, Post
from services.registry.refusals_directory import POST_NOT_LEFT, SUCCESSION_ENDED, SUCCESSION_SHAPE
from services.registry.refusals_import import DECISION_MISSING
from services.registry.unit import Unit
from shared.errors import Rejected
from shared.events.registry import AgencyStated, PersonStated

Kind = Literal["merger", "split", "dissolution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """From `day` on the successors stand for the predecessors."""

    id: UUID
    kind: Kind
    day: date
    decision: str
    predecessor_ids: tuple[UUID, ...]
    successor_ids: tuple[UUID, ...]

    @property
    def last_day(self) -> date:
        return self.day - timedelta(days=1)


def succeed(
    said: Succession, predecessors: tuple[Agency, ...], successors: tuple[Agency, ...]
) -> tuple[Succession, list[tuple[Agency, AgencyStated]]]:
    """The record, and every agency that it changes."""
    _check_shape(said)
    for each in predecessors:
        if not each.lives_here or not each.open_on(said.last_day) or each.facts.period.until is not None:
            raise Rejected(SUCCESSION_ENDED, agency=each.name, day=said.last_day.isoformat())
    for each in successors:
        if not each.lives_here or not each.open_on(said.day):
            raise Rejected(SUCCESSION_ENDED, agency=each.name, day=said.day.isoformat())
    ended = [agency.succeeded(each, said.successor_ids, said.last_day) for each in predecessors]
    begun = [agency.succeeds(each, said.predecessor_ids) for each in successors]
    return replace(said, decision=clean(said.decision)), ended + begun


def _check_shape(said: Succession) -> None:
    before, after = len(said.predecessor_ids), len(said.successor_ids)
    right = {
        "merger": before >= 1 and after == 1,  # one predecessor: it is absorbed by an agency that goes on
        "split": before == 1 and after >= 2,
        "dissolution": before >= 1 and after == 0,
    }[said.kind]
    every = {*said.predecessor_ids, *said.successor_ids}
    if not right or len(every) != before + after:
        raise Rejected(SUCCESSION_SHAPE)
    if not clean(said.decision):
        raise Rejected(DECISION_MISSING)


def is_left(post: Post, said: Succession) -> bool:
    """Whether a post still stands at a predecessor beyond its last day."""
    until = post.period.until
    return post.agency_id in said.predecessor_ids and (until is None or until > said.last_day)


def move(
    holder: Person, post_ids: dict[UUID, UUID], said: Succession, to: Agency, unit: Unit | None
) -> tuple[Person, PersonStated]:
    """The posts end with the predecessor, and the same posts begin at the successor; `post_ids`: old → new."""
    posts: list[Post] = []
    begun: list[Post] = []
    for post in holder.facts.posts:
        if post.id not in post_ids:
            posts.append(post)
            continue
        if not is_left(post, said) or post.period.start > said.last_day or to.id not in said.successor_ids:
            raise Rejected(POST_NOT_LEFT, day=said.last_day.isoformat())
        posts.append(replace(post, period=Period(post.period.start, said.last_day)))
        begun.append(
            replace(
                post,
                id=post_ids[post.id],
                agency_id=to.id,
                unit_id=unit.id if unit else None,
                unit=unit.facts.name if unit else post.unit,
                period=Period(said.day, post.period.until),
            )
        )
    facts: PersonFacts = replace(holder.facts, posts=(*posts, *begun))
    moved, stated = person.end_and_begin(holder, facts, {to.id: to}, {unit.id: unit} if unit else {})
    return moved, stated
