"""The route of one document through review: whose turn it is, what an answer changes, when a stage is late. Pure.

A stage (`Leg`) has seats, one for each whom it asks; a seat is filled by one approval of somebody who may sit on it
today, which is looked up anew each time: who is away or has left is stood in for without anybody doing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.docs import refusals as docs_refusals
from services.docs.document import Review
from services.docs.review import refusals
from services.docs.review.people import Asked, Directory, candidates, is_head_over
from services.docs.review.workflow import AfterReturn, Deadline, Stage, Who, Workflow
from services.docs.workdays import VIETNAM, Calendar
from shared.errors import Rejected

State = Literal["waiting", "open", "done", "skipped"]
Kept = Literal["unchanged", "before_return"]  # the text is the same; the stage lies before the one that gave it back
LISTED = "Người xem xét được chọn"


@dataclass(frozen=True, slots=True)
class Seat:
    """`told`: who has been asked so far. `by`, `name`, `at`: who filled it; `instead_of` whom they stood in for. `kept`:
    why an approval of an earlier round still stands.
    """

    who: Who
    told: tuple[UUID, ...] = ()
    by: UUID | None = None
    name: str | None = None
    at: datetime | None = None
    instead_of: str | None = None
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """A stage on its way. `skipped_for`: which condition left it out. `before`: approvals of an earlier round that count
    when it opens.
    """

    stage: Stage
    seats: tuple[Seat, ...] = ()
    state: State = "waiting"
    opened_at: datetime | None = None
    due_at: datetime | None = None
    soon_at: datetime | None = None
    ended_at: datetime | None = None
    reminded: int = 0
    skipped_for: str | None = None
    before: tuple[Seat, ...] = ()

    @property
    def filled(self) -> int:
        return sum(seat.by is not None for seat in self.seats)

    @property
    def is_done(self) -> bool:
        return self.filled >= self.stage.needed(len(self.seats))


@dataclass(frozen=True, slots=True)
class Route:
    """`code` and `version` name the workflow that it began with; its stages are kept here. `round`: how often the
    document was submitted. `text` is what was reviewed in it (a digest), `resume_at` the stage at which it begins again
    after it was given back to its author; none: the first.
    """

    code: str
    version: int
    name: str
    author_id: UUID
    legs: tuple[Leg, ...]
    chosen: tuple[UUID, ...] = ()
    round: int = 1
    after_return: AfterReturn = "anew"
    text: str = ""
    resume_at: str | None = None

    @property
    def is_complete(self) -> bool:
        return all(leg.state in ("done", "skipped") for leg in self.legs)

    @property
    def open_legs(self) -> tuple[Leg, ...]:
        return tuple(leg for leg in self.legs if leg.state == "open")


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision stands on: the people of today, who signs, how urgent it is, the clock, the working time."""

    directory: Directory
    calendar: Calendar
    now: datetime
    signers: frozenset[UUID] = frozenset()
    urgency: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """A seat that nobody has filled yet, and who may."""

    leg: Leg
    seat: int
    people: tuple[Asked, ...]


# --- beginning, again


def begin(
    workflow: Workflow, code: str, version: int, *, author_id: UUID, chosen: Sequence[UUID], at: Situation
) -> Route:
    """A document enters its workflow; Rejected(reviewers_to_choose) when a stage asks whom the author chose: nobody."""
    if not chosen and any(who.kind == "chosen" for stage in workflow.stages for who in stage.who):
        stage = next(s for s in workflow.stages if any(w.kind == "chosen" for w in s.who))
        raise Rejected(refusals.REVIEWERS_TO_CHOOSE, stage=stage.name)
    legs = tuple(Leg(stage) for stage in workflow.stages)
    begun = Route(code, version, workflow.name, author_id, legs, tuple(chosen), after_return=workflow.after_return)
    return advance(begun, at)


def begin_listed(reviews: Sequence[Review], author_id: UUID, days: int, at: Situation) -> Route:
    """A document enters with a plain list of reviewers: one stage that needs all of them, within the agency's working days."""
    leg = Leg(_listed(reviews, Deadline(amount=days, unit="days")))
    return advance(Route("", 0, LISTED, author_id, (leg,)), at)


def _listed(reviews: Sequence[Review], deadline: Deadline | None = None) -> Stage:
    who = tuple(Who(kind="person", person_id=each.person_id, name=each.name) for each in reviews)
    return Stage(key="xem-xet", name="Xem xét", who=who, deadline=deadline)


def of_reviews(reviews: Sequence[Review], author_id: UUID, at: Situation, *, days: int | None = None) -> Route:
    """The route of a document with a list of reviewers that has none on record: it was submitted before lists had them.
    `days`: it is put on record now, and from now its reviewers have so many working days.
    """
    stage = _listed(reviews, Deadline(amount=days, unit="days") if days else None)
    seats = tuple(
        Seat(each, told=(r.person_id,), by=r.person_id, name=r.name, at=at.now)
        if r.approved
        else Seat(each, told=(r.person_id,))
        for each, r in zip(stage.who, reviews, strict=True)
    )
    return Route("", 0, LISTED, author_id, (_timed(Leg(stage, seats, "open", at.now), at),))


def given_back(route: Route, person_id: UUID | None, resume_at: str | None, at: Situation) -> Route:
    """It goes to its author, and begins again at `resume_at`; when that is not said, as the workflow has it. Raises
    Rejected(stage_not_before) for a stage to which it can't come.
    """
    own = returning(route, person_id, at.directory)
    if resume_at is None and route.after_return == "from_return":
        resume_at = own.stage.key if own else None
    elif resume_at is not None and all(leg.stage.key != resume_at for leg in resumable(route, person_id, at.directory)):
        raise Rejected(refusals.STAGE_NOT_BEFORE)
    return replace(route, resume_at=resume_at)


def returning(route: Route, person_id: UUID | None, directory: Directory) -> Leg | None:
    """The open stage on which somebody may give the document back."""
    mine = {turn.leg.stage.key for turn in turns(route, directory) if person_id and _as(turn.people, person_id)}
    return next(
        (leg for leg in route.open_legs if leg.stage.key in mine or any(s.by == person_id for s in leg.seats)), None
    )


def resumable(route: Route, person_id: UUID | None, directory: Directory) -> tuple[Leg, ...]:
    """The stages at which a document that somebody gives back may begin again: those that are done, and their own."""
    own = returning(route, person_id, directory)
    return (*stages_before(route), *([own] if own else []))


def again(route: Route, chosen: Sequence[UUID] | None, text: str, at: Situation) -> Route:
    """The document was revised and goes by the workflow that it began with, from the stage that the return said. What was
    agreed before that stage stands; so does what was agreed of a text that did not change.
    """
    unchanged = bool(text) and text == route.text
    known = {leg.stage.key for leg in route.legs}
    passed, legs = route.resume_at in known, list(route.legs)
    for group in _groups(route.legs):
        passed = passed and all(legs[n].stage.key != route.resume_at for n in group)
        for n in group:
            if passed:
                legs[n] = replace(legs[n], seats=_kept(legs[n].seats, "before_return"))
            else:
                before = (*legs[n].before, *legs[n].seats) if unchanged else ()
                legs[n] = Leg(legs[n].stage, before=_kept((s for s in before if s.by), "unchanged"))
    picked = route.chosen if chosen is None else tuple(chosen)
    return advance(
        replace(route, legs=tuple(legs), chosen=picked, round=route.round + 1, text=text, resume_at=None), at
    )


def listed_again(route: Route, reviews: Sequence[Review]) -> Route:
    """The same with another list of reviewers."""
    leg = route.legs[0]
    stage = _listed(reviews, leg.stage.deadline)
    return replace(route, legs=(replace(leg, stage=stage),))


def _kept(seats: Iterable[Seat], why: Kept) -> tuple[Seat, ...]:
    return tuple(replace(seat, kept=why) if seat.by else seat for seat in seats)


def advance(route: Route, at: Situation) -> Route:
    """Open what comes next, once everything before is done; what is to be left out is left out."""
    legs = list(route.legs)
    for group in _groups(legs):
        for n in group:
            if legs[n].state == "waiting":
                legs[n] = _recalled(_open(legs[n], route, at), at)
        if any(legs[n].state == "open" for n in group):
            break
    return replace(route, legs=tuple(legs))


def _recalled(leg: Leg, at: Situation) -> Leg:
    """A stage that opens, with the approvals of an earlier round that still count on its seats."""
    if leg.state != "open" or not leg.before:
        return leg
    earlier = {seat.who: seat for seat in leg.before}
    after = replace(leg, seats=tuple(earlier.get(seat.who, seat) for seat in leg.seats), before=())
    return replace(after, state="done", ended_at=at.now) if after.is_done else after


def foreseen(workflow: Workflow, author_id: UUID, chosen: Sequence[UUID], at: Situation) -> tuple[Leg, ...]:
    """Every stage as it would open if it were its turn now."""
    route = Route("", 0, workflow.name, author_id, (), tuple(chosen))
    return tuple(_open(Leg(stage), route, at) for stage in workflow.stages)


def _groups(legs: Sequence[Leg]) -> Iterator[list[int]]:
    """The stages that go side by side, in order."""
    group: list[int] = []
    for n, leg in enumerate(legs):
        if group and not leg.stage.with_previous:
            yield group
            group = []
        group.append(n)
    if group:
        yield group


def _open(leg: Leg, route: Route, at: Situation) -> Leg:
    seats = tuple(_seats(leg.stage, route, at.directory))
    if why := _left_out(leg.stage, seats, route.author_id, at):
        return replace(leg, state="skipped", skipped_for=why, ended_at=at.now)
    return _timed(replace(leg, seats=seats, state="open", opened_at=at.now), at)


def _timed(leg: Leg, at: Situation) -> Leg:
    """With the deadline that its stage has, counted from now, and when it is nearly there."""
    due = soon = None
    if deadline := leg.stage.deadline:
        due = at.calendar.add_hours(at.now, deadline.amount)
        soon = at.calendar.add_hours(at.now, deadline.amount * 0.75)
        if deadline.unit == "days":
            due = at.calendar.add_days(at.now, deadline.amount)
            last = due.astimezone(VIETNAM).date()
            soon = max(at.calendar.start_of(last), at.calendar.add_hours(at.now, 1)) if deadline.amount > 1 else None
            soon = soon or min(at.calendar.add_hours(at.now, 6), due)
    return replace(leg, due_at=due, soon_at=soon)


def _seats(stage: Stage, route: Route, directory: Directory) -> Iterator[Seat]:
    for who in stage.who:
        if who.kind == "chosen":
            for person in route.chosen:
                yield Seat(Who(kind="person", person_id=person, name=directory.name_of(person)))
        elif who.each:
            found = candidates(who, directory, route.author_id)
            yield from (Seat(Who(kind="person", person_id=each.person_id, name=each.name)) for each in found)
            if not found:
                yield Seat(who)
        else:
            yield Seat(who)


def _left_out(stage: Stage, seats: tuple[Seat, ...], author_id: UUID, at: Situation) -> str | None:
    """The first condition that leaves a stage out, if any."""
    asked = [candidates(seat.who, at.directory, author_id) for seat in seats]
    people = {one.person_id for group in asked for one in group}
    for skip in stage.skip:
        if skip.when == "nobody_found" and not people:
            return skip.when
        if skip.when == "author_is_asked" and any(_names(seat.who, author_id, at.directory) for seat in seats):
            return skip.when
        if skip.when == "signer_is_asked" and people and people <= at.signers:
            return skip.when
        if skip.when == "urgency_at_least" and at.urgency >= (skip.at_least or 0):
            return skip.when
    return None


def _names(who: Who, author_id: UUID, directory: Directory) -> bool:
    """Whether the author themself would be asked, were they not the author."""
    if who.kind == "person":
        return who.person_id == author_id
    if who.kind not in ("author_head", "unit_head", "post"):
        return False
    nobody = UUID(int=0)
    if who.kind == "author_head":
        own = directory.post_of(author_id)
        who = Who(kind="unit_head", unit=own.unit, unit_id=own.unit_id) if own else who
    return any(each.person_id == author_id for each in candidates(who, directory, nobody))


# --- whose turn


def turns(route: Route, directory: Directory) -> list[Turn]:
    """Every seat that waits for somebody, with those who may fill it today."""
    return [
        Turn(leg, n, candidates(seat.who, directory, route.author_id))
        for leg in route.open_legs
        for n, seat in enumerate(leg.seats)
        if seat.by is None
    ]


def mirrored(route: Route, directory: Directory) -> tuple[Review, ...]:
    """The document's list of reviewers as it is now: those whose turn it is and those who answered in open stages."""
    found: dict[UUID, Review] = {}
    for leg in route.open_legs:
        for seat in leg.seats:
            if seat.by is not None:
                found[seat.by] = Review(seat.by, seat.name or "", approved=True)
    for turn in turns(route, directory):
        for one in turn.people:
            found[one.person_id] = Review(one.person_id, one.name)
    return tuple(found.values())


def newly_asked(route: Route, directory: Directory) -> tuple[Route, dict[str, tuple[UUID, ...]]]:
    """The route with everybody told whose turn it is, and by stage those who were not told before."""
    fresh: dict[str, tuple[UUID, ...]] = {}
    legs = list(route.legs)
    for n, leg in enumerate(legs):
        if leg.state != "open":
            continue
        seats = []
        for seat in leg.seats:
            people = candidates(seat.who, directory, route.author_id) if seat.by is None else ()
            new = tuple(one.person_id for one in people if one.person_id not in seat.told)
            fresh[leg.stage.key] = tuple(dict.fromkeys((*fresh.get(leg.stage.key, ()), *new)))
            seats.append(replace(seat, told=(*seat.told, *new)) if new else seat)
        legs[n] = replace(leg, seats=tuple(seats))
    return replace(route, legs=tuple(legs)), {key: people for key, people in fresh.items() if people}


# --- answers


def approve(route: Route, person_id: UUID, at: Situation, stage: str | None = None) -> Route | None:
    """Somebody agrees: every seat on which they may sit is filled, and what comes next is opened. None: a second click.

    `stage` is the one that they saw: who is asked again in the next stage does not agree to it by clicking twice.
    Raises Rejected(not_a_reviewer).
    """
    found = turns(route, at.directory)
    mine = {
        (t.leg.stage.key, t.seat): one
        for t in found
        if stage in (None, t.leg.stage.key) and (one := _as(t.people, person_id))
    }
    if not mine:
        if any(seat.by == person_id for leg in route.legs for seat in leg.seats):
            return None
        raise Rejected(docs_refusals.NOT_A_REVIEWER)
    legs = []
    for leg in route.legs:
        seats = tuple(
            _filled(seat, one, at.now) if (one := mine.get((leg.stage.key, n))) else seat
            for n, seat in enumerate(leg.seats)
        )
        after = replace(leg, seats=seats)
        if after.state == "open" and after.is_done:
            after = replace(after, state="done", ended_at=at.now)
        legs.append(after)
    return advance(replace(route, legs=tuple(legs)), at)


def _as(people: Iterable[Asked], person_id: UUID) -> Asked | None:
    return next((each for each in people if each.person_id == person_id), None)


def _filled(seat: Seat, one: Asked, at: datetime) -> Seat:
    return replace(seat, by=one.person_id, name=one.name, at=at, instead_of=one.instead_of)


def may_answer(route: Route, person_id: UUID, directory: Directory) -> bool:
    """Whether somebody may give the document back: it is their turn, or they answered in a stage that is still open."""
    answered = any(seat.by == person_id for leg in route.open_legs for seat in leg.seats)
    return answered or any(_as(turn.people, person_id) for turn in turns(route, directory))


def stages_before(route: Route) -> tuple[Leg, ...]:
    """The stages to which a document may be given back: those that are done, before what is open now."""
    done = []
    for group in _groups(route.legs):
        if any(route.legs[n].state in ("open", "waiting") for n in group):
            break
        done += [route.legs[n] for n in group if route.legs[n].state == "done"]
    return tuple(done)


def back_to(route: Route, key: str, at: Situation) -> Route:
    """Back to an earlier stage: it and all after it are passed again. Rejected(stage_not_before)."""
    if all(leg.stage.key != key for leg in stages_before(route)):
        raise Rejected(refusals.STAGE_NOT_BEFORE)
    legs = list(route.legs)
    start = next(n for n, leg in enumerate(legs) if leg.stage.key == key)
    for group in _groups(list(route.legs)):
        for n in group:
            # Of those side by side with it, what was agreed stands.
            if n == start or group[0] > start:
                legs[n] = Leg(legs[n].stage)
    return advance(replace(route, legs=tuple(legs)), at)


# --- when somebody can't answer


def replace_reviewer(route: Route, key: str, seat: int, *, new: UUID, by: UUID, is_clerk: bool, at: Situation) -> Route:
    """A clerk, or the head of a unit of those asked or of the author, lets somebody else answer.

    The author does it only while nobody can answer or the stage is late, else they would choose who judges their draft.
    """
    turn = next((t for t in turns(route, at.directory) if t.leg.stage.key == key and t.seat == seat), None)
    if turn is None:
        raise Rejected(refusals.SEAT_NOT_OPEN)
    concerned = {one.person_id for one in turn.people} | {route.author_id} | set(turn.leg.seats[seat].told)
    if not (is_clerk or is_head_over(by, concerned, at.directory)):
        raise Rejected(refusals.REPLACING_NOT_YOURS)
    late = turn.leg.due_at is not None and at.now > turn.leg.due_at
    if by == route.author_id and turn.people and not late:
        raise Rejected(refusals.AUTHOR_REPLACES_LATE_ONLY)
    if new == route.author_id or not at.directory.is_here(new):
        raise Rejected(refusals.REPLACEMENT_NOT_HERE)
    who = Who(kind="person", person_id=new, name=at.directory.name_of(new))
    legs = tuple(
        replace(leg, seats=tuple(Seat(who) if n == seat else s for n, s in enumerate(leg.seats)))
        if leg.stage.key == key
        else leg
        for leg in route.legs
    )
    return replace(route, legs=legs)


def is_stuck(route: Route, directory: Directory) -> bool:
    """Whether too few are left to answer in a stage that waits: it can't go on by itself."""
    for leg in route.open_legs:
        able = sum(bool(turn.people) for turn in turns(route, directory) if turn.leg.stage.key == leg.stage.key)
        if leg.filled + able < leg.stage.needed(len(leg.seats)):
            return True
    return False
