"""The directory as CSV and XLSX, with the columns of the import: what is exported can be imported and changes nothing.

A text that a spreadsheet program would compute (it begins with = + - @) gets an apostrophe in front; import takes it away.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from uuid import UUID

from services.registry.agency import Agency
from services.registry.columns import FUNCTIONS, LEVELS, ROLES, SHEETS, TITLES, YES_NO, Column, Sheet
from services.registry.period import Period
from services.registry.person import Person, Post
from services.registry.planning import Directory
from services.registry.scope import EVERYWHERE, Scope

DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
Value = str | date | float | None
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"


def csv_of(sheet: Sheet, directory: Directory, scope: Scope) -> bytes:
    """UTF-8 with a mark, which spreadsheet programs need to see that it is UTF-8."""
    return _csv(sheet, rows_of(sheet, directory, scope))


def xlsx_of(wanted: tuple[Sheet, ...], directory: Directory, scope: Scope) -> bytes:
    return workbook({sheet: rows_of(sheet, directory, scope) for sheet in wanted})


def template_csv(sheet: Sheet) -> bytes:
    return _csv(sheet, iter([_example(sheet)]))


def template_xlsx() -> bytes:
    return workbook({sheet: iter([_example(sheet)]) for sheet in SHEETS})


def rows_of(sheet: Sheet, directory: Directory, scope: Scope) -> Iterator[dict[str, Value]]:
    """The rows of the agencies in scope, by identifier; people by log-in, with their posts at these agencies."""
    inside = {each.id for each in directory.agencies.values() if scope.covers(each.facts.identifier)}
    if sheet == "agencies":
        there = (each for each in directory.agencies.values() if each.id in inside)
        for agency in sorted(there, key=lambda each: each.facts.identifier):
            yield _agency(agency, directory)
    elif sheet == "units":
        yield from _units(directory, inside)
    else:
        for login in sorted(directory.people):
            yield from _person(directory.people[login], directory, None if scope == EVERYWHERE else inside)


def _agency(agency: Agency, directory: Directory) -> dict[str, Value]:
    facts = agency.facts
    return {
        "identifier": facts.identifier,
        "old_identifier": facts.old_identifier,
        "name": facts.name,
        "parent": directory.agencies[facts.parent_id].facts.identifier if facts.parent_id else None,
        "level": LEVELS[facts.level],
        "partner": facts.partner,
        "email": facts.email,
        "seal_mm": facts.seal_mm,
        **_dates(facts.period),
    }


def _units(directory: Directory, inside: set[UUID]) -> Iterator[dict[str, Value]]:
    def place(unit_id: UUID) -> tuple[str, str]:
        unit = directory.units[unit_id]
        return directory.agencies[unit.facts.agency_id].facts.identifier, unit.facts.code

    for unit_id in sorted((each.id for each in directory.units.values() if each.facts.agency_id in inside), key=place):
        facts = directory.units[unit_id].facts
        yield {
            "agency": directory.agencies[facts.agency_id].facts.identifier,
            "code": facts.code,
            "name": facts.name,
            "parent": directory.units[facts.parent_id].facts.code if facts.parent_id else None,
            **_dates(facts.period),
        }


def _person(who: Person, directory: Directory, inside: set[UUID] | None) -> Iterator[dict[str, Value]]:
    facts = who.facts
    own: dict[str, Value] = {
        "login": facts.login,
        "name": facts.name,
        "email": facts.email,
        "active": YES_NO["yes" if facts.active else "no"],
    }
    posts = [post for post in facts.posts if inside is None or post.agency_id in inside]
    for post in posts:
        yield own | _post(post, directory)
    if inside is None and not posts:
        yield own


def _post(post: Post, directory: Directory) -> dict[str, Value]:
    return {
        "agency": directory.agencies[post.agency_id].facts.identifier,
        "unit_code": directory.units[post.unit_id].facts.code if post.unit_id else None,
        "unit": post.unit,
        "title": post.title,
        "roles": ", ".join(ROLES[role] for role in post.roles),
        "function": FUNCTIONS[post.function] if post.function else None,
        **_dates(post.period),
    }


def _dates(period: Period) -> dict[str, Value]:
    return {"valid_from": period.start, "valid_until": period.until}


def _example(sheet: Sheet) -> dict[str, Value]:
    def value(column: Column) -> Value:
        return date.fromisoformat(column.example) if column.holds == "date" and column.example else column.example

    return {column.name: value(column) for column in SHEETS[sheet]}


def _csv(sheet: Sheet, rows: Iterator[dict[str, Value]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.vi for column in SHEETS[sheet]])
    for row in rows:
        writer.writerow([_plain(row.get(column.name)) for column in SHEETS[sheet]])
    return out.getvalue().encode("utf-8-sig")


def _plain(value: Value) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:g}"
    return _harmless(value or "")


def _harmless(text: str) -> str:
    return f"'{text}" if DANGEROUS.match(text) else text


def workbook(sheets: dict[Sheet, Iterator[dict[str, Value]]]) -> bytes:
    """XLSX with our headers over the rows; dates as dates."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    for sheet, rows in sheets.items():
        page = book.create_sheet(TITLES[sheet])
        page.freeze_panes = "A2"
        for at, column in enumerate(SHEETS[sheet]):
            page.column_dimensions[chr(ord("A") + at)].width = max(14, len(column.vi) + 2)
        header = [WriteOnlyCell(page, column.vi) for column in SHEETS[sheet]]
        for cell in header:
            cell.font = Font(bold=True)
        page.append(header)
        for row in rows:
            values = [row.get(column.name) for column in SHEETS[sheet]]
            page.append([_harmless(value) if isinstance(value, str) else value for value in values])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
