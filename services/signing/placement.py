"""Where number, date, signature and seal stand on a page: found in the text layer, else the boxes of Decree 30/2020.

Pure geometry over bytes. Every box is in points on the page *as shown* (after /Rotate), origin top left, so
that a page preview, the clerk's corrections and the tests speak of the same place.
"""

from __future__ import annotations

import ctypes
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

MM = 72 / 25.4
# Decree 30/2020, annex I: margins of an A4 page, of which the boxes below are fractions.
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 30 * MM, 15 * MM, 20 * MM, 20 * MM
NUMBER_SIZE = 13.0
SEAL_DIAMETER_MM = 38.0
SIGNATURE_WIDTH_MM = 55.0
_BLANK = frozenset(" \u00a0.…_\u2026\t\r\n")

# PDFium is not thread-safe, and a worker may hold several documents at once.
_pdfium = threading.Lock()


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on page `page` (from 1) in shown points: x0 < x1 to the right, y0 < y1 downwards."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0


@dataclass(frozen=True, slots=True)
class Blank:
    """A blank to write into. `baseline` is the y of the line's base line; `found` is False for a mere default."""

    box: Box
    baseline: float
    found: bool = True


@dataclass(frozen=True, slots=True)
class Area:
    """The room of a signature between post and name (box 7c); `found` is False for a mere default."""

    box: Box
    found: bool = True


@dataclass(frozen=True, slots=True)
class Places:
    """What find_places returns. `text_layer` is "good", "unreadable" or "none"."""

    number: Blank
    day: Blank
    month: Blank
    signature: Area
    text_layer: str

    @property
    def complete(self) -> bool:
        """Whether nothing has to be asked from the clerk."""
        return all(p.found for p in (self.number, self.day, self.month, self.signature))


@dataclass(frozen=True, slots=True)
class _Char:
    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    baseline: float


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    width: float
    height: float
    chars: tuple[_Char, ...]
    unreadable: bool


def find_places(pdf: bytes) -> Places:
    """The places of a document laid out after Decree 30/2020 annex I, for a PDF that `pdf.inspect` accepted.

    What the text layer does not tell comes back as the decree's own box with `found=False`.
    """
    with _pdfium:
        document = pdfium.PdfDocument(pdf)
        try:
            return _find_places(document)
        finally:
            document.close()


def seal_box(signature: Box, diameter_mm: float = SEAL_DIAMETER_MM) -> Box:
    """The agency's seal at its actual size, over the left third of the person's signature (box 8)."""
    diameter = diameter_mm * MM
    right = signature.x0 + signature.width / 3
    middle = (signature.y0 + signature.y1) / 2
    return Box(signature.page, right - diameter, middle - diameter / 2, right, middle + diameter / 2)


def signature_box(area: Area) -> Box:
    """The field of a signature in its area: centred, at least 55 mm wide so that name and time can be read."""
    box = area.box
    middle, half = (box.x0 + box.x1) / 2, max(box.width, SIGNATURE_WIDTH_MM * MM) / 2
    return replace(box, x0=middle - half, x1=middle + half)


def default_places(width: float, height: float, last_page: int, *, text_layer: str) -> Places:
    """The decree's boxes on a page of the given size in points, signature on `last_page`, nothing found."""
    text_width, text_height = width - MARGIN_LEFT - MARGIN_RIGHT, height - MARGIN_TOP - MARGIN_BOTTOM

    def box(page: int, x: float, y: float, w: float, h: float) -> Box:
        left, top = MARGIN_LEFT + text_width * x, MARGIN_TOP + text_height * y
        return Box(page, left, top, left + text_width * w, top + text_height * h)

    def blank(x: float, w: float) -> Blank:
        place = box(1, x, 0.053, w, 0.023)
        return Blank(place, place.y0 + 0.75 * place.height, found=False)

    return Places(
        number=blank(0.126, 0.062),
        day=blank(0.665, 0.042),
        month=blank(0.77, 0.042),
        signature=Area(box(last_page, 0.597, 0.783, 0.243, 0.14), found=False),
        text_layer=text_layer,
    )


def _find_places(document: pdfium.PdfDocument) -> Places:
    pages = len(document)
    first = _read_page(document, 0)
    readable = bool(first.chars) and not first.unreadable
    text_layer = "good" if readable else "unreadable" if first.unreadable else "none"
    places = default_places(first.width, first.height, pages, text_layer=text_layer)
    if not readable:
        return places
    number = _number_blank(first)
    day, month = _date_blanks(first)
    area = next(
        (found for i in range(pages) if (found := _signature_area(first if i == 0 else _read_page(document, i)))),
        None,
    )
    return replace(
        places,
        number=number or places.number,
        day=day or places.day,
        month=month or places.month,
        signature=area or places.signature,
    )


def _read_page(document: pdfium.PdfDocument, index: int) -> _Page:
    page = document[index]
    text = page.get_textpage()
    try:
        width, height = page.get_size()
        count = text.count_chars()
        unmapped = sum(1 for i in range(count) if pdfium_c.FPDFText_HasUnicodeMapError(text.raw, i) == 1)
        chars = tuple(_read_chars(text, count, shown=_to_shown(page)))
        return _Page(index + 1, width, height, chars, unreadable=count > 0 and unmapped * 5 > count)
    finally:
        text.close()
        page.close()


@dataclass(frozen=True, slots=True)
class _ToShown:
    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the page's own space as a point of the page as shown, origin top left."""
        if self.rotation == 90:
            return y - self.bottom, x - self.left
        if self.rotation == 180:
            return self.right - x, y - self.bottom
        if self.rotation == 270:
            return self.top - y, self.right - x
        return x - self.left, self.top - y


def _to_shown(page: pdfium.PdfPage) -> _ToShown:
    left, bottom, right, top = page.get_cropbox()
    return _ToShown(left, bottom, right, top, page.get_rotation())


def _read_chars(text: pdfium.PdfTextPage, count: int, *, shown: _ToShown) -> Iterator[_Char]:
    loose = pdfium_c.FS_RECTF()
    x, y = ctypes.c_double(), ctypes.c_double()
    for i in range(count):
        if pdfium_c.FPDFText_IsGenerated(text.raw, i) == 1:
            continue
        code = pdfium_c.FPDFText_GetUnicode(text.raw, i)
        if not code or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            continue
        pdfium_c.FPDFText_GetLooseCharBox(text.raw, i, loose)
        pdfium_c.FPDFText_GetCharOrigin(text.raw, i, x, y)
        ax, ay = shown.point(loose.left, loose.bottom)
        bx, by = shown.point(loose.right, loose.top)
        _, baseline = shown.point(x.value, y.value)
        yield _Char(chr(code), min(ax, bx), min(ay, by), max(ax, bx), max(ay, by), baseline)


def _rows(chars: Iterator[_Char]) -> list[list[_Char]]:
    """Visible characters grouped by base line (within 2 points), top to bottom, each from left to right."""
    rows: list[list[_Char]] = []
    for char in sorted(chars, key=lambda c: c.baseline):
        if rows and char.baseline - rows[-1][0].baseline < 2:
            rows[-1].append(char)
        else:
            rows.append([char])
    return [sorted(row, key=lambda c: c.x0) for row in rows]


def _bare(char: str) -> str:
    """A letter without its marks, in lower case, so that NFC, NFD and typing variants read alike."""
    return "".join(c for c in unicodedata.normalize("NFD", char) if not unicodedata.combining(c)).lower()


def _inked(row: list[_Char]) -> list[_Char]:
    return [c for c in row if c.text not in _BLANK]


def _find(row: list[_Char], word: str, start: int = 0) -> int:
    """Index in `row` of the first letter of `word` (bare, without spaces) at or after `start`, or -1."""
    bare = [_bare(c.text) for c in row]
    for i in range(start, len(row) - len(word) + 1):
        if "".join(bare[i : i + len(word)]) == word:
            return i
    return -1


def _between(page: _Page, left: _Char, right: _Char, row: list[_Char]) -> Blank:
    top, bottom = min(c.y0 for c in row), max(c.y1 for c in row)
    return Blank(Box(page.number, left.x1, top, right.x0, bottom), left.baseline)


def _number_blank(page: _Page) -> Blank | None:
    """Between "Số:" and the stroke of the symbol (box 3)."""
    for row in map(_inked, _rows(iter(page.chars))):
        at = _find(row, "so:")
        if at >= 0 and at + 3 < len(row) and row[at + 3].text == "/":
            return _between(page, row[at + 2], row[at + 3], row[at : at + 4])
    return None


def _date_blanks(page: _Page) -> tuple[Blank | None, Blank | None]:
    """After "ngày" and after "tháng" of the line of place and date (box 4)."""
    for row in map(_inked, _rows(iter(page.chars))):
        day = _find(row, "ngay")
        month = _find(row, "thang", day + 1) if day >= 0 else -1
        year = _find(row, "nam", month + 1) if month >= 0 else -1
        if day + 4 == month and month + 5 == year:
            words = row[day : year + 3]
            return (
                _between(page, row[day + 3], row[month], words),
                _between(page, row[month + 4], row[year], words),
            )
    return None, None


def _is_upper(row: list[_Char]) -> bool:
    letters = [c.text for c in row if c.text.isalpha()]
    return len(letters) >= 3 and sum(1 for c in letters if c == c.upper()) > 0.9 * len(letters)


def _signature_area(page: _Page) -> Area | None:
    """Between the last line of authority and post (7a) and the signer's name (7b), right of "Nơi nhận" (9b)."""
    recipients = next((r for r in map(_inked, _rows(iter(page.chars))) if _find(r, "noinhan:") == 0), None)
    if recipients is None:
        return None
    start = recipients[0].y0 - 30
    right = (c for c in page.chars if c.y0 > start and c.x0 > 0.42 * page.width and c.text not in _BLANK)
    rows = _rows(right)
    post: list[list[_Char]] = []
    for row in rows:
        if _is_upper(row) and (not post or row[0].baseline - post[-1][0].baseline < 40):
            post.append(row)
        elif post:
            break
    if not post:
        return None
    # The recipients' list may reach under the post, so the name is looked for in the post's own column only.
    left, right_edge = min(r[0].x0 for r in post) - 40, max(r[-1].x1 for r in post) + 40
    column = ([c for c in r if left <= c.x0 <= right_edge] for r in rows if r[0].baseline > post[-1][0].baseline + 40)
    name = next((r for r in column if len(r) >= 4 and not _is_upper(r)), [])
    top = max(c.y1 for c in post[-1])
    bottom = min(c.y0 for c in name) if name else min(top + 35 * MM, page.height - MARGIN_BOTTOM)
    if bottom - top < 10 * MM:
        return None
    wide = post[-1] + name
    return Area(Box(page.number, min(c.x0 for c in wide), top, max(c.x1 for c in wide), bottom))
