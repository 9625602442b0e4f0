"""Spreadsheets as rows of text: CSV in any Unicode encoding and with any usual separator, and XLSX.

What a file could do to us is bounded before it is opened: bytes, unpacked bytes, rows, columns. Cells come out as text,
dates as ISO 8601; a formula is an error of its cell, since we would have to believe what another program computed.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from xml.etree.ElementTree import ParseError

from services.registry import tcvn3
from services.registry.columns import Column, Header, Sheet, read_header
from services.registry.names import clean
from services.registry.refusals_import import (
    CELL_FORMULA,
    CELL_LONG,
    CELL_TCVN3,
    FILE_COLUMNS,
    FILE_EMPTY,
    FILE_ENCODING,
    FILE_MERGED,
    FILE_NO_HEADER,
    FILE_TCVN3,
    FILE_TOO_BIG,
    FILE_TOO_LONG,
    FILE_UNREADABLE,
    FILE_XLS,
    ROW_TOO_WIDE,
)
from shared.errors import Refusal, Rejected, Sentence

MAX_FILE = 20 * 1024 * 1024  # bytes as sent
MAX_UNPACKED = 100 * 1024 * 1024  # bytes of an XLSX, unpacked
MAX_STRINGS = 40 * 1024 * 1024  # of its table of texts, which is read whole
MAX_PARTS = 500
MAX_ROWS = 50_000  # of one sheet
MAX_BLANK = 10_000  # empty rows between two rows
MAX_COLUMNS = 60
MAX_CELL = 2000
MAX_ERRORS = 10_000
OLE = b"\xd0\xcf\x11\xe0"
SEPARATORS = ",;\t|"
ESCAPED = re.compile(r"'+[=+\-@]")


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in a row (numbered as a spreadsheet shows it), in which column, if in one."""

    sheet: Sheet
    row: int
    column: str | None
    code: str
    sentence: Sentence

    @classmethod
    def of(cls, sheet: Sheet, row: int, column: str | None, error: Rejected) -> RowError:
        return cls(sheet, row, column, error.code, error.sentence)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row: texts by column name; a column that the file lacks is not in it, an empty cell is ""."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Book:
    """What a file says, in the order of its rows."""

    sheets: dict[Sheet, list[SheetRow]]
    errors: list[RowError]


def read(name: str, content: bytes, *, convert_tcvn3: bool = False) -> Book:
    """Raises Rejected with what is wrong with the file as a whole; errors of rows are in the book."""
    if len(content) > MAX_FILE:
        raise Rejected(FILE_TOO_BIG, file=name, limit_mb=MAX_FILE >> 20)
    reader = _Reader(name, convert_tcvn3)
    if content.startswith(OLE):
        raise Rejected(FILE_XLS, file=name)
    if content.startswith(b"PK"):
        _read_xlsx(reader, content)
    else:
        reader.take("", _csv_rows(name, content, convert_tcvn3=convert_tcvn3))
    if not any(reader.book.sheets.values()) and not reader.book.errors:
        raise Rejected(FILE_EMPTY, file=name)
    return reader.book


class _Formula(str):
    """The text of a formula cell."""

    __slots__ = ()


class _Reader:
    """Takes rows of cells in, sheet by sheet."""

    def __init__(self, name: str, convert: bool) -> None:  # noqa: FBT001  a private switch
        self.name = name
        self.convert = convert
        self.book = Book({}, [])

    def take(self, title: str, rows: Iterator[tuple[int, list[str]]]) -> None:
        """`rows` with their numbers. Raises Rejected when the header is wrong or the sheet too long."""
        header: Header | None = None
        kept: list[SheetRow] = []
        last = 0
        for number, cells in rows:
            if not any(cell.strip() for cell in cells):
                if number - last > MAX_BLANK:
                    raise Rejected(FILE_TOO_LONG, sheet=title or self.name, limit=MAX_ROWS)
                continue
            last = number
            if header is None:
                header = self._header(title, cells)
                kept = self.book.sheets.setdefault(header.sheet, [])
                continue
            if len(kept) >= MAX_ROWS:
                raise Rejected(FILE_TOO_LONG, sheet=title or self.name, limit=MAX_ROWS)
            kept.append(self._row(header, number, cells))

    def _header(self, title: str, cells: list[str]) -> Header:
        if not self.convert and any(tcvn3.looks_like(cell) for cell in cells):
            raise Rejected(FILE_TCVN3, file=self.name)
        header = read_header([self._text(cell) for cell in cells], title)
        if header is None:
            raise Rejected(FILE_NO_HEADER, sheet=title or self.name)
        if header.unknown or header.repeated or header.missing:
            said = {"unknown": header.unknown, "repeated": header.repeated, "missing": header.missing}
            words = {name: ", ".join(f"“{clean(each)[:60]}”" for each in names) or "–" for name, names in said.items()}
            raise Rejected(FILE_COLUMNS, sheet=title or self.name, **words)
        return header

    def _row(self, header: Header, number: int, cells: list[str]) -> SheetRow:
        found: dict[str, str] = {}
        for at, cell in enumerate(cells):
            column = header.places[at] if at < len(header.places) else None
            if column is not None:
                found[column.name] = self._cell(header.sheet, number, column, cell)
            elif at >= len(header.places) and cell:
                self._refuse(header.sheet, number, None, ROW_TOO_WIDE, value=clean(cell)[:60])
        for column in header.places[len(cells) :]:
            if column is not None:
                found[column.name] = ""
        return SheetRow(number, found)

    def _cell(self, sheet: Sheet, number: int, column: Column, cell: str) -> str:
        if isinstance(cell, _Formula):
            self._refuse(sheet, number, column, CELL_FORMULA, value=cell[:60])
            return ""
        if len(cell) > MAX_CELL:
            self._refuse(sheet, number, column, CELL_LONG, limit=MAX_CELL)
            return ""
        if not self.convert and tcvn3.looks_like(cell):
            self._refuse(sheet, number, column, CELL_TCVN3, value=cell[:60])
        return self._text(cell)

    def _text(self, cell: str) -> str:
        """Clean; the apostrophe that an export puts before a text which looks like a formula taken away."""
        text = tcvn3.convert(cell) if self.convert and tcvn3.looks_like(cell) else cell
        text = clean(text)
        return text[1:] if ESCAPED.match(text) else text

    def _refuse(self, sheet: Sheet, number: int, column: Column | None, refusal: Refusal, **values: object) -> None:
        if len(self.book.errors) >= MAX_ERRORS:
            return  # a file that is wrong everywhere is not listed to its end
        error = Rejected(refusal, **values)
        self.book.errors.append(RowError.of(sheet, number, column.vi if column else None, error))


# --- CSV


def _csv_rows(name: str, content: bytes, *, convert_tcvn3: bool) -> Iterator[tuple[int, list[str]]]:
    text = _decode(name, content, convert_tcvn3=convert_tcvn3)
    separator = _separator(text)
    try:
        for number, cells in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), start=1
        ):
            if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
                raise Rejected(
                    FILE_UNREADABLE,
                    file=name,
                    why_vi=f"dòng {number} có hơn {MAX_COLUMNS} cột",
                    why_en=f"row {number} has more than {MAX_COLUMNS} columns",
                )
            yield number, cells
    except csv.Error as error:
        raise Rejected(
            FILE_UNREADABLE,
            file=name,
            why_vi="dấu ngoặc kép mở mà không đóng, hoặc ô quá dài",
            why_en="a quote is opened and not closed, or a cell is too long",
        ) from error


def _decode(name: str, content: bytes, *, convert_tcvn3: bool) -> str:
    """UTF-8 or UTF-16, with or without a mark; TCVN3 when it is to be converted."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _decode_as(name, content, encoding)
    nul = content[:2000].find(0)
    if nul >= 0:  # no text has NUL, but UTF-16 without a mark has one beside every ASCII letter
        return _decode_as(name, content, "utf-16-le" if nul % 2 else "utf-16-be")
    try:
        return content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if not any(tcvn3.looks_like(line) for line in text.splitlines()):
        raise Rejected(FILE_ENCODING, file=name)
    if not convert_tcvn3:
        raise Rejected(FILE_TCVN3, file=name)
    return tcvn3.convert(text)


def _decode_as(name: str, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Rejected(FILE_ENCODING, file=name) from error


def _separator(text: str) -> str:
    """The one by which the first line falls into most columns of ours."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def known(separator: str) -> int:
        try:
            header = read_header(next(csv.reader([first], delimiter=separator), []))
        except csv.Error:
            return 0
        return header.known if header else 0

    return max(SEPARATORS, key=known)


# --- XLSX


def _read_xlsx(reader: _Reader, content: bytes) -> None:
    import openpyxl
    from defusedxml import DefusedXmlException
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            _check_size(reader.name, parts)
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
            try:
                for sheet in book.worksheets:
                    if sheet.sheet_state == "visible":
                        reader.take(sheet.title, _sheet_rows(parts, sheet))
            finally:
                book.close()
    except (
        *(zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ParseError),
        *(InvalidFileException, DefusedXmlException, KeyError, ValueError, TypeError, AttributeError, IndexError),
    ) as error:  # whatever the library trips over in a file that is none
        raise Rejected(
            FILE_UNREADABLE,
            file=reader.name,
            why_vi="không phải bảng tính XLSX, hoặc bị hỏng",
            why_en="it is no XLSX workbook, or damaged",
        ) from error


def _check_size(name: str, parts: zipfile.ZipFile) -> None:
    """By what the directory of the archive says: reading stops there, whatever the packed bytes would give."""
    entries = parts.infolist()
    strings = [
        each.file_size for each in entries if each.filename.lower().endswith(("sharedstrings.xml", "styles.xml"))
    ]
    if sum(each.file_size for each in entries) > MAX_UNPACKED or len(entries) > MAX_PARTS:
        raise Rejected(FILE_TOO_BIG, file=name, limit_mb=MAX_UNPACKED >> 20)
    if sum(strings) > MAX_STRINGS:
        raise Rejected(FILE_TOO_BIG, file=name, limit_mb=MAX_STRINGS >> 20)


def _sheet_rows(parts: zipfile.ZipFile, sheet: Any) -> Iterator[tuple[int, list[str]]]:
    merged = _merged_cells(parts, sheet._worksheet_path)  # noqa: SLF001  the streaming reader does not say
    if merged:
        raise Rejected(FILE_MERGED, sheet=sheet.title, cells=", ".join(merged[:5]))
    sheet.reset_dimensions()  # what a file says of its own size is not believed
    for number, row in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS), start=1):
        if number > MAX_ROWS + MAX_BLANK:
            raise Rejected(FILE_TOO_LONG, sheet=sheet.title, limit=MAX_ROWS)
        yield number, [_text_of(cell) for cell in row]


def _merged_cells(parts: zipfile.ZipFile, path: str) -> list[str]:
    """The ranges, from the sheet's own XML: where they stand they come after all rows."""
    found: list[str] = []
    with parts.open(path) as part:
        before = b""
        while block := part.read(1 << 20):
            found += [
                m.decode() for m in re.findall(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z0-9:]{1,30})"', before + block)
            ]
            before = block[-200:] if len(block) > 200 else before + block
            if len(found) > 100:
                break
    return list(dict.fromkeys(found))


def _text_of(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return _Formula(value if isinstance(value, str) else getattr(value, "text", None) or "=")
    if isinstance(value, date):
        return (value.date() if isinstance(value, datetime) else value).isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)
