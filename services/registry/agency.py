"""An agency: who it is, under whom, and how it is reached. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from uuid import UUID

from services.registry.names import clean
from services.registry.period import Period
from services.registry.refusals import (
    EMAIL_INVALID,
    IDENTIFIER_FIXED,
    IDENTIFIER_INVALID,
    NAME_MISSING,
    NOT_UNDER_PARENT,
    OLD_IDENTIFIER_INVALID,
    PARTNER_AND_LEVEL,
)
from shared.errors import Rejected
from shared.events.registry import AgencyStated

Level = Literal["province", "district", "commune", "outside"]

# QĐ 20/2020 art. 4: groups of capitals and digits, top to bottom; the first is a letter A–Y and two digits.
IDENTIFIER = re.compile(r"[A-Y][0-9]{2}(\.[A-Z0-9]+)*")
OLD_IDENTIFIER = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Y][0-9]{2}")  # QCVN 102:2016: bottom to top
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyFacts:
    """What is said of an agency. `partner` is the Kafka partner of an outside agency; `seal_mm` its seal's diameter."""

    identifier: str
    name: str
    level: Level
    period: Period
    old_identifier: str | None = None
    parent_id: UUID | None = None
    partner: str | None = None
    email: str | None = None
    seal_mm: float = 36.0


@dataclass(frozen=True, slots=True)
class Agency:
    id: UUID
    facts: AgencyFacts
    version: int = 1

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def lives_here(self) -> bool:
        return self.facts.partner is None

    def open_on(self, day: date) -> bool:
        return self.facts.period.has(day)


def establish(agency_id: UUID, facts: AgencyFacts, parent: Agency | None) -> tuple[Agency, AgencyStated]:
    agency = Agency(agency_id, _checked(facts, parent))
    return agency, state(agency)


def change(before: Agency, facts: AgencyFacts, parent: Agency | None) -> tuple[Agency, AgencyStated | None]:
    """The agency as it is said to be now; nothing is stated when that is what it was."""
    after = _checked(facts, parent)
    if (after.identifier, after.level) != (before.facts.identifier, before.facts.level):
        raise Rejected(IDENTIFIER_FIXED)
    if after == before.facts:
        return before, None
    agency = replace(before, facts=after, version=before.version + 1)
    return agency, state(agency)


def check_email(email: str) -> str:
    """The address, trimmed; raises Rejected(email_invalid)."""
    address = clean(email)
    if not EMAIL.fullmatch(address) or len(address) > 254:
        raise Rejected(EMAIL_INVALID, email=address[:100])
    return address


def _checked(facts: AgencyFacts, parent: Agency | None) -> AgencyFacts:
    name = clean(facts.name)
    if not name:
        raise Rejected(NAME_MISSING)
    if len(facts.identifier) > 35 or not IDENTIFIER.fullmatch(facts.identifier):
        raise Rejected(IDENTIFIER_INVALID, identifier=facts.identifier[:60])
    if facts.old_identifier is not None and not OLD_IDENTIFIER.fullmatch(facts.old_identifier):
        raise Rejected(OLD_IDENTIFIER_INVALID, identifier=facts.old_identifier[:60])
    # Left to right is top to down, so a parent's identifier begins its children's; that also rules out circles.
    if parent is not None and not facts.identifier.startswith(parent.facts.identifier + "."):
        raise Rejected(NOT_UNDER_PARENT, identifier=facts.identifier, parent=parent.facts.identifier)
    if (facts.level == "outside") != (facts.partner is not None):
        raise Rejected(PARTNER_AND_LEVEL)
    return replace(facts, name=name, email=check_email(facts.email) if facts.email else None)


def state(agency: Agency) -> AgencyStated:
    facts = agency.facts
    return AgencyStated(
        agency_id=agency.id,
        identifier=facts.identifier,
        old_identifier=facts.old_identifier,
        name=facts.name,
        parent_id=facts.parent_id,
        level=facts.level,
        partner=facts.partner,
        email=facts.email,
        seal_mm=facts.seal_mm,
        valid_from=facts.period.start,
        valid_until=facts.period.until,
    )
