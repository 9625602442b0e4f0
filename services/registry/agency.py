"""An agency through time: who it is and was, under whom, what came after it, how it is reached. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
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
from services.registry.refusals_directory import (
    AGENCY_ENDED,
    AGENCY_NOT_YET,
    CHANGE_AHEAD,
    CHANGE_EMPTY,
    CHANGE_TOO_EARLY,
    PARENT_CIRCLE,
)
from shared.errors import Rejected
from shared.events.registry import AgencyStated, FormerIdentifier, FormerName

Level = Literal["province", "district", "commune", "outside"]
What = Literal["name", "identifier", "old_identifier", "parent"]

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
class Past:
    """What an agency was called, which identifier or parent (its id as text) it had, and until when."""

    what: What
    value: str
    period: Period
    decision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A change by decision, from a day on; what is None stays. A correction of a slip is no turn."""

    day: date
    decision: str
    name: str | None = None
    identifier: str | None = None
    old_identifier: str | None = None
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Agency:
    """`past` in order of time; `facts` are what holds now, or held when it ended."""

    id: UUID
    facts: AgencyFacts
    version: int = 1
    past: tuple[Past, ...] = ()
    predecessor_ids: tuple[UUID, ...] = ()
    successor_ids: tuple[UUID, ...] = ()

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def lives_here(self) -> bool:
        return self.facts.partner is None

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Of QĐ 20/2020, the present one first."""
        former = tuple(each.value for each in self.past if each.what == "identifier")
        return tuple(dict.fromkeys((self.facts.identifier, *former)))

    @property
    def ever_held(self) -> set[str]:
        """Every identifier, new and old, that it has or had."""
        former = {each.value for each in self.past if each.what in ("identifier", "old_identifier")}
        return former | {each for each in (self.facts.identifier, self.facts.old_identifier) if each}

    def open_on(self, day: date) -> bool:
        return self.facts.period.has(day)

    def since(self, what: What) -> date:
        """From when on what stands now has held."""
        ended = [each.period.until for each in self.past if each.what == what and each.period.until]
        return max(ended) + timedelta(days=1) if ended else self.facts.period.start

    def on(self, what: What, day: date) -> str | None:
        """What it was on that day; after its end, what it was at the end. Raises Rejected(agency_not_yet)."""
        if day < self.facts.period.start:
            since = self.facts.period.start.isoformat()
            raise Rejected(AGENCY_NOT_YET, agency=self.name, since=since, day=day.isoformat())
        former = [each.value for each in self.past if each.what == what and each.period.has(day)]
        return (former[0] or None) if former else _now(self.facts, what)


def establish(agency_id: UUID, facts: AgencyFacts, parent: Agency | None) -> tuple[Agency, AgencyStated]:
    agency = Agency(agency_id, _checked(facts, parent))
    return agency, state(agency)


def change(before: Agency, facts: AgencyFacts, parent: Agency | None) -> tuple[Agency, AgencyStated | None]:
    """The agency as it is said to be now, as a correction; nothing is stated when that is what it was."""
    if (facts.identifier, facts.level) != (before.facts.identifier, before.facts.level):
        raise Rejected(IDENTIFIER_FIXED)
    # A child that kept its identifier when its parent got a new one stays where it is.
    moved = facts.parent_id != before.facts.parent_id
    after = _checked(facts, parent if moved else None)
    if after == before.facts:
        return before, None
    agency = replace(before, facts=after, version=before.version + 1)
    return agency, state(agency)


def turn(
    before: Agency, said: Turn, parent: Agency | None, *, above: frozenset[UUID], today: date
) -> tuple[Agency, AgencyStated]:
    """Another name, identifier or parent from a day on; what was, stays on record with its last day.

    `parent` is the new one, or the present one when it stays; `above` are the ids of it and of all above it.
    """
    if said.day > today:
        raise Rejected(CHANGE_AHEAD, day=said.day.isoformat())
    if not before.open_on(said.day):
        raise Rejected(AGENCY_ENDED, agency=before.name, day=said.day.isoformat())
    require_no_circle(before, parent, above)
    wanted = {
        "name": clean(said.name) if said.name else before.facts.name,
        "identifier": said.identifier or before.facts.identifier,
        "old_identifier": said.old_identifier or before.facts.old_identifier,
        "parent_id": said.parent_id or before.facts.parent_id,
    }
    facts = replace(before.facts, **wanted)  # type: ignore[arg-type]
    where = (facts.identifier, facts.parent_id)
    after = _checked(facts, parent if where != (before.facts.identifier, before.facts.parent_id) else None)
    ended = tuple(_ended(before, what, said) for what in WHATS if _now(after, what) != _now(before.facts, what))
    if not ended:
        raise Rejected(CHANGE_EMPTY)
    agency = replace(before, facts=after, version=before.version + 1, past=before.past + ended)
    return agency, state(agency)


def require_no_circle(agency: Agency, parent: Agency | None, above: frozenset[UUID]) -> None:
    """`above` are the ids of the parent and of all above it. Raises Rejected(agency_parent_circle)."""
    if parent is not None and agency.id in above:
        raise Rejected(PARENT_CIRCLE, parent=parent.name)


def _ended(before: Agency, what: What, said: Turn) -> Past:
    since = before.since(what)
    if said.day <= since:
        raise Rejected(CHANGE_TOO_EARLY, since=since.isoformat(), day=said.day.isoformat())
    value = _now(before.facts, what) or ""
    return Past(what, value, Period(since, said.day - timedelta(days=1)), clean(said.decision) or None)


def succeeded(before: Agency, successors: tuple[UUID, ...], last_day: date) -> tuple[Agency, AgencyStated]:
    """It ends with that day, and others come after it."""
    facts = replace(before.facts, period=Period(before.facts.period.start, last_day))
    agency = replace(before, facts=facts, successor_ids=successors, version=before.version + 1)
    return agency, state(agency)


def succeeds(before: Agency, predecessors: tuple[UUID, ...]) -> tuple[Agency, AgencyStated]:
    """It comes after others."""
    known = tuple(dict.fromkeys((*before.predecessor_ids, *predecessors)))
    agency = replace(before, predecessor_ids=known, version=before.version + 1)
    return agency, state(agency)


WHATS: tuple[What, ...] = ("name", "identifier", "old_identifier", "parent")


def _now(facts: AgencyFacts, what: What) -> str | None:
    if what == "parent":
        return str(facts.parent_id) if facts.parent_id else None
    value: str | None = getattr(facts, what)
    return value


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
    # Left to right is top to down, so an identifier of the parent, present or former, begins its children's.
    if parent is not None and not facts.identifier.startswith(tuple(f"{each}." for each in parent.identifiers)):
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
        former_names=tuple(
            FormerName(name=each.value, valid_from=each.period.start, valid_until=_until(each))
            for each in agency.past
            if each.what == "name"
        ),
        former_identifiers=tuple(
            FormerIdentifier(identifier=each.value, valid_from=each.period.start, valid_until=_until(each))
            for each in agency.past
            if each.what in ("identifier", "old_identifier") and each.value
        ),
        predecessor_ids=agency.predecessor_ids,
        successor_ids=agency.successor_ids,
    )


def _until(past: Past) -> date:
    return past.period.until or date.max
