"""A unit (phòng, ban) within an agency: its code, name, place and dates. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from services.registry.agency import Agency
from services.registry.names import clean
from services.registry.period import Period
from services.registry.refusals import NAME_MISSING
from services.registry.refusals_directory import UNIT_CODE_INVALID, UNIT_FIXED, UNIT_PARENT, UNIT_PERIOD
from shared.errors import Rejected

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """`code` is the agency's own short name for it, known within the agency only."""

    agency_id: UUID
    code: str
    name: str
    period: Period
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    id: UUID
    facts: UnitFacts
    version: int = 1

    def open_on(self, day: date) -> bool:
        return self.facts.period.has(day)


def set_up(unit_id: UUID, facts: UnitFacts, agency: Agency, parent: Unit | None) -> Unit:
    return Unit(unit_id, _checked(facts, agency, parent))


def change(before: Unit, facts: UnitFacts, agency: Agency, parent: Unit | None, *, above: frozenset[UUID]) -> Unit:
    """The same object when nothing changed; `above` are the ids of the parent and of all above it."""
    if (facts.agency_id, facts.code) != (before.facts.agency_id, before.facts.code):
        raise Rejected(UNIT_FIXED)
    if parent is not None and before.id in above:
        raise Rejected(UNIT_PARENT, parent=parent.facts.name)
    after = _checked(facts, agency, parent)
    return before if after == before.facts else replace(before, facts=after, version=before.version + 1)


def _checked(facts: UnitFacts, agency: Agency, parent: Unit | None) -> UnitFacts:
    name = clean(facts.name)
    if not name:
        raise Rejected(NAME_MISSING)
    if not CODE.fullmatch(facts.code):
        raise Rejected(UNIT_CODE_INVALID, code=facts.code[:60])
    if parent is not None and parent.facts.agency_id != facts.agency_id:
        raise Rejected(UNIT_PARENT, parent=parent.facts.name)
    if not agency.lives_here or not agency.open_on(facts.period.start):
        raise Rejected(UNIT_PERIOD, agency=agency.name)
    return replace(facts, name=name)
