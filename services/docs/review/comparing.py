"""What changed between two texts, word by word, and between two forms, field by field. Pure.

Lines of a PDF break anew with every change, so texts are cut into sentences first; words are compared only within
those that differ, which keeps long documents quick.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "added", "removed", "changed"]
WORDS = re.compile(r"\S+")
# A sentence ends at a sign that ends it, but not at the number of a clause, and before what begins an article, a clause or a point (NĐ 30 annex I.II.6).
SENTENCE = re.compile(
    r"(?<=[.;:!?…])(?<!\s\d\.)(?<!\s\d\d\.)\s+|\n(?=\s*(?:Điều \d|Chương |Mục |\d+\.|[a-zđ]\)|[-–+] ))|\n\s*\n|\f",
    re.MULTILINE,
)
MOST_WORDS = 4000  # of two passages that differ; longer ones are shown as a whole


@dataclass(frozen=True, slots=True)
class Piece:
    """Words in a row that are the same, or stand on one side only; sentences on lines of their own."""

    kind: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence or several: the same on both sides, or what became of it. The sides are pieces, for marking."""

    kind: Kind
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


def sentences(text: str) -> list[str]:
    """The text's sentences on one line each, NFC; page breaks and line ends do not count."""
    composed = unicodedata.normalize("NFC", text)
    found = (" ".join(WORDS.findall(each)) for each in SENTENCE.split(composed) if each)
    return [each for each in found if each]


def compare(before: str, after: str) -> list[Passage]:
    """Side by side, in order."""
    left, right = sentences(before), sentences(after)
    found: list[Passage] = []
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            same = (Piece("same", " ".join(left[a:b])),)
            found.append(Passage("same", same, same))
        else:
            found.append(_passage("\n".join(left[a:b]), "\n".join(right[c:d])))
    return found


def _passage(before: str, after: str) -> Passage:
    if not before:
        return Passage("added", (), (Piece("added", after),))
    if not after:
        return Passage("removed", (Piece("removed", before),), ())
    left, right = before.split(), after.split()
    if len(left) + len(right) > MOST_WORDS:
        return Passage("changed", (Piece("removed", before),), (Piece("added", after),))
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    return Passage("changed", tuple(_side(matcher, left, 0)), tuple(_side(matcher, right, 1)))


def _side(matcher: SequenceMatcher[str], words: Sequence[str], side: int) -> Iterator[Piece]:
    for tag, a, b, c, d in matcher.get_opcodes():
        first, last = ((a, b), (c, d))[side]
        if first < last:
            kind: Literal["added", "removed"] = "added" if side else "removed"
            yield Piece("same" if tag == "equal" else kind, " ".join(words[first:last]))


def changed_words(passages: Sequence[Passage]) -> tuple[int, int]:
    """How many words went and came."""
    gone = sum(len(p.text.split()) for each in passages for p in each.before if p.kind == "removed")
    come = sum(len(p.text.split()) for each in passages for p in each.after if p.kind == "added")
    return gone, come
