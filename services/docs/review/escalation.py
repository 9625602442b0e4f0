"""Deadlines of review: what is said when a stage is due soon or late, to whom, and when to look again. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.docs.review.people import heads_over
from services.docs.review.route import Leg, Route, Situation, turns

DUE_SOON, OVERDUE, HEAD_TOLD, CLERK_TOLD = 1, 2, 3, 4  # how far the reminders of a stage have got
AFTER_OVERDUE = {HEAD_TOLD: 4, CLERK_TOLD: 8}  # office hours after the deadline
LOOK_AGAIN = timedelta(minutes=15)  # people come and go


@dataclass(frozen=True, slots=True)
class Reminder:
    """That a stage is due soon or late. `people` are to be told, and with `clerks` the agency's clerks."""

    stage: str
    kind: Literal["due_soon", "overdue", "stuck"]
    due_at: datetime | None
    people: tuple[UUID, ...]
    clerks: bool = False


def remind(route: Route, at: Situation) -> tuple[Route, list[Reminder]]:
    """What is to be said now that was not said yet: first the person, then the head of their unit, then the clerk."""
    legs, found = list(route.legs), []
    for n, leg in enumerate(legs):
        if leg.state != "open":
            continue
        waiting = [turn for turn in turns(route, at.directory) if turn.leg.stage.key == leg.stage.key]
        people = tuple(dict.fromkeys(one.person_id for turn in waiting for one in turn.people))
        level = _level(leg, at)
        if not people and leg.reminded < CLERK_TOLD:
            found.append(Reminder(leg.stage.name, "stuck", leg.due_at, (), clerks=True))
            level = CLERK_TOLD
        else:
            found += _said(leg, level, people, at)
        legs[n] = replace(leg, reminded=max(leg.reminded, level))
    return replace(route, legs=tuple(legs)), found


def _level(leg: Leg, at: Situation) -> int:
    if leg.due_at is None or leg.soon_at is None or at.now < leg.soon_at:
        return 0
    if at.now <= leg.due_at:
        return DUE_SOON
    late = at.calendar.hours(leg.due_at, at.now)
    return max([OVERDUE, *(level for level, hours in AFTER_OVERDUE.items() if late >= hours)])


def _said(leg: Leg, level: int, people: tuple[UUID, ...], at: Situation) -> Iterator[Reminder]:
    heads = tuple(one.person_id for one in heads_over(people, at.directory))
    for step in range(leg.reminded + 1, level + 1):
        if step == DUE_SOON and level == DUE_SOON:
            yield Reminder(leg.stage.name, "due_soon", leg.due_at, people)
        elif step == OVERDUE:
            yield Reminder(leg.stage.name, "overdue", leg.due_at, people)
        elif step == HEAD_TOLD and heads:
            yield Reminder(leg.stage.name, "overdue", leg.due_at, heads)
        elif step == CLERK_TOLD:
            yield Reminder(leg.stage.name, "overdue", leg.due_at, (), clerks=True)


def next_look(route: Route, at: Situation) -> datetime | None:
    """When the worker must look again; None: never, nothing is open."""
    if not route.open_legs:
        return None
    moments = [at.now + LOOK_AGAIN]
    for leg in route.open_legs:
        if leg.due_at and leg.soon_at:
            late = [at.calendar.add_hours(leg.due_at, hours) for hours in AFTER_OVERDUE.values()]
            moments += [m for m in (leg.soon_at, leg.due_at + timedelta(seconds=1), *late) if m > at.now]
    return min(moments)
