"""The decree's lists of work files as sheets: contents list and submission list (NĐ 30/2020 annex V)."""

from __future__ import annotations

from collections.abc import Sequence

from services.docs.sheets import Column, Sheet
from services.docs.workfile.domain import WorkFile
from services.docs.workfile.listing import retention
from services.docs.workfile.subjects import Line

_CONTENTS = (
    Column("STT", 10),
    Column("Số, ký hiệu văn bản", 32),
    Column("Ngày tháng văn bản", 25),
    Column("Tên loại và trích yếu nội dung văn bản", 95),
    Column("Tác giả văn bản", 45),
    Column("Tờ số/Trang số", 20),
    Column("Ghi chú", 30),
)
_SUBMISSION = (
    Column("STT", 10),
    Column("Số, ký hiệu hồ sơ", 30),
    Column("Tiêu đề hồ sơ", 95),
    Column("Thời gian tài liệu", 40),
    Column("Thời hạn bảo quản", 28),
    Column("Số tờ/Số trang", 22),
    Column("Ghi chú", 30),
)


def _noted(line: Line) -> str:
    found = ("" if line.hidden else line.member.note, "đã hủy" if line.destroyed else "")
    return "; ".join(text for text in found if text)


def contents(file: WorkFile, agency: str, lines: Sequence[Line]) -> Sheet:
    about = f"{agency}. Hồ sơ {file.place.code}: {file.title}. Thời hạn bảo quản: {retention(file.place.years)}."
    rows = [
        (
            n,
            each.number_symbol or "",
            f"{each.dated:%d/%m/%Y}" if each.dated else "",
            each.abstract,
            each.author,
            each.pages if each.pages is not None else "",
            _noted(each),
        )
        for n, each in enumerate(lines, 1)
    ]
    return Sheet("MỤC LỤC VĂN BẢN, TÀI LIỆU", about, _CONTENTS, rows)


def submission(agency: str, files: Sequence[tuple[WorkFile, Sequence[Line]]], *, minutes: str, day: str) -> Sheet:
    """The list that is handed over with the files; the minutes name it."""
    rows = []
    for n, (file, lines) in enumerate(files, 1):
        days = sorted(each.dated for each in lines if each.dated)
        span = f"{days[0]:%d/%m/%Y} – {days[-1]:%d/%m/%Y}" if days else ""
        pages = sum(each.pages or 0 for each in lines)
        rows.append((n, file.place.code, file.title, span, retention(file.place.years), pages or "", file.note))
    about = f"{agency}. Kèm theo biên bản giao nhận {minutes}, ngày {day}. Tổng số: {len(rows)} hồ sơ."
    return Sheet("MỤC LỤC HỒ SƠ, TÀI LIỆU NỘP LƯU", about, _SUBMISSION, rows)
