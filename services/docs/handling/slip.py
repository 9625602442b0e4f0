"""The assignment slip (phiếu giải quyết văn bản đến, NĐ 30 annex IV.VII) as a PDF to print. Knows no database."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import Align

from services.docs.sheets import WEIGHTS, face

WIDTH, LEFT, RIGHT = 210.0, 25.0, 15.0  # mm


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody's line in a block: who, until when, what, and who said so on which day."""

    who: str
    due: str
    what: str
    said: str


@dataclass(frozen=True, slots=True)
class Slip:
    agency: str
    document: tuple[tuple[str, str], ...]  # what identifies the document: name and value
    leader: Sequence[Row]
    heads: Sequence[Row]
    proposals: Sequence[Row]


def to_pdf(slip: Slip) -> bytes:
    page = FPDF(unit="mm", format="A4")
    with tempfile.TemporaryDirectory(prefix="vanthu-fonts-") as folder:
        for style in WEIGHTS:
            file = Path(folder) / f"serif{style}.ttf"
            file.write_bytes(face(style))
            page.add_font("serif", style, file)
    page.set_margins(LEFT, 20, RIGHT)
    page.set_auto_page_break(auto=True, margin=20)
    page.set_title("Phiếu giải quyết văn bản đến")
    page.set_lang("vi")
    page.add_page()
    _line(page, slip.agency.upper(), 12, "B")
    page.ln(4)
    _line(page, "PHIẾU GIẢI QUYẾT VĂN BẢN ĐẾN", 14, "B", align=Align.C)
    page.ln(3)
    for name, value in slip.document:
        _line(page, f"{name}: {value}", 12)
    blocks = (
        ("Ý kiến của lãnh đạo cơ quan, tổ chức", slip.leader),
        ("Ý kiến của lãnh đạo đơn vị", slip.heads),
        ("Ý kiến đề xuất của người giải quyết", slip.proposals),
    )
    for title, rows in blocks:
        page.ln(5)
        _line(page, f"{title}:", 13, "B")
        for row in rows or (Row("", "", "…" * 40, ""),):
            _block(page, row)
    return bytes(page.output())


def _block(page: FPDF, row: Row) -> None:
    if row.who:
        _line(page, row.who + (f" – thời hạn {row.due}" if row.due else ""), 12)
    if row.what:
        _line(page, row.what, 12)
    if row.said:
        _line(page, row.said, 10, align=Align.R)


def _line(page: FPDF, text: str, size: float, style: str = "", align: Align = Align.L) -> None:
    page.set_font("serif", style, size)
    page.multi_cell(WIDTH - LEFT - RIGHT, size * 0.52, text, align=align, new_x="LMARGIN", new_y="NEXT")
