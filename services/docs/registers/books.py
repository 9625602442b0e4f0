"""The books of NĐ 30 annex IV: their columns, and a line of a book from what is known of a document. Pure.

The same lines stand on the screen, in the PDF to print and bind, and in the spreadsheet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args
from uuid import UUID

from services.docs.catalogue import STATUSES
from services.docs.numbering import PAPER_ZONE
from services.docs.registers.domain import Kind as RegisterKind
from services.docs.registers.domain import Plan, Register
from services.docs.registers.refusals import BOOK_KIND_WRONG, BOOK_PERIOD_WRONG
from services.docs.workdays import Calendar
from shared.errors import Rejected

Kind = Literal["out", "copies", "in", "follow_up", "transfer"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_NAMES = 12  # recipients named in a line; of a dispatch to all agencies the rest is counted
MOST_LINES = 250_000  # of one printed book
RECEIVED = ("03", "04", "05", "06")
WITHHELD = "(Hạn chế tiếp cận: chỉ người được giao và văn thư xem được)"


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in mm; those of a book fill the 267 mm that A4 across has between its margins."""

    head: str
    width: float


@dataclass(frozen=True, slots=True)
class Book:
    """One kind of book. `registers`: of which kinds it prints the lines, none for what was sent."""

    title: str
    columns: tuple[Column, ...]
    registers: tuple[RegisterKind, ...]


_OUT = (
    Column("Số, ký hiệu văn bản", 28),
    Column("Ngày tháng văn bản", 20),
    Column("Tên loại và trích yếu nội dung văn bản", 64),
    Column("Người ký", 26),
    Column("Nơi nhận văn bản", 42),
    Column("Đơn vị, người nhận bản lưu", 22),
    Column("Số lượng bản", 13),
    Column("Ngày chuyển", 19),
    Column("Ký nhận", 15),
    Column("Ghi chú", 18),
)
BOOKS: Mapping[Kind, Book] = {
    "out": Book("SỔ ĐĂNG KÝ VĂN BẢN ĐI", _OUT, ("out", "legal", "council", "secret_out")),
    "copies": Book("SỔ ĐĂNG KÝ BẢN SAO", _OUT, ("copy",)),
    "in": Book(
        "SỔ ĐĂNG KÝ VĂN BẢN ĐẾN",
        (
            Column("Ngày đến", 20),
            Column("Số đến", 12),
            Column("Tác giả", 38),
            Column("Số, ký hiệu văn bản", 28),
            Column("Ngày tháng văn bản", 20),
            Column("Tên loại và trích yếu nội dung văn bản", 62),
            Column("Đơn vị hoặc người nhận", 28),
            Column("Ngày chuyển", 19),
            Column("Ký nhận", 18),
            Column("Ghi chú", 22),
        ),
        ("in", "secret_in"),
    ),
    "follow_up": Book(
        "SỔ THEO DÕI GIẢI QUYẾT VĂN BẢN ĐẾN",
        (
            Column("Số đến", 16),
            Column("Tên loại, số và ký hiệu, ngày tháng và tác giả văn bản", 86),
            Column("Đơn vị hoặc người nhận", 38),
            Column("Thời hạn giải quyết", 22),
            Column("Tiến độ giải quyết", 38),
            Column("Số, ký hiệu văn bản trả lời", 36),
            Column("Ghi chú", 31),
        ),
        ("in",),
    ),
    "transfer": Book(
        "SỔ CHUYỂN GIAO VĂN BẢN",
        (
            Column("Ngày chuyển", 26),
            Column("Số, ký hiệu văn bản", 42),
            Column("Nơi nhận văn bản", 82),
            Column("Số lượng bì", 20),
            Column("Ký nhận", 50),
            Column("Ghi chú", 47),
        ),
        (),
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a book, one text a column. `subject`: the document or arrived document, where there is one to open."""

    cells: tuple[str, ...]
    void: bool = False
    subject: tuple[Literal["document", "incoming"], UUID] | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A year's numbers, or those entered on some of its days."""

    year: int
    since: date | None = None
    until: date | None = None


def period(year: int, since: date | None, until: date | None) -> Period:
    """Raises Rejected(book_period_wrong)."""
    if (since and until and since > until) or not 2000 <= year <= 2999:
        raise Rejected(BOOK_PERIOD_WRONG, since=since or year, until=until or year)
    return Period(year, since, until)


def register_of(kind: Kind, plan: Plan, code: str | None) -> Register | None:
    """The register whose lines are asked for, the first of its kind when none is named; None for what was sent."""
    book = BOOKS[kind]
    if not book.registers:
        return None
    if code is None:
        return plan.of(*book.registers)[0]
    found = plan.get(code)
    if found.kind not in book.registers:
        raise Rejected(BOOK_KIND_WRONG, code=code)
    return found


# --- lines


def line(kind: Kind, row: Mapping[str, Any], calendar: Calendar, today: date) -> Line:
    """From a row of the store; by the calendar what is late, and by how much, as of `today`. Of what is restricted others
    see the number and nothing else: the series shows no gap.
    """
    if kind == "follow_up":
        return _follow_up(row, calendar, today)
    return {"out": _out, "copies": _out, "in": _in, "transfer": _transfer}[kind](row)


def _out(row: Mapping[str, Any]) -> Line:
    electronic = row["document_id"] is not None
    names = _names(row["names"] or (), row["sent"] or 0) if electronic else row["recipients"] or ""
    copies = str(row["sent"]) if row["sent"] else ("" if row["copies"] is None else f"{row['copies']:02d}")
    cells = (
        f"{row['number']:02d}" if row["withheld"] else row["number_symbol"] or f"{row['number']:02d}",
        _day(row["dated"]),
        _what(row),
        row["signer"] or "",
        names,
        (f"VT; {row['author_name']}" if electronic else row["keeper"]) or "",
        copies,
        _day(row["sent_at"]),
        f"{row['received']}/{row['sent']} đã nhận" if row["sent"] else "",
        _note(row),
    )
    return Line(cells, bool(row["void_reason"]), ("document", row["document_id"]) if electronic else None)


def _in(row: Mapping[str, Any]) -> Line:
    cells = (
        _day(row["arrived"]),
        f"{row['number']:02d}",
        row["author"] or "",
        row["author_symbol"] or "",
        _day(row["dated"]),
        _what(row),
        row["assignee"] or "",
        _day(row["assigned_at"]),
        "",
        _note(row),
    )
    return Line(cells, bool(row["void_reason"]), _arrived(row))


def _follow_up(row: Mapping[str, Any], calendar: Calendar, today: date) -> Line:
    about = ", ".join(
        part for part in (row["type_name"], row["author_symbol"], _day(row["dated"]), row["author"]) if part
    )
    joint = f"phối hợp: {row['joint']}" if row["joint"] else ""
    cells = (
        f"{row['number']:02d}",
        WITHHELD if row["withheld"] else f"{about}: {row['abstract']}" if row["abstract"] else about,
        "; ".join(part for part in (row["assignee"], joint) if part),
        _day(row["due"]),
        _progress(row, calendar, today),
        ", ".join(row["answers"] or ()),
        _note(row),
    )
    return Line(cells, bool(row["void_reason"]), _arrived(row))


def _progress(row: Mapping[str, Any], calendar: Calendar, today: date) -> str:
    """How far the handling is, and whether its deadline is kept."""
    status, due = row["status"], row["due"]
    if not status:
        return ""
    said = f"{STATUSES.get(status, status)} {_day(row['status_at'])}".strip()
    if status not in RECEIVED:
        return said
    done = status == "06"
    if row["percent"] and not done:
        said += f" ({row['percent']} %)"
    if due is None:
        return said
    on = row["status_at"].astimezone(PAPER_ZONE).date() if done else today
    if late := calendar.days_late(due, on):
        return f"{said}, quá hạn {late} ngày làm việc"
    return f"{said}, đúng hạn" if done else said


def _transfer(row: Mapping[str, Any]) -> Line:
    reported = STATUSES.get(row["status"], row["status"])
    number = f", số đến {row['arrival_number']}" if row["arrival_number"] else ""
    cells = (
        _day(row["sent_at"]),
        row["number_symbol"] or "",
        row["receiver"],
        "điện tử",
        "" if row["status"] == "00" else f"{reported}{number}",
        row["reason"] or "",
    )
    return Line(cells, row["status"] == "02", ("document", row["document_id"]))


def _arrived(row: Mapping[str, Any]) -> tuple[Literal["incoming"], UUID] | None:
    return ("incoming", row["incoming_id"]) if row["incoming_id"] else None


def _what(row: Mapping[str, Any]) -> str:
    if row["withheld"]:
        return WITHHELD
    if row["secrecy"]:
        return f"{row['type_name']} (độ {row['secrecy']})"
    if row["type_name"] is None:  # a number reserved for paper, its document not registered
        return f"(Dành cho văn bản giấy: {row['purpose']})" if row["purpose"] else ""
    return f"{row['type_name']}: {row['abstract']}" if row["abstract"] else str(row["type_name"])


def _note(row: Mapping[str, Any]) -> str:
    if row["withheld"]:
        return "HỦY" if row["void_reason"] else ""
    found = []
    if row["void_reason"]:
        who = f" ({row['void_by']}, {_day(row['void_at'])})" if row["void_by"] else ""
        found.append(f"HỦY: {row['void_reason']}{who}")
    if row["is_paper"]:
        found.append("Bản giấy")
        if row["late_reason"]:
            found.append(f"Vào sổ chậm {_day(row['entered_on'])}: {row['late_reason']}")
    if row["note"]:
        found.append(row["note"])
    return "; ".join(found)


def _names(names: Sequence[str], count: int) -> str:
    shown = list(names[:MOST_NAMES])
    return "; ".join(shown) + (f"; và {count - len(shown)} nơi khác" if count > len(shown) else "")


def _day(value: date | datetime | None) -> str:
    if value is None:
        return ""
    found = value.astimezone(PAPER_ZONE).date() if isinstance(value, datetime) else value
    return f"{found:%d/%m/%Y}"


# --- opening and closing page


@dataclass(frozen=True, slots=True)
class Facts:
    """What the first and last page of a printed book say."""

    agency: str
    title: str
    register: str | None
    period: Period
    entries: int
    first: int | None
    last: int | None
    void: int
    printed_at: datetime
    printed_by: str

    def opening(self) -> list[str]:
        lines = [f"Năm: {self.period.year}"]
        if self.register:
            lines.insert(0, self.register)
        if self.period.since or self.period.until:
            since = self.period.since or date(self.period.year, 1, 1)
            until = self.period.until or date(self.period.year, 12, 31)
            lines.append(f"Từ ngày {since:%d/%m/%Y} đến ngày {until:%d/%m/%Y}")
        if self.first is not None and self.last is not None:
            lines.append(f"Từ số {self.first:02d} đến số {self.last:02d}")
        return lines

    def closing(self, pages: int) -> list[str]:
        numbers = "" if self.first is None or self.last is None else f", từ số {self.first:02d} đến số {self.last:02d}"
        found = [f"Sổ này có {pages:02d} trang (kể cả trang bìa và trang này), ghi {self.entries} dòng{numbers}."]
        if self.void:
            found.append(f"Trong đó {self.void} số đã hủy, lý do ghi ở cột Ghi chú.")
        at = self.printed_at.astimezone(PAPER_ZONE)
        found.append(f"In từ hệ thống Vanthu lúc {at:%H:%M} ngày {at:%d/%m/%Y}, người in: {self.printed_by}.")
        return found
