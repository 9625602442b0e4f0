"""The text layer of a PDF as placement reads it: characters with their boxes, put together to pieces of lines.

The only module that asks PDFium for text. Letters are compared without their marks, so that NFC and NFD, upper
and lower case, and hoà and hòa read alike.
"""

from __future__ import annotations

import ctypes
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from services.signing.box import Box

_BLANK = frozenset(" \u00a0.…_\u2026\t\r\n\u00ad\u200b")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_NO_UPPER = re.compile(r"[^A-Z]+")
_TONES = dict.fromkeys("\u0300\u0301\u0303\u0309\u0323")
_D = str.maketrans({"đ": "d", "Đ": "D", "ð": "d", "Ð": "D"})  # some typists and fonts have eth for đ
_LINE = 2.0  # points between base lines that are one line
_COLUMN_GAP = 0.9  # of a letter's height: wider than any space between words, narrower than one between columns
_NARROW_GAP = 0.45

# PDFium is not thread-safe, and a worker may hold several documents at once.
pdfium_lock = threading.Lock()


def bare(text: str) -> str:
    """Letters and digits only, without marks, in lower case."""
    return _NO_LETTER.sub("", _unmarked(text).lower())


def marked(text: str) -> tuple[str, str]:
    """As `bare`, but with the marks that make another letter, and the tones apart: hoà and hòa are equal, hóa is not."""
    split = unicodedata.normalize("NFD", text).casefold()
    return "".join(c for c in split if c not in _TONES and (c.isalnum() or unicodedata.combining(c))), "".join(
        c for c in split if c in _TONES
    )


def _unmarked(text: str) -> str:
    return unicodedata.normalize("NFD", text.translate(_D)).encode("ascii", "ignore").decode("ascii")


@dataclass(frozen=True, slots=True)
class Char:
    """One character; `baseline` is the y of its line's base line."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    baseline: float


@dataclass(frozen=True)
class Piece:
    """A piece of a line: characters with no gap of a column between them, blanks and filling dots left out."""

    page: int
    chars: tuple[Char, ...]

    @cached_property
    def box(self) -> Box:
        return Box(
            self.page,
            min(c.x0 for c in self.chars),
            min(c.y0 for c in self.chars),
            max(c.x1 for c in self.chars),
            max(c.y1 for c in self.chars),
        )

    @cached_property
    def text(self) -> str:
        return "".join(c.text for c in self.chars)

    @cached_property
    def bare(self) -> str:
        return bare(self.text)

    @property
    def baseline(self) -> float:
        return self.chars[0].baseline

    @cached_property
    def is_upper(self) -> bool:
        letters = [c for c in self.text if c.isalpha()]
        return len(letters) >= 3 and sum(1 for c in letters if c == c.upper()) > 0.9 * len(letters)

    def shares_column(self, other: Piece) -> bool:
        """Whether the middle of one lies over or under the other, as in centred blocks and tables."""
        a, b = self.box, other.box
        return b.x0 <= a.middle[0] <= b.x1 or a.x0 <= b.middle[0] <= a.x1


@dataclass(frozen=True)
class Page:
    """A page as shown, sizes in points, with its inked characters (no blanks, no filling dots).

    `unreadable`: many characters whose meaning the file does not say.
    """

    number: int
    width: float
    height: float
    chars: tuple[Char, ...]
    unreadable: bool

    @cached_property
    def lines(self) -> tuple[tuple[Char, ...], ...]:
        """By base line, top to bottom, each from left to right."""
        rows: list[list[Char]] = []
        for char in sorted(self.chars, key=lambda c: c.baseline):
            if rows and char.baseline - rows[-1][0].baseline < _LINE:
                rows[-1].append(char)
            else:
                rows.append([char])
        return tuple(tuple(sorted(row, key=lambda c: c.x0)) for row in rows)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return tuple(self._pieces(_COLUMN_GAP))

    @cached_property
    def narrow_pieces(self) -> tuple[Piece, ...]:
        """Cut also at wide spaces, for a list that reaches close to the next column."""
        return tuple(self._pieces(_NARROW_GAP))

    def _pieces(self, gap: float) -> Iterator[Piece]:
        for line in self.lines:
            begin, reach = 0, line[0].x1
            for n, char in enumerate(line[1:], start=1):
                if char.x0 - reach > gap * max(char.y1 - char.y0, line[n - 1].y1 - line[n - 1].y0):
                    yield Piece(self.number, line[begin:n])
                    begin = n
                reach = max(reach, char.x1)
            yield Piece(self.number, line[begin:])


class TextLayer:
    """An open document; pages are read when asked for. Only inside `open_text_layer`."""

    def __init__(self, document: pdfium.PdfDocument) -> None:
        self._document = document
        self._pages: dict[int, Page] = {}
        self._hints: dict[int, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._document)

    def size(self, index: int) -> tuple[float, float]:
        """Width and height in points as shown, without reading the page."""
        width, height = self._document.get_page_size(index)
        return float(width), float(height)

    def page(self, index: int) -> Page:
        if index not in self._pages:
            self._pages[index] = _read_page(self._document, index)
        return self._pages[index]

    def hints(self, index: int) -> tuple[str, str]:
        """The page's text as `bare` has it, and only what stands in upper case: cheap, to pass over pages."""
        if index not in self._hints:
            known = self._pages.get(index)
            plain = _unmarked("".join(c.text for c in known.chars) if known else self._text(index))
            self._hints[index] = _NO_LETTER.sub("", plain.lower()), _NO_UPPER.sub("", plain)
        return self._hints[index]

    def _text(self, index: int) -> str:
        page = self._document[index]
        text = page.get_textpage()
        try:
            return str(text.get_text_range(errors="ignore"))
        finally:
            text.close()
            page.close()


@contextmanager
def open_text_layer(pdf: bytes) -> Iterator[TextLayer]:
    """For a PDF that `pdf.inspect` accepted."""
    with pdfium_lock:
        document = pdfium.PdfDocument(pdf)
        try:
            yield TextLayer(document)
        finally:
            document.close()


def _read_page(document: pdfium.PdfDocument, index: int) -> Page:
    page = document[index]
    text = page.get_textpage()
    try:
        width, height = page.get_size()
        count = text.count_chars()
        asked = range(0, count, max(1, count // 400))
        unmapped = sum(1 for i in asked if pdfium_c.FPDFText_HasUnicodeMapError(text.raw, i) == 1)
        chars = tuple(_read_chars(text, count, shown=_to_shown(page)))
        return Page(index + 1, width, height, chars, unreadable=unmapped * 5 > len(asked))
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


def _read_chars(text: pdfium.PdfTextPage, count: int, *, shown: _ToShown) -> Iterable[Char]:
    """Inked characters. Each call into PDFium costs a microsecond, so the base line is asked once for a run of letters."""
    handle, loose = text.raw, pdfium_c.FS_RECTF()
    x, y = ctypes.c_double(), ctypes.c_double()
    last = (0.0, 0.0)
    baseline = 0.0
    for i in range(count):
        code = pdfium_c.FPDFText_GetUnicode(handle, i)
        if not code or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or chr(code) in _BLANK:
            continue
        if pdfium_c.FPDFText_IsGenerated(handle, i) == 1:
            continue
        pdfium_c.FPDFText_GetLooseCharBox(handle, i, loose)
        ax, ay = shown.point(loose.left, loose.bottom)
        bx, by = shown.point(loose.right, loose.top)
        y0, y1 = (ay, by) if ay < by else (by, ay)
        if (y0, y1) != last:
            last = (y0, y1)
            pdfium_c.FPDFText_GetCharOrigin(handle, i, x, y)
            _, baseline = shown.point(x.value, y.value)
        yield Char(chr(code), min(ax, bx), y0, max(ax, bx), y1, baseline)
