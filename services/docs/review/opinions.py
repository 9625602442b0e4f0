"""Opinions asked of people, units and posts: who may answer, what is still missing, when it is late. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.docs.review import refusals
from services.docs.review.people import Asked, Directory, candidates
from services.docs.review.workflow import Who
from services.docs.workdays import Calendar
from shared.errors import Rejected
from shared.events import Actor

Verdict = Literal["agreed", "remarks", "disagreed"]
DUE_SOON, OVERDUE = 1, 2
SOON = 4  # office hours before the deadline
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Request:
    """`asked` are those whose opinion is wanted; `reminded` how far its reminders have got."""

    id: UUID
    subject_id: UUID
    agency_id: UUID
    by: Actor
    at: datetime
    question: str
    asked: tuple[Who, ...]
    due_at: datetime | None = None
    reminded: int = 0
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody said for the `seat`-th of those who were asked."""

    request_id: UUID
    seat: int
    person_id: UUID
    by: Actor
    at: datetime
    verdict: Verdict
    text: str


def ask(request: Request, directory: Directory, author: UUID) -> Request:
    """Everybody who is asked separately (`each`) gets their own place. Rejected(nobody_to_ask)."""
    seats: list[Who] = []
    for who in request.asked:
        found = candidates(who, directory, author)
        if not found:
            raise Rejected(refusals.NOBODY_TO_ASK, asked=who.label)
        single = [Who(kind="person", person_id=one.person_id, name=one.name) for one in found]
        seats += single if who.each else [who]
    return replace(request, asked=tuple(seats))


def waiting(request: Request, answers: Sequence[Opinion], directory: Directory) -> dict[int, tuple[Asked, ...]]:
    """The places that nobody has answered for, and who may."""
    if request.closed_at is not None:
        return {}
    done = {each.seat for each in answers}
    asker = request.by.person_id or NOBODY
    return {n: candidates(who, directory, asker) for n, who in enumerate(request.asked) if n not in done}


def seats_of(request: Request, person_id: UUID, directory: Directory) -> list[int]:
    """The places for which somebody may answer. A second answer stands beside the first: nothing is overwritten."""
    asker = request.by.person_id or NOBODY
    return [
        n
        for n, who in enumerate(request.asked)
        if any(one.person_id == person_id for one in candidates(who, directory, asker))
    ]


def check_answer(request: Request, seats: Sequence[int], verdict: Verdict, text: str) -> None:
    if request.closed_at is not None or not seats:
        raise Rejected(refusals.OPINION_NOT_ASKED)
    if verdict != "agreed" and not text:
        raise Rejected(refusals.OPINION_NEEDS_TEXT)


def due_level(request: Request, calendar: Calendar, now: datetime) -> int:
    """How far its reminders should be."""
    if request.due_at is None:
        return 0
    if now > request.due_at:
        return OVERDUE
    return DUE_SOON if calendar.hours(now, request.due_at) <= SOON else 0


def next_look(request: Request, calendar: Calendar, now: datetime) -> datetime | None:
    if request.due_at is None or request.closed_at is not None or request.reminded >= OVERDUE:
        return None
    left = calendar.hours(now, request.due_at)
    soon = calendar.add_hours(now, max(left - SOON, 0))
    return (
        min(max(soon, now + timedelta(minutes=1)), request.due_at + timedelta(seconds=1))
        if request.reminded < DUE_SOON
        else request.due_at + timedelta(seconds=1)
    )
