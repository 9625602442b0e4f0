"""Who is away from when to when, so that others see it and what was delegated for it ends with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from services.registry.names import clean
from services.registry.period import Period
from services.registry.refusals_authority import (
    ABSENCE_LONGER,
    ABSENCE_NO_END,
    ABSENCE_OVER,
    ABSENCE_OVERLAPS,
)
from shared.errors import Rejected
from shared.events.registry import AbsenceStated


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """`managed_by` is the agency where the person is missed; the reason is for those who oversee it."""

    id: UUID
    person_id: UUID
    managed_by: UUID
    period: Period
    reason: str
    version: int = 1


def enter(absence: Absence, name: str, others: Iterable[Absence]) -> Absence:
    """`others` are the same person's; `name` is theirs."""
    if absence.period.until is None:
        raise Rejected(ABSENCE_NO_END)
    for other in others:
        if common := other.period.common(absence.period):
            raise Rejected(
                ABSENCE_OVERLAPS, name=name, start=other.period.start, until=other.period.until or common.start
            )
    return replace(absence, reason=clean(absence.reason))


def come_back(before: Absence, last_day: date, today: date) -> Absence:
    """The person is back earlier: `last_day` is the last one away."""
    until = before.period.until
    assert until is not None  # noqa: S101  an absence has an end
    if until < today:
        raise Rejected(ABSENCE_OVER, until=until)
    if last_day > until or last_day < before.period.start:
        raise Rejected(ABSENCE_LONGER, start=before.period.start, until=until)
    if last_day == until:
        return before
    return replace(before, period=Period(before.period.start, last_day), version=before.version + 1)


def state(absence: Absence) -> AbsenceStated:
    """Everything that others need of it; why somebody is away is theirs and their agency's."""
    assert absence.period.until is not None  # noqa: S101  an absence has an end
    return AbsenceStated(
        absence_id=absence.id,
        person_id=absence.person_id,
        valid_from=absence.period.start,
        valid_until=absence.period.until,
    )
