"""What a visible signature, a seal, a number and a date look like (Decree 30/2020, annex I), as plain data.

Knows typefaces and the printed forms of numbers, nothing of PDF.
"""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

BLUE = (0.0, 0.13, 0.62)
RED = (0.86, 0.07, 0.07)
BLACK = (0.0, 0.0, 0.0)
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

# Latin with every Vietnamese letter, combining marks and the punctuation of official documents.
_LETTERS = (
    set(range(0x20, 0x7F))
    | set(range(0xA0, 0x180))
    | {0x1A0, 0x1A1, 0x1AF, 0x1B0, 0x20AB}
    | set(range(0x300, 0x330))
    | set(range(0x1EA0, 0x1EFA))
    | set(range(0x2010, 0x2027))
)


class Face(StrEnum):
    """The cuts of the one typeface; the value is its name inside an appearance."""

    REGULAR = "R"
    BOLD = "B"
    ITALIC = "I"


@dataclass(frozen=True, slots=True)
class SignatureLook:
    """The person's signature: blue. `picture` is a transparent PNG of the handwritten one, if there is one."""

    name: str
    post: str
    signed_at: datetime
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class SealLook:
    """The agency's seal: red, at actual size. `picture` is a transparent PNG of the seal; else one is drawn."""

    agency: str
    parent: str | None = None
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class TextLook:
    """The agency's signature on an annex or copy in a file of its own: text only, black, size 10 (annex III.1d)."""

    text: str


Look = SignatureLook | SealLook | TextLook
# What the agency says that a copy is (annex I, part II).
COPY_FORMS = {"SY": "SAO Y", "SL": "SAO LỤC", "TrS": "TRÍCH SAO"}


def annex_look(number_symbol: str, at: datetime) -> TextLook:
    """On an annex or attached document in a file of its own (annex III, models 1.3 and 2.2)."""
    return TextLook(f"Số: {number_symbol}; {_moment(at)}")


def copy_look(form: str, agency: str, at: datetime) -> TextLook:
    """On a copy, by the code of its form (annex III, model 3.2)."""
    return TextLook(f"{COPY_FORMS[form]}; {agency}; {_moment(at)}")


def _moment(at: datetime) -> str:
    """In Vietnam's time, without the offset, as the models print it."""
    return at.astimezone(VIETNAM).strftime("%d/%m/%Y; %H:%M:%S")


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def printed_number(number: int) -> str:
    """A document number as it is printed: below ten with a leading zero (annex I.II.3)."""
    return f"{number:02d}"


def printed_date(issued_on: date) -> tuple[str, str]:
    """Day and month as they are printed: days below ten and only months 1 and 2 with a leading zero."""
    month = f"{issued_on.month:02d}" if issued_on.month < 3 else str(issued_on.month)
    return f"{issued_on.day:02d}", month


def printed_time(at: datetime) -> str:
    """Time of signing in Vietnam's zone, as annex III's models print it, with the offset said."""
    return at.astimezone(VIETNAM).strftime("%d/%m/%Y; %H:%M:%S +07:00")


@cache
def typeface(face: Face) -> bytes:
    """A static TrueType serif with all Vietnamese letters, cut from the installed variable font.

    Slightly condensed, since annex I wants the narrower Times New Roman, which is not free.
    """
    import fontpkg_noto_serif
    import uharfbuzz
    from fontTools.ttLib import TTFont

    file = "NotoSerif-Italic[wdth,wght].ttf" if face is Face.ITALIC else "NotoSerif[wdth,wght].ttf"
    source = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(fontpkg_noto_serif.ROOT / "files" / file))
    cut = uharfbuzz.SubsetInput()
    cut.unicode_set.update(_LETTERS)
    cut.pin_axis_location(source, "wght", 700 if face is Face.BOLD else 400)
    cut.pin_axis_location(source, "wdth", 87.5)
    font = TTFont(io.BytesIO(uharfbuzz.subset(source, cut).blob.data))
    font["name"].setName(f"VanthuSerif-{face.name.capitalize()}", 6, 3, 1, 0x409)
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


@cache
def _codepoints() -> frozenset[int]:
    from fontTools import ttLib

    return frozenset(ttLib.TTFont(io.BytesIO(typeface(Face.REGULAR))).getBestCmap())


def unprintable(text: str) -> str | None:
    """The first character that the typeface lacks, or None."""
    return next((c for c in nfc(text) if ord(c) not in _codepoints()), None)
