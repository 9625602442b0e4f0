"""The life of a work file (hồ sơ công việc): opened, filled, closed, handed to the archive, disposed of. No IO, no clock.

NĐ 30/2020 arts 28–31, annexes V and VI.III.5. Every function takes the file as it stands and returns the step to make.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from services.docs.step import Step
from services.docs.workfile import refusals
from shared.errors import Rejected
from shared.events import Actor
from shared.events.envelope import Fact
from shared.events.workfile import (
    WorkfileDisposed,
    WorkfileDue,
    WorkfileFiled,
    WorkfileOpened,
    WorkfileReturned,
    WorkfileStood,
    WorkfileSubmitted,
)

State = Literal["open", "closed", "submitted", "archived", "disposed"]
Kind = Literal["document", "incoming", "draft"]
WARNED_AHEAD = timedelta(days=30)  # annex VI.III.5b
MOST_HELD_BACK = 2  # years, art. 31
MOST_MEMBERS = 9999  # DocTotal has four digits (annex VI)


@dataclass(frozen=True, slots=True)
class Consent:
    """Somebody's written word: its number and day, as "12/QĐ-UBND", and what it says."""

    number: str
    day: date
    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Disposal:
    """The decision by which content was destroyed, and who was there."""

    decision: str
    decided_on: date
    members: tuple[str, ...]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """Handing over to the archive: the minutes' number, and the archive's answer."""

    minutes: str
    by: str
    person_id: UUID | None
    at: datetime
    accepted_by: str | None = None
    accepted_at: datetime | None = None
    returned_because: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What a file takes from its line of the list: code, heading, and how long it is kept (years; none: for ever)."""

    code: str
    heading: str
    years: int | None
    basis: str
    entry_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFile:
    """A work file. `ended_on` is the day on which the work ended, `settled_on` that of a construction's final account."""

    id: UUID
    agency_id: UUID
    place: Place
    title: str
    year: int
    keeper_id: UUID
    keeper: str
    opened_on: date
    state: State = "open"
    outside_because: str | None = None
    construction: bool = False
    note: str = ""
    ended_on: date | None = None
    settled_on: date | None = None
    held_back: Consent | None = None
    held_until: date | None = None
    frozen: Consent | None = None
    submission: Submission | None = None
    disposal: Disposal | None = None
    warned: bool = False
    version: int = 0

    @property
    def archive_due(self) -> date | None:
        """By when it has to be in the archive (arts 30–31); none while the work, or a construction's account, is open."""
        if self.held_until:
            return self.held_until
        if self.construction:
            return months_after(self.settled_on, 3) if self.settled_on else None
        return months_after(self.ended_on, 12) if self.ended_on else None

    @property
    def kept_until(self) -> date | None:
        """The last day of its retention, counted from the year in which the work ended (law 33/2024 art. 15)."""
        if self.place.years is None or self.ended_on is None:
            return None
        return date(self.ended_on.year + self.place.years, 12, 31)


def months_after(day: date, months: int) -> date:
    """The same day some months later, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _about(file: WorkFile) -> dict[str, object]:
    return {"workfile_id": file.id, "agency_id": file.agency_id, "code": file.place.code, "title": file.title}


def _stood(
    file: WorkFile, act: str, by: Actor, at: datetime, *, members: int, reason: str | None = None
) -> Step[WorkFile]:
    fact = WorkfileStood.model_validate(
        _about(file)
        | {"act": act, "members": members, "reason": reason, "archive_due": file.archive_due, "by": by, "at": at}
    )
    return Step(file, f"workfile_{act}", by, at, detail=reason, tell=(fact,))


def _step(file: WorkFile, act: str, fact: Fact, detail: str | None = None, about: UUID | None = None) -> Step[WorkFile]:
    return Step(file, f"workfile_{act}", fact.by, fact.at, detail=detail, tell=(fact,), about=about)


# --- open and fill


def open_file(file: WorkFile, by: Actor, at: datetime) -> Step[WorkFile]:
    """Outside of the list only for a reason, with a code and a retention of its own."""
    if file.place.entry_id is None and not file.outside_because:
        raise Rejected(refusals.OUTSIDE_NEEDS_REASON)
    fact = WorkfileOpened.model_validate(
        _about(file)
        | {"keeper_id": file.keeper_id, "outside_because": file.outside_because or None, "by": by, "at": at}
    )
    return _step(file, "opened", fact, file.outside_because)


def put_in(
    file: WorkFile, kind: Kind, subject_id: UUID, by: Actor, at: datetime, *, members: int, what: str
) -> Step[WorkFile]:
    _must_be(file, "open")
    if members >= MOST_MEMBERS:
        raise Rejected(refusals.FILE_FULL, most=MOST_MEMBERS)
    fact = WorkfileFiled.model_validate(_about(file) | {"kind": kind, "subject_id": subject_id, "by": by, "at": at})
    return _step(file, "filed", fact, what, subject_id)


def take_out(
    file: WorkFile, kind: Kind, subject_id: UUID, by: Actor, at: datetime, *, reason: str, what: str
) -> Step[WorkFile]:
    _must_be(file, "open")
    fact = WorkfileFiled.model_validate(
        _about(file) | {"kind": kind, "subject_id": subject_id, "taken_out": True, "reason": reason, "by": by, "at": at}
    )
    return _step(file, "taken_out", fact, f"{what}: {reason}", subject_id)


# --- close


def close(
    file: WorkFile,
    by: Actor,
    at: datetime,
    *,
    ended_on: date,
    today: date,
    members: int,
    unfinished: Sequence[str],
    settled_on: date | None = None,
) -> Step[WorkFile]:
    """The work has ended: everything in it is finished and the contents list is whole. Later only the archive acts."""
    _must_be(file, "open")
    if not members:
        raise Rejected(refusals.FILE_EMPTY)
    if unfinished:
        more = f" (+{len(unfinished) - 5})" if len(unfinished) > 5 else ""
        raise Rejected(refusals.FILE_UNFINISHED, what="; ".join(unfinished[:5]) + more)
    for day in (ended_on, settled_on):
        if day and not file.opened_on <= day <= today:
            raise Rejected(refusals.DAY_WRONG, first=_day(file.opened_on), last=_day(today))
    after = replace(file, state="closed", ended_on=ended_on, settled_on=settled_on, warned=False)
    return _stood(after, "closed", by, at, members=members)


def reopen(file: WorkFile, by: Actor, at: datetime, *, reason: str, members: int) -> Step[WorkFile]:
    _must_be(file, "closed")
    _not_frozen(file)
    after = replace(file, state="open", ended_on=None, settled_on=None, held_back=None, held_until=None, warned=False)
    return _stood(after, "reopened", by, at, members=members, reason=reason)


# --- archive


def hold_back(file: WorkFile, consent: Consent, until: date, by: Actor, *, members: int) -> Step[WorkFile]:
    """Kept by the unit for at most two more years than the law's day, with written consent (art. 31)."""
    _must_be(file, "closed")
    due = replace(file, held_until=None).archive_due
    if due is None:
        raise Rejected(refusals.NO_DUE_DAY)
    last = months_after(due, 12 * MOST_HELD_BACK)
    if not due < until <= last:
        raise Rejected(refusals.HELD_TOO_LONG, first=_day(due), last=_day(last))
    after = replace(file, held_back=consent, held_until=until, warned=False)
    reason = f"{consent.number}, {_day(consent.day)}: {consent.text}"
    return _stood(after, "held_back", by, consent.at, members=members, reason=reason)


def warn(file: WorkFile, by: Actor, at: datetime, today: date) -> Step[WorkFile] | None:
    """Thirty days ahead its keeper and the clerks are told, once."""
    due = file.archive_due
    if file.state != "closed" or file.warned or due is None or due - today > WARNED_AHEAD:
        return None
    fact = WorkfileDue.model_validate(_about(file) | {"keeper_id": file.keeper_id, "due_on": due, "by": by, "at": at})
    return _step(replace(file, warned=True), "due", fact, _day(due))


def submit(file: WorkFile, minutes: str, by: Actor, at: datetime, *, members: int) -> Step[WorkFile]:
    _must_be(file, "closed")
    after = replace(file, state="submitted", submission=Submission(minutes, by.name, by.person_id, at))
    fact = WorkfileSubmitted.model_validate(_about(file) | {"minutes": minutes, "members": members, "by": by, "at": at})
    return _step(after, "submitted", fact, minutes)


def accept(file: WorkFile, by: Actor, at: datetime, *, members: int) -> Step[WorkFile]:
    """By somebody else than who handed it over: two people stand under the minutes."""
    given = _submission(file)
    if by.person_id == given.person_id:
        raise Rejected(refusals.ARCHIVE_SAME_PERSON)
    after = replace(
        file, state="archived", submission=replace(given, accepted_by=by.name, accepted_at=at, returned_because=None)
    )
    return _stood(after, "accepted", by, at, members=members, reason=given.minutes)


def give_back(file: WorkFile, reason: str, by: Actor, at: datetime) -> Step[WorkFile]:
    given = _submission(file)
    after = replace(file, state="closed", submission=replace(given, returned_because=reason))
    fact = WorkfileReturned.model_validate(
        _about(file) | {"keeper_id": file.keeper_id, "reason": reason, "by": by, "at": at}
    )
    return _step(after, "returned", fact, reason)


def _submission(file: WorkFile) -> Submission:
    _must_be(file, "submitted")
    if file.submission is None:
        raise ValueError("a submitted file has a submission")
    return file.submission


# --- freeze and dispose


def freeze(file: WorkFile, order: Consent, by: Actor, *, members: int) -> Step[WorkFile]:
    """On order nothing of it is changed or disposed of until it is lifted (annex VI)."""
    _must_be(file, "closed", "submitted", "archived")
    _not_frozen(file)
    reason = f"{order.number}, {_day(order.day)}: {order.text}"
    return _stood(replace(file, frozen=order), "frozen", by, order.at, members=members, reason=reason)


def unfreeze(file: WorkFile, order: Consent, by: Actor, *, members: int) -> Step[WorkFile]:
    if file.frozen is None:
        raise Rejected(refusals.NOT_FROZEN)
    reason = f"{order.number}, {_day(order.day)}: {order.text}"
    return _stood(replace(file, frozen=None), "unfrozen", by, order.at, members=members, reason=reason)


def may_dispose(file: WorkFile, today: date) -> None:
    """Nothing frozen, nothing permanent, nothing before its time, nothing that the archive does not have."""
    _must_be(file, "archived")
    _not_frozen(file)
    if file.place.years is None:
        raise Rejected(refusals.PERMANENT)
    if file.kept_until is None or today <= file.kept_until:
        raise Rejected(refusals.BEFORE_ITS_TIME, day=_day(file.kept_until) if file.kept_until else "?")


def dispose(file: WorkFile, disposal: Disposal, by: Actor, today: date, *, destroyed: Sequence[str]) -> Step[WorkFile]:
    """`destroyed`: SHA-256 of content that goes with it."""
    may_dispose(file, today)
    if disposal.decided_on > today:
        raise Rejected(refusals.DAY_WRONG, first=_day(file.opened_on), last=_day(today))
    if len(set(disposal.members)) < 2:
        raise Rejected(refusals.COUNCIL_TOO_SMALL)
    fact = WorkfileDisposed.model_validate(
        _about(file)
        | {
            "decision": disposal.decision,
            "decided_on": disposal.decided_on,
            "members": disposal.members,
            "destroyed": tuple(destroyed),
            "by": by,
            "at": disposal.at,
        }
    )
    return _step(replace(file, state="disposed", disposal=disposal), "disposed", fact, disposal.decision)


def exported(file: WorkFile, by: Actor, at: datetime, *, members: int) -> Step[WorkFile]:
    """Ordering a package is an act: content leaves the system."""
    if file.state == "disposed":
        raise Rejected(
            refusals.WRONG_STATE, state=refusals.STATES[file.state][0], state_en=refusals.STATES[file.state][1]
        )
    return _stood(file, "exported", by, at, members=members)


def _must_be(file: WorkFile, *states: State) -> None:
    if file.state not in states:
        vi, en = refusals.STATES[file.state]
        raise Rejected(refusals.WRONG_STATE, state=vi, state_en=en)


def _not_frozen(file: WorkFile) -> None:
    if file.frozen:
        raise Rejected(refusals.FROZEN, order=file.frozen.number)


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
