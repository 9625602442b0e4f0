"""Text as the office writes it: NFC (TCVN 6909), one line, and folded without marks for the search."""

from __future__ import annotations

import unicodedata

MARKS = "Mn"  # Unicode category of combining marks
INVISIBLE = "Cf"  # zero-width blanks, soft hyphens, direction marks: pasted along from word processors, never meant


def clean(text: str) -> str:
    """NFC, outer blanks and invisible characters removed, inner runs of blanks and line ends made one space.

    Raises ValueError for control characters and lone surrogates: no database, mail or page takes them.
    """
    visible = "".join(c for c in text if unicodedata.category(c) != INVISIBLE)
    joined = " ".join(unicodedata.normalize("NFC", visible).split())
    if not joined.isprintable():
        raise ValueError("control characters are not text")
    return joined


def fold(text: str) -> str:
    """Lower case without marks, đ as d: what a clerk types into a search on a foreign keyboard."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != MARKS)
    return plain.replace("đ", "d")
