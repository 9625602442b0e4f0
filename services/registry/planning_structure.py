"""The rows of agencies and units in a plan. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

from services.registry import agency as rules
from services.registry import unit as unit_rules
from services.registry.agency import Agency, AgencyFacts, Turn
from services.registry.cells import Cell, Cells, at, write_day
from services.registry.period import Period
from services.registry.planning import ActSaid, Entry, Plan, Seen, differences, parents_first
from services.registry.refusals_import import (
    DECISION_MISSING,
    FORMER_IDENTIFIER,
    PARTNER_INVALID,
    UNKNOWN_AGENCY,
    UNKNOWN_UNIT,
)
from services.registry.rights import check_agency
from services.registry.sheets import SheetRow
from services.registry.unit import Unit, UnitFacts
from shared.errors import Rejected
from shared.ids import new_id

PARTNER = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")


def plan_agencies(plan: Plan, rows: list[SheetRow]) -> None:
    seen = Seen()
    ordered = parents_first(rows, lambda row: row.cells.get("identifier"), lambda row: row.cells.get("parent"))
    plan.take("agencies", ordered, lambda row: _agency(plan, seen, row))


def plan_units(plan: Plan, rows: list[SheetRow]) -> None:
    seen = Seen()

    def named(row: SheetRow) -> object:
        return row.cells.get("agency"), row.cells.get("code")

    def above(row: SheetRow) -> object:
        return row.cells.get("agency"), row.cells.get("parent")

    plan.take("units", parents_first(rows, named, above), lambda row: _unit(plan, seen, row))


# --- agencies


def _agency(plan: Plan, seen: Seen, row: SheetRow) -> None:
    cells = Cells("agencies", row.cells)
    identifier = cells.text("identifier")
    before = _before(plan, cells, identifier)
    seen.add(identifier, identifier)
    if before is not None:
        seen.add(before.id, identifier)
    start = cells.first_day("valid_from")
    parent = _parent(plan, cells, before)
    turned = _turned(plan, cells, before, parent, identifier) if before else None
    held = turned or before
    facts = _facts(cells, held, identifier, parent)
    facts = replace(facts, period=Period(start, facts.period.until))
    if held is None:
        made, stated = rules.establish(new_id(), facts, parent)
        check_agency(plan.by.scope, made.facts)
        _check_free(plan, made)
        _keep(plan, made, "establish_agency", {})
        plan.state_as(stated)
        plan.note(Entry("agencies", row.number, identifier, "new", differences({}, _said(plan, made))))
        return
    rules.require_no_circle(held, parent, _above(plan, facts.parent_id))
    after, stated_or_not = rules.change(held, facts, parent)
    fields = differences(_said(plan, before), _said(plan, after)) if before else ()
    if after == before:
        plan.note(Entry("agencies", row.number, identifier, "same", ()))
        return
    check_agency(plan.by.scope, after.facts)
    if before is not None:
        check_agency(plan.by.scope, before.facts)
    _check_free(plan, after)
    if turned is not None:
        said = {"day": cells.given["changed_from"], "decision": cells.given["decision"]}
        _keep(plan, turned, "turn_agency", said)
    if stated_or_not is not None:
        _keep(plan, after, "change_agency", {})
    plan.state_as(rules.state(after))
    plan.note(Entry("agencies", row.number, identifier, "changed", fields))


def _before(plan: Plan, cells: Cells, identifier: str) -> Agency | None:
    """By its identifier, or by the one that the row says it had before."""
    former = cells.said("former_identifier")
    found = plan.directory.agency(identifier)
    if found is None and former:
        found = plan.directory.agency(former)
        if found is None:
            raise Cell("former_identifier", Rejected(UNKNOWN_AGENCY, identifier=former))
        if former not in (found.facts.identifier, found.facts.old_identifier):
            raise Cell("former_identifier", _moved_on(former, found))
        return found
    if found is not None and found.facts.identifier != identifier:
        raise Cell("identifier", _moved_on(identifier, found))
    return found


def _moved_on(identifier: str, found: Agency) -> Rejected:
    return Rejected(FORMER_IDENTIFIER, identifier=identifier, agency=found.name, now=found.facts.identifier)


def _parent(plan: Plan, cells: Cells, before: Agency | None) -> Agency | None:
    if "parent" not in cells.given:
        return plan.directory.agencies.get(before.facts.parent_id) if before and before.facts.parent_id else None
    identifier = cells.said("parent")
    if identifier is None:
        return None
    found = plan.directory.agency(identifier)
    if found is None:
        raise Cell("parent", Rejected(UNKNOWN_AGENCY, identifier=identifier))
    return found


def _turned(plan: Plan, cells: Cells, before: Agency, parent: Agency | None, identifier: str) -> Agency | None:
    """The agency after the dated change that the row names; None when it names none, or has it already."""
    day = cells.day("changed_from")
    if day is None:
        if identifier != before.facts.identifier:
            raise Cell("changed_from", Rejected(DECISION_MISSING))
        return None
    decision = cells.said("decision")
    if not decision:
        raise Cell("decision", Rejected(DECISION_MISSING))
    said = Turn(
        day=day,
        decision=decision,
        name=cells.text("name"),
        identifier=identifier,
        old_identifier=cells.said("old_identifier"),
        parent_id=parent.id if parent else None,
    )
    facts = before.facts
    now = (
        facts.name,
        facts.identifier,
        said.old_identifier and facts.old_identifier,
        said.parent_id and facts.parent_id,
    )
    if now == (said.name, said.identifier, said.old_identifier, said.parent_id):
        return None
    above = _above(plan, said.parent_id or facts.parent_id)
    return rules.turn(before, said, parent, above=above, today=plan.by.today)[0]


def _facts(cells: Cells, held: Agency | None, identifier: str, parent: Agency | None) -> AgencyFacts:
    old = held.facts if held else None
    partner = cells.said("partner", old.partner if old else None)
    if partner and not PARTNER.fullmatch(partner):
        raise Cell("partner", Rejected(PARTNER_INVALID, value=partner[:40]))
    start = cells.first_day("valid_from")
    until = cells.day("valid_until", old.period.until if old else None)
    return AgencyFacts(
        identifier=identifier,
        old_identifier=cells.said("old_identifier", old.old_identifier if old else None),
        name=cells.text("name"),
        parent_id=parent.id if parent else None,
        level=cells.level("level"),
        partner=partner,
        email=cells.said("email", old.email if old else None),
        seal_mm=cells.number("seal_mm", old.seal_mm if old else 36.0, low=10, high=80),
        period=at("valid_until", lambda: Period(start, until)),
    )


def _check_free(plan: Plan, agency: Agency) -> None:
    for identifier in agency.ever_held:
        if plan.directory.held.get(identifier, agency.id) != agency.id:
            owner = plan.directory.agencies[plan.directory.held[identifier]]
            column = "identifier" if identifier == agency.facts.identifier else "old_identifier"
            raise Cell(column, _moved_on(identifier, owner))


def _above(plan: Plan, agency_id: UUID | None) -> frozenset[UUID]:
    found: set[UUID] = set()
    while agency_id is not None and agency_id not in found:
        found.add(agency_id)
        known = plan.directory.agencies.get(agency_id)
        agency_id = known.facts.parent_id if known else None
    return frozenset(found)


def _keep(plan: Plan, agency: Agency, act: str, detail: dict[str, str]) -> None:
    plan.directory.keep_agency(agency)
    plan.agencies[agency.id] = agency
    plan.acts.append(ActSaid(act, "agency", agency.id, {"identifier": agency.facts.identifier, **detail}))


def _said(plan: Plan, agency: Agency) -> dict[str, str]:
    facts = agency.facts
    parent = plan.directory.agencies.get(facts.parent_id) if facts.parent_id else None
    last = agency.past[-1] if agency.past else None
    return {
        "identifier": facts.identifier,
        "old_identifier": facts.old_identifier or "",
        "name": facts.name,
        "parent": parent.facts.identifier if parent else "",
        "level": facts.level,
        "partner": facts.partner or "",
        "email": facts.email or "",
        "seal_mm": f"{facts.seal_mm:g}",
        "valid_from": write_day(facts.period.start),
        "valid_until": write_day(facts.period.until),
        "changed_from": write_day(agency.since(last.what)) if last else "",
        "decision": (last.decision or "") if last else "",
    }


# --- units


def _unit(plan: Plan, seen: Seen, row: SheetRow) -> None:
    cells = Cells("units", row.cells)
    identifier, code = cells.text("agency"), cells.text("code")
    agency = plan.directory.agency(identifier)
    if agency is None:
        raise Cell("agency", Rejected(UNKNOWN_AGENCY, identifier=identifier))
    seen.add((agency.id, code), f"{identifier} · {code}")
    before = plan.directory.unit(agency.id, code)
    parent = _unit_parent(plan, cells, agency, before)
    start, until = (
        cells.first_day("valid_from"),
        cells.day("valid_until", before.facts.period.until if before else None),
    )
    facts = UnitFacts(
        agency_id=agency.id,
        code=code,
        name=cells.text("name"),
        parent_id=parent.id if parent else None,
        period=at("valid_until", lambda: Period(start, until)),
    )
    name = f"{identifier} · {code}"
    if before is None:
        after = unit_rules.set_up(new_id(), facts, agency, parent)
    else:
        above = _units_above(plan, facts.parent_id)
        after = unit_rules.change(before, facts, agency, parent, above=above)
    if after is before:
        plan.note(Entry("units", row.number, name, "same", ()))
        return
    at("agency", lambda: plan.by.scope.require(agency))
    plan.directory.keep_unit(after)
    plan.units[after.id] = after
    detail = {"code": code, "agency_id": str(agency.id)}
    plan.acts.append(ActSaid("change_unit" if before else "set_up_unit", "unit", after.id, detail))
    fields = differences(_unit_said(plan, before) if before else {}, _unit_said(plan, after))
    plan.note(Entry("units", row.number, name, "changed" if before else "new", fields))


def _unit_parent(plan: Plan, cells: Cells, agency: Agency, before: Unit | None) -> Unit | None:
    if "parent" not in cells.given:
        return plan.directory.units.get(before.facts.parent_id) if before and before.facts.parent_id else None
    code = cells.said("parent")
    if code is None:
        return None
    found = plan.directory.unit(agency.id, code)
    if found is None:
        raise Cell("parent", Rejected(UNKNOWN_UNIT, agency=agency.facts.identifier, code=code))
    return found


def _units_above(plan: Plan, unit_id: UUID | None) -> frozenset[UUID]:
    found: set[UUID] = set()
    while unit_id is not None and unit_id not in found:
        found.add(unit_id)
        known = plan.directory.units.get(unit_id)
        unit_id = known.facts.parent_id if known else None
    return frozenset(found)


def _unit_said(plan: Plan, unit: Unit) -> dict[str, str]:
    facts = unit.facts
    parent = plan.directory.units.get(facts.parent_id) if facts.parent_id else None
    return {
        "code": facts.code,
        "name": facts.name,
        "parent": parent.facts.code if parent else "",
        "valid_from": write_day(facts.period.start),
        "valid_until": write_day(facts.period.until),
    }
