"""Text as the office writes it: NFC (TCVN 6909), one line, and folded without marks for the search."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

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


def clean_lines(text: str) -> str:
    """Text of several lines, each as `clean` has it."""
    return "\n".join(clean(line) for line in text.splitlines()).strip()


def fold(text: str) -> str:
    """Lower case without marks, đ as d: what a clerk types into a search on a foreign keyboard."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != MARKS)
    return plain.replace("đ", "d")


# Vietnamese dictionaries: letters first, tones only where the letters are the same, in this order of tones.
_LETTERS = {letter: n for n, letter in enumerate("aăâbcdđeêfghijklmnoôơpqrstuưvwxyz")}
_TONES = {tone: n for n, tone in enumerate(("", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323"))}


def sort_key(text: str) -> tuple[tuple[int, str], ...]:
    """The place of a text in a Vietnamese list: ă and â after a, đ after d; hoa before hòa before hoá.

    Ours, because a PostgreSQL without ICU, such as the embedded one, has no Vietnamese collation.
    """
    letters: list[tuple[int, str]] = []
    tones = [(0, "")]  # one a syllable, wherever in it the tone is written
    for character in unicodedata.normalize("NFC", text.lower()):
        letter, tone = _apart(character)
        known = _LETTERS.get(letter)
        # Blanks and signs stand before digits, these before letters.
        letters.append((100 + known, "") if known is not None else (1 if letter.isdecimal() else 0, letter))
        if known is None:
            tones.append((0, ""))
        elif tone:
            tones[-1] = (_TONES[tone], "")
    return (*letters, (-1, ""), *tones)


@lru_cache(maxsize=4096)
def _apart(character: str) -> tuple[str, str]:
    """A letter without its tone, and the tone."""
    marks = unicodedata.normalize("NFD", character)
    tone = next((c for c in marks if c in _TONES), "")
    return unicodedata.normalize("NFC", "".join(c for c in marks if c != tone)), tone


@lru_cache(maxsize=256)
def sort_text(text: str, limit: int = 80) -> str:
    """`sort_key` of the beginning as a string whose order by code point is the same: for a column with collation "C"."""
    return "".join(_code(rank, sign) for rank, sign in sort_key(text[:limit]))


def _code(rank: int, sign: str) -> str:
    if rank >= 100:
        return chr(0x100 + rank)
    return f"{chr(0x20 + rank)}{sign}" if sign else chr(rank + 2)  # the end is 1, a tone 2 to 7
