"""The stamps of secrecy (MẬT, TỐI MẬT, TUYỆT MẬT): found in a document's first page, a mail's subject, a file's name.

A secret document may not be kept here at all (NĐ 30 arts 15, 16, 22; NĐ 63/2026).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from services.docs.intake import refusals
from services.docs.intake.domain import reason_of
from services.docs.step import Reason

Level = Literal["mat", "toi_mat", "tuyet_mat"]
LEVELS: dict[Level, tuple[str, str]] = {
    "mat": ("MẬT", "confidential"),
    "toi_mat": ("TỐI MẬT", "secret"),
    "tuyet_mat": ("TUYỆT MẬT", "top secret"),
}
_OF_STAMP: dict[str, Level] = {words[0]: level for level, words in LEVELS.items()}
_STAMP = r"(TUYỆT MẬT|TỐI MẬT|MẬT)"
_LABELLED = re.compile(rf"ĐỘ MẬT\s*[:\-–]?\s*{_STAMP}(?!\w)")
_MARKED = re.compile(rf"^\W*{_STAMP}\s*(?:[\])>:_\-–—.|]|$)|[\[(]\s*{_STAMP}\s*[\])]")
_SPACED = re.compile(r"(?:\w ){2,}\w")  # M Ậ T
# A heading about secrets that breaks before its last word: "… BẢO VỆ BÍ / MẬT NHÀ NƯỚC" ends a line with one of these.
_GOES_ON = ("BÍ", "BẢO", "KHẨU", "CƠ", "TUYỆT", "TỐI")


def on_page(text: str) -> Level | None:
    """The level whose stamp stands on a page, in a line (or a column of a line) of its own, in capitals as printed."""
    before = ""
    for line in unicodedata.normalize("NFC", text).splitlines():
        for column in re.split(r"\s{2,}|\t|\|", line):
            words = " ".join("".join(c if c.isalnum() else " " for c in column).split())
            if _SPACED.fullmatch(words):
                words = words.replace(" ", "")
                words = words.replace("TỐIMẬT", "TỐI MẬT").replace("TUYỆTMẬT", "TUYỆT MẬT")
            if labelled := _LABELLED.search(" ".join(column.split()).upper()):
                return _OF_STAMP[labelled[1]]
            if words in _OF_STAMP and before not in _GOES_ON:
                return _OF_STAMP[words]
            before = words.rpartition(" ")[2] or before
    return None


def in_title(title: str) -> Level | None:
    """Of a mail's subject or a file's name: the stamp set apart from the words, as people mark such mails."""
    words = " ".join(unicodedata.normalize("NFC", title).split())
    found = _LABELLED.search(words.upper()) or _MARKED.search(words)
    return _OF_STAMP[next(group for group in found.groups() if group)] if found else None


Where = Literal["page", "subject", "name", "form"]
_WHERE: dict[Where, tuple[str, str]] = {
    "page": ("trên trang đầu", "on its first page"),
    "subject": ("ở tiêu đề thư", "in the mail's subject"),
    "name": ("ở tên tệp", "in the file's name"),
    "form": ("do người gửi chọn", "said by whoever sent it"),
}


def params(level: Level, where: Where) -> dict[str, str]:
    """What the refusal's sentences name."""
    said, said_en = _WHERE[where]
    return {"level": LEVELS[level][0], "level_en": LEVELS[level][1], "where": said, "where_en": said_en}


def reason(level: Level, where: Where) -> Reason:
    return reason_of(refusals.SECRET_DOCUMENT, **params(level, where))
