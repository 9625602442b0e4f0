"""What NĐ 30 and the exchange rules list: document types, registers, urgencies, statuses. Data, no decisions."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A type of NĐ 30 art. 7; `code` is ours, `abbreviation` stands in the symbol (công văn and thư công have none).

    `copy`: certified copies and extracts, which the agency makes of another document and nobody submits. `syntax` names
    the pattern of NUMBER_SYNTAX that its number and symbol are printed by; legal documents have one of their own.
    """

    code: str
    abbreviation: str
    vi: str
    en: str
    copy: bool
    syntax: str = "named"

    @property
    def legal(self) -> bool:
        """A legal normative document (VBQPPL): each type counts in a series of its own (NĐ 30 art. 15)."""
        return self.syntax == "legal"


@dataclass(frozen=True, slots=True)
class Register:
    """A numbering register that every agency has; `direction` is out (its own documents), copy (its
    certified copies and extracts) or in (arrivals).
    """

    code: str
    direction: str
    vi: str
    en: str


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


DOCUMENT_TYPES: Mapping[str, DocumentType] = {
    row["code"]: DocumentType(row["code"], row["abbreviation"], row["vi"], row["en"], bool(row["copy"]), row["syntax"])
    for row in _rows("document_types.csv")
}
NUMBER_SYNTAX: Mapping[str, str] = {row["code"]: row["pattern"] for row in _rows("number_syntax.csv")}
REGISTERS: Mapping[str, Register] = {row["code"]: Register(**row) for row in _rows("registers.csv")}

OUTGOING = "VB"
COPIES = "SAO"
ARRIVALS = "DEN"

# NĐ 30 annex I.III.2b; edXML's 4 ("hẹn giờ") is not in the decree, we read it from partners and never write it.
URGENCIES: Mapping[int, str] = {0: "Thường", 1: "Khẩn", 2: "Thượng khẩn", 3: "Hỏa tốc", 4: "Hỏa tốc hẹn giờ"}

# The exchange's codes for how a delivery stands; 00 is ours: sent, nothing heard yet.
STATUSES: Mapping[str, str] = {
    "00": "Đã gửi",
    "01": "Đã đến",
    "02": "Từ chối tiếp nhận",
    "03": "Đã tiếp nhận",
    "04": "Phân công xử lý",
    "05": "Đang xử lý",
    "06": "Hoàn thành",
    "13": "Yêu cầu lấy lại",
    "15": "Đồng ý cập nhật/lấy lại",
    "16": "Từ chối cập nhật/lấy lại",
}


REFUSAL_CODES: Mapping[str, tuple[str, str]] = {
    row["code"]: (row["vi"], row["en"]) for row in _rows("refusal_codes.csv")
}
"""What a partner's code with status 02 means here, Vietnamese and English; its own words are quoted beside it."""


def refusal_sentence(code: str | None) -> str | None:
    """Vietnamese, of a partner's code; None for any other."""
    return REFUSAL_CODES[code][0] if code is not None and code in REFUSAL_CODES else None
