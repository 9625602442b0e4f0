"""The file list (danh mục hồ sơ) of an agency and year: its lines, and the list as a sheet (NĐ 30 annex V). No IO."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.docs.sheets import Column, Sheet
from services.docs.workfile import refusals
from services.docs.workfile.domain import Place
from shared.errors import Rejected
from shared.events import Actor

CODE = re.compile(r"\d{1,4}\.[^\W\d_](?:[^\W_]|[-.&]){0,18}")  # FileNotation has 20 characters
PERMANENT = ("vĩnh viễn", "vv", "permanent")
MOST_LINES = 5000
# The decree's columns, and two that the retention of law 33/2024 needs.
HEADS = ("Số và ký hiệu hồ sơ", "Đề mục", "Tiêu đề hồ sơ", "Thời hạn bảo quản", "Căn cứ", "Người lập hồ sơ", "Ghi chú")
COLUMNS = tuple(Column(head, width) for head, width in zip(HEADS, (22, 40, 80, 22, 35, 35, 30), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the list. `years`: how long its files are kept; none: for ever."""

    id: UUID
    code: str
    heading: str
    title: str
    years: int | None
    basis: str
    person: str
    note: str = ""
    ended: bool = False

    @property
    def place(self) -> Place:
        return Place(self.code, self.heading, self.years, self.basis, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileList:
    """The list of a year. Without approval nothing is opened under it."""

    agency_id: UUID
    year: int
    lines: tuple[Line, ...]
    drafted_by: Actor
    approved_by: Actor | None = None
    approved_at: datetime | None = None
    basis: str | None = None
    version: int = 0

    def line(self, line_id: UUID) -> Line | None:
        return next((each for each in self.lines if each.id == line_id), None)


def check(lines: Sequence[Line]) -> None:
    """Every line has a code of its own, well-formed, and a lawful retention."""
    if not lines:
        raise Rejected(refusals.LIST_EMPTY)
    seen: set[str] = set()
    for each in lines:
        if not CODE.fullmatch(each.code) or len(each.code) > 20:
            raise Rejected(refusals.CODE_MALFORMED, code=each.code)
        if each.code.casefold() in seen:
            raise Rejected(refusals.CODE_TWICE, code=each.code)
        seen.add(each.code.casefold())
        if each.years is not None and not 2 <= each.years <= 70:
            raise Rejected(refusals.YEARS_WRONG, code=each.code, years=each.years)


def amend(before: FileList, lines: Sequence[Line]) -> None:
    """During the year lines are added, corrected and ended; of an approved list none disappears or becomes another."""
    check(lines)
    if before.approved_at is None:
        return
    after = {each.id: each for each in lines}
    for each in before.lines:
        if each.id not in after or after[each.id].code != each.code:
            raise Rejected(refusals.LINE_KEPT, code=each.code)


def place_under(found: FileList | None, line_id: UUID, year: int) -> Line:
    """The line that a file is opened under."""
    if found is None or found.approved_at is None:
        raise Rejected(refusals.LIST_NOT_APPROVED, year=year)
    line = found.line(line_id)
    if line is None:
        raise Rejected(refusals.LIST_NOT_APPROVED, year=year)
    if line.ended:
        raise Rejected(refusals.LINE_ENDED, code=line.code)
    return line


def retention(years: int | None) -> str:
    return "Vĩnh viễn" if years is None else f"{years} năm"


def years_of(text: str, code: str) -> int | None:
    """What a spreadsheet's cell says: "Vĩnh viễn", "20 năm", "20"."""
    said = " ".join(text.casefold().split())
    if said in PERMANENT:
        return None
    number = re.fullmatch(r"(\d{1,3})(?:\.0)?(?: năm)?", said)
    if number is None:
        raise Rejected(refusals.YEARS_WRONG, code=code, years=text[:30])
    return int(number[1])


def sheet(found: FileList, agency: str) -> Sheet:
    approved = (
        f"Duyệt: {found.approved_by.name}, {found.approved_at:%d/%m/%Y}{f', {found.basis}' if found.basis else ''}"
        if found.approved_at and found.approved_by
        else "Dự thảo, chưa được duyệt"
    )
    rows = [
        (
            e.code,
            e.heading,
            e.title,
            retention(e.years),
            e.basis,
            e.person,
            f"{e.note}{' (thôi dùng)' if e.ended else ''}",
        )
        for e in found.lines
    ]
    return Sheet(f"DANH MỤC HỒ SƠ NĂM {found.year}", f"{agency}. {approved}.", COLUMNS, rows)


def columns_of(head: Sequence[str]) -> list[int]:
    """Where the decree's columns stand in a sheet's first line; the two that may be missing are -1."""
    said = [" ".join(str(cell or "").casefold().split()) for cell in head]
    places = []
    for name in HEADS:
        place = said.index(name.casefold()) if name.casefold() in said else -1
        if place < 0 and name not in ("Căn cứ", "Ghi chú", "Đề mục"):
            raise Rejected(refusals.LIST_SHEET_BROKEN, column=name)
        places.append(place)
    return places


def rows_of(rows: Iterable[Sequence[object]]) -> list[dict[str, object]]:
    """Lines of a sheet as the API's body has them; empty ones are left out."""
    iterator = iter(rows)
    places = columns_of([str(cell or "") for cell in next(iterator, ())])
    found: list[dict[str, object]] = []
    for row in iterator:
        cells = [
            str(row[n]).strip().removeprefix("'") if 0 <= n < len(row) and row[n] is not None else "" for n in places
        ]
        if not any(cells):
            continue
        code, heading, title, years, basis, person, note = cells
        found.append(
            {
                "code": code,
                "heading": heading,
                "title": title,
                "years": years_of(years, code),
                "basis": basis,
                "person": person,
                "note": note.removesuffix(" (thôi dùng)").removesuffix("(thôi dùng)"),
                "ended": note.endswith("(thôi dùng)"),
            }
        )
        if len(found) > MOST_LINES:
            break
    return found
