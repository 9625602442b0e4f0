"""The incoming stamp (ĐẾN, 35×50 mm; NĐ 30 annex IV.V) on a rendition for print. The signed file is never touched.

For a workshop's process: it reads somebody else's PDF.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.docs import pdf, sheets

if TYPE_CHECKING:
    from fpdf import FPDF

WIDTH, HEIGHT = 50.0, 35.0  # mm
LEFT, TOP = 30.0, 69.0  # mm from the page's corner: under number and abstract, where the decree wants it
MARGIN, STEP = 12.0, 3.0  # mm
RED = (190, 20, 20)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is written into it; `marked` says that this is a print, and when it was made."""

    agency: str
    number: int
    day: str
    passed_to: str
    file_notation: str
    marked: str


def rendition(path: Path, stamp: Stamp) -> bytes:
    """A PDF to print: the pages as they look, seals and signatures drawn in, the stamp where the first is blank, marked on
    each as a print. It holds no signature and can't be taken for the original.
    """
    sizes = pdf.page_sizes(path)
    left, top = spot(pdf.boxes_on_first(path), sizes[0])
    return pdf.drawn_over(path, _overlay(stamp, sizes, left, top))


def spot(boxes: Sequence[tuple[float, float, float, float]], size: tuple[float, float]) -> tuple[float, float]:
    """The blank place nearest to where the decree wants the stamp, mm; on a full page that place itself."""
    width, height = size
    across = range(int((width - WIDTH - 2 * MARGIN) / STEP) + 1)
    down = range(int((height - HEIGHT - 2 * MARGIN) / STEP) + 1)
    places = [(MARGIN + x * STEP, MARGIN + y * STEP) for x in across for y in down]
    for left, top in sorted(places, key=lambda at: (at[0] - LEFT) ** 2 + (at[1] - TOP) ** 2):
        right, bottom = left + WIDTH + 1, top + HEIGHT + 1
        if not any(b[0] < right and b[2] > left - 1 and b[1] < bottom and b[3] > top - 1 for b in boxes):
            return left, top
    return min(LEFT, max(0.0, width - WIDTH)), min(TOP, max(0.0, height - HEIGHT))


def _overlay(stamp: Stamp, sizes: list[tuple[float, float]], left: float, top: float) -> bytes:
    from fpdf import FPDF

    made = FPDF(unit="mm")
    made.set_auto_page_break(auto=False)
    with tempfile.TemporaryDirectory(prefix="vanthu-fonts-") as folder:
        for style in sheets.WEIGHTS:
            file = Path(folder) / f"serif{style}.ttf"
            file.write_bytes(sheets.face(style))
            made.add_font("serif", style, file)
    for n, (width, height) in enumerate(sizes):
        made.add_page(format=(width, height))
        made.set_font("serif", "", 7)
        made.set_text_color(110, 110, 110)
        made.set_xy(0, height - 7)
        made.cell(width, 4, stamp.marked, align="C")
        if n == 0:
            _box(made, stamp, left, top)
    return bytes(made.output())


def _box(made: FPDF, stamp: Stamp, left: float, top: float) -> None:
    made.set_draw_color(*RED)
    made.set_text_color(*RED)
    made.set_line_width(0.35)
    made.rect(left, top, WIDTH, HEIGHT)
    made.set_font("serif", "B", 8)
    made.set_xy(left + 1, top + 1)
    made.multi_cell(WIDTH - 2, 3.4, stamp.agency.upper(), align="C", max_line_height=3.4)
    under = max(made.get_y() + 0.8, top + 6)
    made.line(left, under, left + WIDTH, under)
    made.set_font("serif", "B", 13)
    made.set_xy(left, under)
    made.cell(14, top + HEIGHT - 9 - under, "ĐẾN", align="C")
    made.line(left + 14, under, left + 14, top + HEIGHT - 9)
    made.set_font("serif", "", 8)
    for n, text in enumerate((f"Số: {stamp.number}", f"Ngày: {stamp.day}")):
        made.set_xy(left + 15, under + 1 + n * 6)
        made.cell(WIDTH - 16, 5, text)
    made.line(left, top + HEIGHT - 9, left + WIDTH, top + HEIGHT - 9)
    for n, text in enumerate((f"Chuyển: {stamp.passed_to}", f"Số và ký hiệu HS: {stamp.file_notation}")):
        made.set_xy(left + 1, top + HEIGHT - 8.6 + n * 4.2)
        made.cell(WIDTH - 2, 4, text[:38])
