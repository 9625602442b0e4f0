"""A procedure (thủ tục) of NĐ 68/2024 from the request to the receipt, and its clock. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from services.registry.refusals_lifecycle import (
    ANSWER_NEEDED,
    ANSWER_UNFIT,
    PROCEDURE_ABOUT,
    PROCEDURE_STATE,
    REASON_NEEDED,
    RECEIPT_OWED,
    words,
)
from services.registry.workdays import Workdays, day_of, end_of
from shared.errors import Rejected

State = Literal["requested", "approved", "forwarded", "issued", "handed_over", "done", "refused", "withdrawn"]
OPEN: tuple[State, ...] = ("requested", "approved", "forwarded", "issued", "handed_over")
Standing = Literal["on_time", "due_soon", "overdue", "no_limit", "ended"]
About = Literal["person", "agency", "name", "certificate", "device"]
ABOUT_VI: dict[About, str] = {
    "person": "người",
    "agency": "cơ quan",
    "name": "tên thiết bị, dịch vụ hoặc phần mềm",
    "certificate": "chứng thư",
    "device": "thiết bị",
}
Answer = Literal["certificate", "reference", "revocation", "unlocking", "return", "loss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the catalogue: which form, about what, how long the receiver may take, how it is answered."""

    kind: str
    form: str
    name_vi: str
    name_en: str
    about: About
    applicant: str
    receiver: str
    limit: int | None
    unit: Literal["working_days", "hours"] | None
    runs_from: Literal["requested", "forwarded"] | None
    answer: Answer
    source: str
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What due dates are counted with: the calendar, and the office's own goals in working days."""

    workdays: Workdays
    handling_days: int
    hand_over_days: int
    soon_days: int
    soon_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """`managed_by` is the applicant; `certificate_id` and `device_id` what it is about, `result_id` what came of it."""

    id: UUID
    kind: str
    state: State
    managed_by: UUID
    since: datetime
    person_id: UUID | None = None
    agency_id: UUID | None = None
    certificate_id: UUID | None = None
    device_id: UUID | None = None
    result_id: UUID | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    reference: str | None = None
    due_on: date | None = None
    due_at: datetime | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a procedure is about."""

    managed_by: UUID
    person_id: UUID | None = None
    agency_id: UUID | None = None
    certificate_id: UUID | None = None
    device_id: UUID | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def request(
    procedure_id: UUID, rule: Rule, subject: Subject, clock: Clock, *, at: datetime, reason: str | None = None
) -> Procedure:
    """A request of the managing agency. Raises Rejected when what it is about is not said."""
    named = {
        "person": subject.person_id,
        "agency": subject.agency_id,
        "certificate": subject.certificate_id,
        "device": subject.device_id,
        "name": subject.details.get("name"),
    }
    if not named[rule.about]:
        what = f"{rule.about}_id" if rule.about != "name" else "details.name"
        raise Rejected(PROCEDURE_ABOUT, name=rule.name_vi, what=what, what_vi=ABOUT_VI[rule.about])
    if rule.kind in ("revoke", "lose_device") and not reason:
        raise Rejected(REASON_NEEDED)
    made = Procedure(
        id=procedure_id,
        kind=rule.kind,
        state="requested",
        since=at,
        managed_by=subject.managed_by,
        person_id=subject.person_id,
        agency_id=subject.agency_id,
        certificate_id=subject.certificate_id,
        device_id=subject.device_id,
        details=subject.details,
        reason=reason,
    )
    return _due(made, rule, clock, at)


def approve(before: Procedure, rule: Rule, clock: Clock, at: datetime) -> Procedure:
    return _move(_at(before, "requested"), "approved", rule, clock, at)


def forward(before: Procedure, rule: Rule, clock: Clock, at: datetime, reference: str | None = None) -> Procedure:
    """To whoever answers it; from now on the legal limit runs. `reference` is the letter's number."""
    return _move(replace(_at(before, "approved"), reference=reference), "forwarded", rule, clock, at)


def answer_with(before: Procedure, rule: Rule, clock: Clock, at: datetime, certificate_id: UUID) -> Procedure:
    """The certificate that was asked for has come."""
    if rule.answer != "certificate" or before.state != "forwarded":
        raise Rejected(ANSWER_UNFIT, name=rule.name_vi)
    return _move(replace(before, result_id=certificate_id), "issued", rule, clock, at)


def answer(before: Procedure, rule: Rule, clock: Clock, at: datetime, reference: str | None) -> Procedure:
    """The receiver has done what was asked; a certificate is no such answer but is entered."""
    if rule.answer == "certificate":
        raise Rejected(ANSWER_NEEDED, name=rule.name_vi)
    before = _at(before, "forwarded")
    return _move(replace(before, reference=reference or before.reference), "issued", rule, clock, at)


def hand_over(before: Procedure, rule: Rule, clock: Clock, at: datetime) -> Procedure:
    """What came goes to its holder, who owes a receipt."""
    if rule.answer != "certificate":
        raise Rejected(PROCEDURE_STATE, **words("state", before.state))
    return _move(_at(before, "issued"), "handed_over", rule, clock, at)


def close(before: Procedure, rule: Rule, clock: Clock, at: datetime, *, receipt: bool) -> Procedure:
    """Done. `receipt`: nothing is owed, either as it was signed for or as nothing was handed over."""
    if not receipt:
        _at(before, "issued", "handed_over")
        raise Rejected(RECEIPT_OWED)
    return _move(_at(before, "issued", "handed_over"), "done", rule, clock, at)


def refuse(before: Procedure, rule: Rule, clock: Clock, at: datetime, reason: str) -> Procedure:
    """By the officer, or by the receiver as the officer was told."""
    before = _at(before, "requested", "approved", "forwarded")
    return _move(replace(before, reason=_needed(reason)), "refused", rule, clock, at)


def withdraw(before: Procedure, rule: Rule, clock: Clock, at: datetime, reason: str) -> Procedure:
    """By the applicant, as long as nothing has come of it."""
    before = _at(before, "requested", "approved", "forwarded")
    return _move(replace(before, reason=_needed(reason)), "withdrawn", rule, clock, at)


def standing(procedure: Procedure, clock: Clock, now: datetime) -> Standing:
    """How the step that waits stands against its limit."""
    if not procedure.is_open:
        return "ended"
    if procedure.due_at is None:
        return "no_limit"
    if now >= procedure.due_at:
        return "overdue"
    if procedure.due_on is None:
        soon = procedure.due_at - now <= timedelta(hours=clock.soon_hours)
    else:
        soon = clock.workdays.left(day_of(now), procedure.due_on) <= clock.soon_days
    return "due_soon" if soon else "on_time"


def _needed(reason: str) -> str:
    if not reason.strip():
        raise Rejected(REASON_NEEDED)
    return reason


def _at(before: Procedure, *states: State) -> Procedure:
    if before.state not in states:
        raise Rejected(PROCEDURE_STATE, **words("state", before.state))
    return before


def _move(before: Procedure, state: State, rule: Rule, clock: Clock, at: datetime) -> Procedure:
    return _due(replace(before, state=state, since=at, version=before.version + 1), rule, clock, at)


def _due(procedure: Procedure, rule: Rule, clock: Clock, at: datetime) -> Procedure:
    """When the step that begins `at` must be done.

    1. A limit that runs from the request (return of a device, from the notice) stays as it was set then.
    2. Before it is forwarded, the office's own goal.
    3. Forwarded: the receiver's limit. 4. Answered: the time to hand over and sign for it.
    """
    state = procedure.state
    if not procedure.is_open:
        return replace(procedure, due_on=None, due_at=None)
    if rule.runs_from == "requested":  # 1
        return _limit(procedure, rule, clock, at) if state == "requested" else procedure
    if state == "approved":  # 2
        return procedure
    if state == "requested":
        return _days(procedure, clock, at, clock.handling_days)
    if state == "forwarded":  # 3
        return _limit(procedure, rule, clock, at)
    return _days(procedure, clock, at, clock.hand_over_days) if state == "issued" else procedure  # 4


def _limit(procedure: Procedure, rule: Rule, clock: Clock, at: datetime) -> Procedure:
    if rule.limit is None:
        return replace(procedure, due_on=None, due_at=None)
    if rule.unit == "hours":
        return replace(procedure, due_on=None, due_at=at + timedelta(hours=rule.limit))
    return _days(procedure, clock, at, rule.limit)


def _days(procedure: Procedure, clock: Clock, at: datetime, days: int) -> Procedure:
    last = clock.workdays.after(day_of(at), days)
    return replace(procedure, due_on=last, due_at=end_of(last))
