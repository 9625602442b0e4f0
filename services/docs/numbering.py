"""Numbers and symbols of outgoing documents, and arrival numbers (NĐ 30 art. 15, 22, annex I.II.3).

A register counts per agency and calendar year from 1 without a gap; the caller holds its row locked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.docs import refusals
from services.docs.catalogue import DOCUMENT_TYPES, NUMBER_SYNTAX, DocumentType
from shared.errors import Rejected

PAPER_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MAX_SYMBOL = 30  # CodeNotation, annex VI
GROUPS = re.compile(r"[^\W_]+(?:[.&][^\W_]+)*(?:-[^\W_]+(?:[.&][^\W_]+)*)*")


@dataclass(frozen=True, slots=True)
class Register:
    """One register of one agency in one year; `last` is the last number taken, 0 for none."""

    code: str
    year: int
    last: int


@dataclass(frozen=True, slots=True)
class Numbering:
    """The number that a document has for ever, with the date printed on it."""

    register_code: str
    year: int
    number: int
    number_symbol: str
    issued_on: date


def today(now: datetime) -> date:
    """The date on paper at an instant: the clerk's day, not UTC's."""
    return now.astimezone(PAPER_ZONE).date()


def symbol_of(kind: DocumentType, given: str) -> str:
    """What stands after the slash: `QĐ-UBND` for a decision of `UBND`, `UBND-VX` for an official letter.

    The type's abbreviation may be given or left out. Groups are letters and digits joined by hyphens, without blanks;
    capitals apart from the abbreviation itself (CTr, TTr, QyĐ). Raises Rejected(symbol_malformed).
    """
    prefix = f"{kind.abbreviation}-" if kind.abbreviation else ""
    rest = given[len(prefix) :] if prefix and given.upper().startswith(prefix.upper()) else given
    whole = prefix + rest.upper()
    letters_only = GROUPS.fullmatch(rest) is not None
    # An official letter has no abbreviation: its symbol is the agency and the unit or field that drafted it.
    complete = bool(prefix) or "-" in rest
    if not letters_only or not complete or len(whole) > MAX_SYMBOL:
        raise Rejected(refusals.SYMBOL_MALFORMED, symbol=given, example=f"{prefix}UBND" if prefix else "UBND-VX")
    return whole


def number_symbol(number: int, symbol: str) -> str:
    """`05/UBND-VX`, `15/QĐ-UBND`, `231/TB-SNV`: numbers under ten are written with a zero."""
    return f"{number:02d}/{symbol}"


def printed(type_code: str, number: int, symbol: str, year: int) -> str:
    """Number and symbol as the syntax of the document's type writes them: `15/QĐ-UBND`, of a legal normative document
    `15/2026/QĐ-UBND`. A type that is not known here is written as the named ones are.
    """
    kind = DOCUMENT_TYPES.get(type_code)
    pattern = NUMBER_SYNTAX[kind.syntax if kind else "named"]
    return pattern.format(number=f"{number:02d}", year=year, symbol=symbol)


def take_next(register: Register) -> Register:
    """The register after one more number was taken; the number is its new `last`."""
    return replace(register, last=register.last + 1)
