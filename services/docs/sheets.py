"""Lists as files: CSV and XLSX for spreadsheets, PDF to print. What a cell says is text, never a formula."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FORMULA = re.compile(r"'*[=+\-@\t\r]")  # a spreadsheet would compute what begins so
# What Vietnamese is written with: Latin with its marks, punctuation; the rest of the typeface stays out.
LETTERS = (*range(0x20, 0x250), *range(0x300, 0x370), *range(0x1E00, 0x1F00), *range(0x2000, 0x2070), 0x20AB)
WEIGHTS = {"": 400, "B": 700}
FILES = {"I": "NotoSerif-Italic[wdth,wght].ttf"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `width` is its share of the page, against the other columns' shares."""

    heading: str
    width: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list: title, a line under it, columns and rows of as many cells."""

    title: str
    about: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[str | int | None]]


def to_csv(sheet: Sheet) -> bytes:
    """UTF-8 with a byte order mark, without which spreadsheet programs take Vietnamese for something else."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.heading for column in sheet.columns])
    writer.writerows([[harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in sheet.rows])
    return out.getvalue().encode("utf-8-sig")


def harmless(text: str) -> str:
    """A text that a spreadsheet program would compute (it begins with = + - @) gets an apostrophe in front."""
    return f"'{text}" if FORMULA.match(text) else text


def to_xlsx(sheet: Sheet) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    page = book.create_sheet(sheet.title[:31])
    page.freeze_panes = "A2"
    whole = sum(column.width for column in sheet.columns)
    for n, column in enumerate(sheet.columns, start=1):
        page.column_dimensions[get_column_letter(n)].width = max(8.0, 160 * column.width / whole)

    def cell(value: str | int | None, *, bold: bool = False) -> WriteOnlyCell:
        made = WriteOnlyCell(page, value)
        if isinstance(value, str):
            made.data_type = "s"
        made.alignment = Alignment(wrap_text=True, vertical="top")
        if bold:
            made.font = Font(bold=True)
        return made

    page.append([cell(column.heading, bold=True) for column in sheet.columns])
    for row in sheet.rows:
        page.append([cell(each) for each in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def to_pdf(sheet: Sheet) -> bytes:
    """A4 across, headings on each page, page numbers. Takes seconds for a long list: for a workshop's process."""
    from fpdf import FPDF
    from fpdf.fonts import FontFace

    class Page(FPDF):
        def footer(self) -> None:
            self.set_y(-12)
            self.set_font("serif", "", 8)
            self.cell(0, 5, f"Trang {self.page_no()}/{{nb}}", align="C")

    page = Page(orientation="landscape", unit="mm", format="A4")
    with tempfile.TemporaryDirectory(prefix="vanthu-fonts-") as folder:
        for style in WEIGHTS:
            file = Path(folder) / f"serif{style}.ttf"
            file.write_bytes(face(style))
            page.add_font("serif", style, file)
    page.set_margins(15, 12, 10)
    page.set_auto_page_break(auto=True, margin=15)
    page.set_title(sheet.title)
    page.set_lang("vi")
    page.add_page()
    page.set_font("serif", "B", 13)
    page.multi_cell(0, 7, sheet.title, align="C", new_x="LMARGIN", new_y="NEXT")
    page.set_font("serif", "", 9)
    page.multi_cell(0, 5, sheet.about, align="C", new_x="LMARGIN", new_y="NEXT")
    page.ln(2)
    heading = FontFace(emphasis="BOLD", fill_color=(235, 235, 235))
    widths = tuple(column.width for column in sheet.columns)
    with page.table(
        col_widths=widths, headings_style=heading, line_height=4.6, padding=0.8, text_align="LEFT"
    ) as table:
        table.row([column.heading for column in sheet.columns])
        for row in sheet.rows:
            table.row(["" if cell is None else str(cell) for cell in row])
    return bytes(page.output())


@cache
def face(style: str) -> bytes:
    """A static face ("" regular, "B" bold, "I" italic) with all Vietnamese letters, cut from the installed variable one and
    narrowed, nearer to the Times New Roman that NĐ 30 annex I wants.
    """
    import fontpkg_noto_serif
    import uharfbuzz

    file = FILES.get(style, "NotoSerif[wdth,wght].ttf")
    source = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(fontpkg_noto_serif.ROOT / "files" / file))
    cut = uharfbuzz.SubsetInput()
    cut.unicode_set.update(LETTERS)
    cut.pin_axis_location(source, "wght", WEIGHTS.get(style, 400))
    cut.pin_axis_location(source, "wdth", 87.5)
    found: bytes = uharfbuzz.subset(source, cut).blob.data
    return found
