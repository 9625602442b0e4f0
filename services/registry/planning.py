"""What importing a spreadsheet would do: every row against the directory as it is, by the same rules as an entry by hand.

Pure: nothing is written. The same book on the same directory gives the same plan, and its digest says so, although the
ids of what is new differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID

from services.registry.agency import Agency
from services.registry.cells import COLUMNS, Cell, Cells
from services.registry.columns import Sheet
from services.registry.person import Person
from services.registry.refusals import ROW_REPEATED
from services.registry.scope import Scope
from services.registry.sheets import MAX_ERRORS, Book, RowError, SheetRow
from services.registry.unit import Unit
from shared.errors import Rejected
from shared.events import Event

State = Literal["new", "changed", "same"]

# Which column a refusal of the rules is about.
ABOUT = {
    "identifier_invalid": "identifier",
    "identifier_taken": "identifier",
    "identifier_fixed": "level",
    "identifier_not_under_parent": "parent",
    "agency_parent_circle": "parent",
    "old_identifier_invalid": "old_identifier",
    "partner_and_level_disagree": "partner",
    "name_missing": "name",
    "email_invalid": "email",
    "period_inverted": "valid_until",
    "agency_change_ahead": "changed_from",
    "agency_change_too_early": "changed_from",
    "agency_ended": "changed_from",
    "unit_code_invalid": "code",
    "unit_parent_not_suitable": "parent",
    "unit_outside_agency": "valid_from",
    "login_invalid": "login",
    "post_title_missing": "title",
    "post_agency_not_suitable": "agency",
    "post_unit_not_suitable": "unit_code",
    "officer_agency_not_suitable": "roles",
    "role_not_yours": "roles",
}


@dataclass(slots=True)
class Directory:
    """Agencies, units and people as they are, by id and log-in; `held`: whose an identifier is or was."""

    agencies: dict[UUID, Agency] = field(default_factory=dict)
    units: dict[UUID, Unit] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    held: dict[str, UUID] = field(default_factory=dict)
    codes: dict[tuple[UUID, str], UUID] = field(default_factory=dict)

    def agency(self, identifier: str) -> Agency | None:
        """By any identifier that it has or had."""
        return self.agencies.get(self.held[identifier]) if identifier in self.held else None

    def unit(self, agency_id: UUID, code: str) -> Unit | None:
        found = self.codes.get((agency_id, code))
        return self.units[found] if found else None

    def keep_agency(self, agency: Agency) -> None:
        self.agencies[agency.id] = agency
        self.held.update(dict.fromkeys(agency.ever_held, agency.id))

    def keep_unit(self, unit: Unit) -> None:
        self.units[unit.id] = unit
        self.codes[unit.facts.agency_id, unit.facts.code] = unit.id


@dataclass(frozen=True, slots=True)
class Field:
    """One thing of a row as it was and as it would be; empty: nothing."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What one row, or one person's rows, would do."""

    sheet: Sheet
    row: int
    name: str
    state: State
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class ActSaid:
    """One act for the ledger."""

    act: str
    kind: str
    id: UUID
    detail: dict[str, str]


@dataclass(frozen=True, slots=True)
class Officer:
    """Who imports: what they oversee, and when."""

    scope: Scope
    person_id: UUID | None
    today: date


@dataclass(slots=True)
class Plan:
    """The outcome, as counts and entries; what to save, in order; what to state."""

    directory: Directory
    by: Officer
    entries: list[Entry] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    agencies: dict[UUID, Agency] = field(default_factory=dict)
    units: dict[UUID, Unit] = field(default_factory=dict)
    people: dict[UUID, Person] = field(default_factory=dict)
    stated: dict[tuple[str, str], Event] = field(default_factory=dict)
    acts: list[ActSaid] = field(default_factory=list)
    counts: dict[Sheet, dict[State, int]] = field(default_factory=dict)
    _same: hashlib._Hash = field(default_factory=hashlib.sha256)

    def begin(self, book: Book) -> None:
        self.errors += book.errors
        self.counts = {sheet: {"new": 0, "changed": 0, "same": 0} for sheet in book.sheets}

    def note(self, entry: Entry) -> None:
        self.counts[entry.sheet][entry.state] += 1
        fields = [(each.name, each.before, each.after) for each in entry.fields]
        line = json.dumps([entry.sheet, entry.row, entry.name, entry.state, fields], ensure_ascii=False)
        self._same.update(line.encode())
        if entry.state != "same":
            self.entries.append(entry)

    def refuse(self, sheet: Sheet, row: int, column: str | None, error: Rejected) -> None:
        if len(self.errors) < MAX_ERRORS:
            name = column if column is not None else ABOUT.get(error.code)
            known = COLUMNS[sheet].get(name) if name else None
            self.errors.append(RowError.of(sheet, row, known.vi if known else None, error))

    def state_as(self, event: Event) -> None:
        """The last state of a key counts: an agency that is turned and corrected is stated once."""
        self.stated[event.topic, event.key] = event

    def take(self, sheet: Sheet, rows: Iterable[SheetRow], one: Callable[[SheetRow], None]) -> None:
        """Every row is tried, and of one that fails every cell, so that all that is wrong is said at once."""
        for row in rows:
            try:
                one(row)
            except Cell as cell:
                self.refuse(sheet, row.number, cell.column, cell.error)
                self._refuse_cells(sheet, row, cell.column)
            except Rejected as error:
                self.refuse(sheet, row.number, None, error)
                self._refuse_cells(sheet, row, ABOUT.get(error.code))

    def _refuse_cells(self, sheet: Sheet, row: SheetRow, said: str | None) -> None:
        """Beside what was `said` of one column."""
        for cell in Cells(sheet, row.cells).wrong():
            if cell.column != said:
                self.refuse(sheet, row.number, cell.column, cell.error)

    @property
    def digest(self) -> str:
        return self._same.hexdigest()

    @property
    def size(self) -> int:
        return sum(sum(each.values()) for each in self.counts.values())


def parents_first(
    rows: Iterable[SheetRow], name: Callable[[SheetRow], object], parent: Callable[[SheetRow], object]
) -> list[SheetRow]:
    """Rows so that one which names another as its parent comes after it; a circle comes last, as it stands."""
    waiting = list(rows)
    absent = {name(row) for row in waiting}
    ordered: list[SheetRow] = []
    while waiting:
        later = [row for row in waiting if parent(row) in absent and parent(row) != name(row)]
        ready = [row for row in waiting if parent(row) not in absent or parent(row) == name(row)]
        if not ready:
            return ordered + later
        ordered += ready
        absent -= {name(row) for row in ready}
        waiting = later
    return ordered


class Seen:
    """Refuses what the file says twice."""

    def __init__(self) -> None:
        self.keys: dict[object, int] = {}

    def add(self, key: object, name: str) -> None:
        if key in self.keys:
            raise Rejected(ROW_REPEATED, name=name)
        self.keys[key] = 1


def differences(before: dict[str, str], after: dict[str, str]) -> tuple[Field, ...]:
    names = dict.fromkeys((*before, *after))
    pairs = [Field(name, before.get(name, ""), after.get(name, "")) for name in names]
    return tuple(each for each in pairs if each.before != each.after)
