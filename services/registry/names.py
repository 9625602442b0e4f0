"""Names as the registry writes and compares them. Pure."""

from __future__ import annotations

import unicodedata


def clean(text: str) -> str:
    """NFC, control characters out, runs of white space made one, none at the ends."""
    printable = text
    if not text.isprintable():
        printable = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} else c for c in text)
    return " ".join(unicodedata.normalize("NFC", printable).split())


def fold(text: str) -> str:
    """For searching and comparing: lower case, without diacritics ("Đông Kỳ" → "dong ky").

    Older public-service certificates spell their holders without diacritics.
    """
    bare = unicodedata.normalize("NFD", clean(text).casefold()).replace("đ", "d")
    return "".join(c for c in bare if not unicodedata.combining(c))
