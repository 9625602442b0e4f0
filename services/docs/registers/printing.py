"""A book as a PDF to print and bind (A4 across, embedded serif with all Vietnamese letters) and as a spreadsheet.

Lines come one by one from a file, and pages are drawn as they come: what is held in memory is the PDF's drawing orders,
compressed, never the lines. Runs in a process of its own; it knows no database.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import Align

from services.docs.registers.books import BOOKS, Column, Facts, Kind
from services.docs.sheets import face, harmless

LEFT, RIGHT, TOP, BOTTOM = 20.0, 10.0, 18.0, 14.0  # mm; the left edge is bound
WIDTH, HEIGHT = 297.0, 210.0
CELL, HEAD, LINE, PAD = 8.5, 8.5, 3.9, 1.2  # pt, pt, mm, mm
SERIF = "serif"
MOST_CELL_LINES = int((HEIGHT - TOP - BOTTOM - 25) / LINE)


def read_lines(path: Path) -> Iterator[list[str]]:
    """Lines as the worker wrote them: one JSON list of texts a line of the file."""
    with path.open(encoding="utf-8") as file:
        for each in file:
            yield json.loads(each)


def make_pdf(kind: Kind, facts: Facts, lines: Path, out: Path) -> int:
    """The whole book: opening page, lines, closing page with the count and room for signatures. How many pages."""
    sheet = _Sheet(kind, facts)
    sheet.opening()
    sheet.lines(read_lines(lines))
    pages = sheet.closing()
    sheet.output(str(out))
    return pages


class _Sheet(FPDF):
    """Pages across. Texts are placed letter by letter (no shaping): precomposed Vietnamese needs none."""

    def __init__(self, kind: Kind, facts: Facts) -> None:
        super().__init__(orientation="landscape", unit="mm", format="A4")
        self.book, self.facts = BOOKS[kind], facts
        for style, file in _fonts().items():
            self.add_font(SERIF, style, file)
        self.set_margins(LEFT, TOP, RIGHT)
        self.set_auto_page_break(False)
        self.set_title(f"{facts.title} {facts.period.year} – {facts.agency}")
        self.set_lang("vi")
        self.set_line_width(0.15)

    # --- first and last page

    def opening(self) -> None:
        self.add_page()
        self.set_y(30)
        self._centred(self.facts.agency.upper(), 14, "B")
        self.set_y(75)
        self._centred(self.facts.title, 24, "B")
        self.ln(6)
        for text in self.facts.opening():
            self._centred(text, 14)

    def closing(self) -> int:
        self.add_page()
        pages = self.page_no()
        self.set_y(40)
        self._centred("KẾT SỔ", 16, "B")
        self.ln(4)
        self.set_font(SERIF, "", 13)
        for text in self.facts.closing(pages):
            self.set_x(LEFT + 15)
            self.multi_cell(WIDTH - LEFT - RIGHT - 30, 8, text)
        self.ln(10)
        y, half = self.get_y(), (WIDTH - LEFT - RIGHT) / 2
        for n, who in enumerate(("NGƯỜI LẬP SỔ", "NGƯỜI ĐỨNG ĐẦU CƠ QUAN")):
            self.set_xy(LEFT + n * half, y)
            self.set_font(SERIF, "B", 12)
            self.cell(half, 6, who, align=Align.C)
            self.set_xy(LEFT + n * half, y + 6)
            self.set_font(SERIF, "I", 11)
            self.cell(half, 6, "(Ký, ghi rõ họ tên)" if n == 0 else "(Ký, ghi rõ họ tên, đóng dấu)", align=Align.C)
        self._number()
        return pages

    def _centred(self, text: str, size: float, style: str = "") -> None:
        self.set_font(SERIF, style, size)
        self.multi_cell(WIDTH - LEFT - RIGHT, size * 0.55, text, align=Align.C, new_x="LMARGIN", new_y="NEXT")

    # --- the lines

    def lines(self, rows: Iterator[list[str]]) -> None:
        y = HEIGHT
        self.set_font(SERIF, "", CELL)
        widths = [column.width for column in self.book.columns]
        for row in rows:
            cells = [self._wrap(text, width - 2 * PAD) for text, width in zip(row, widths, strict=True)]
            tall = max(len(cell) for cell in cells) * LINE + 2 * PAD
            if y + tall > HEIGHT - BOTTOM:
                y = self._begin_page()
            self._row(cells, y, tall)
            y += tall
        if y == HEIGHT:  # a book without a line has one page that says so
            y = self._begin_page()
            self.text(LEFT + PAD, y + LINE + PAD, "(Không có văn bản nào trong kỳ này.)")

    def _begin_page(self) -> float:
        self.add_page()
        self._number()
        self.set_font(SERIF, "B", HEAD)
        heads = [self._wrap(column.head, column.width - 2 * PAD) for column in self.book.columns]
        tall = max(len(head) for head in heads) * LINE + 2 * PAD
        self._row(heads, TOP, tall)
        numbers = [[f"({n})"] for n, _ in enumerate(self.book.columns, 1)]
        self.set_font(SERIF, "I", HEAD - 1)
        self._row(numbers, TOP + tall, LINE + 2 * PAD)
        self.set_font(SERIF, "", CELL)
        return TOP + tall + LINE + 2 * PAD

    def _number(self) -> None:
        """In the middle of the top margin (NĐ 30 annex I.III.1), none on the first page."""
        self.set_font(SERIF, "", 11)
        self.text(WIDTH / 2 - 2, 11, str(self.page_no()))
        self.set_font(SERIF, "I", 8)
        self.text(LEFT, 11, f"{self.facts.agency} · {self.facts.title.capitalize()} {self.facts.period.year}"[:110])

    def _row(self, cells: Sequence[Sequence[str]], y: float, tall: float) -> None:
        x = LEFT
        for cell, column in zip(cells, self.book.columns, strict=True):
            self.rect(x, y, column.width, tall)
            for n, text in enumerate(cell):
                if text:
                    self.text(x + PAD, y + PAD + (n + 0.75) * LINE, text)
            x += column.width

    def _wrap(self, text: str, width: float) -> list[str]:
        """Lines of at most `width` mm; a word that is longer than a line is broken. A text that no page would hold ends in …"""
        lines, current, used = [], "", 0.0
        space = self._measure(" ")
        for word in text.split():
            long = self._measure(word)
            if current and used + space + long <= width:
                current, used = f"{current} {word}", used + space + long
                continue
            if current:
                lines.append(current)
            rest = word
            while self._measure(rest) > width:
                cut = next(n for n in range(len(rest) - 1, 0, -1) if n == 1 or self._measure(rest[:n]) <= width)
                lines.append(rest[:cut])
                rest = rest[cut:]
            current, used = rest, self._measure(rest)
        found = [*lines, current]
        return found if len(found) <= MOST_CELL_LINES else [*found[: MOST_CELL_LINES - 1], "…"]

    def _measure(self, text: str) -> float:
        return _width(self, self.font_style, self.font_size_pt, text)


@lru_cache(maxsize=50_000)
def _width(sheet: _Sheet, _style: str, _size: float, text: str) -> float:
    """The same words come in every line."""
    found: float = sheet.get_string_width(text)
    return found


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="vanthu-books-")


@cache
def _fonts() -> dict[str, Path]:
    """The faces as files, from which fpdf2 reads them."""
    found = {}
    for style in ("", "B", "I"):
        found[style] = Path(_folder().name) / f"book{style or 'R'}.ttf"
        found[style].write_bytes(face(style))
    return found


# --- as a spreadsheet


def make_xlsx(kind: Kind, facts: Facts, lines: Path, out: Path) -> None:
    """One sheet with the decree's columns, written row by row; a second one with what the covers say."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sổ")
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9  # A4
    columns: tuple[Column, ...] = BOOKS[kind].columns
    for n, column in enumerate(columns):
        sheet.column_dimensions[chr(ord("A") + n)].width = max(10, column.width / 1.9)
    sheet.append([_cell(sheet, column.head, Font(bold=True), Alignment(wrap_text=True)) for column in columns])
    for row in read_lines(lines):
        sheet.append([harmless(text) for text in row])
    cover = book.create_sheet("Bìa")
    for text in (facts.agency, facts.title, *facts.opening(), f"Số dòng: {facts.entries}; số hủy: {facts.void}"):
        cover.append([harmless(text)])
    book.save(out)


def _cell(sheet: object, text: str, font: object, alignment: object) -> object:
    from openpyxl.cell import WriteOnlyCell

    made = WriteOnlyCell(sheet, text)
    made.font, made.alignment = font, alignment
    return made
