"""Words of Vietnamese text as the search index keeps them, and what a person types made into a query of such words.

Each word is kept without marks; one that has marks is kept with them as well, behind "=". So `quyet dinh` finds
everything and `quyết định` only what is written so, wherever the tone stands (hoà, hòa). A word of a field is kept
once more behind the field's letter and ":", so that a signer's name is found as a signer's only. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from services.docs.text import fold

Weight = Literal["A", "B", "C", "D"]
MAX_WORDS = 16_000  # PostgreSQL keeps no position past 16,383
MAX_POSITIONS = 60  # of one word; more say nothing more about the rank
MAX_LENGTH = 60  # characters of a word; longer ones are no words
_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_QUERY = re.compile(r'(?P<minus>-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text, `start` to `end`: without marks, and with them when it has any."""

    start: int
    end: int
    plain: str
    marked: str | None


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked: `tsquery` for PostgreSQL, and the words to mark in what is found; None of both for nothing."""

    tsquery: str | None
    words: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()


def words(text: str) -> Iterator[Word]:
    """The words of a text in order; numbers without leading zeros, so that 5 finds 05."""
    for found in _WORD.finditer(text):
        surface = found.group()
        if len(surface) <= MAX_LENGTH:
            yield Word(found.start(), found.end(), *_forms(surface))


@lru_cache(maxsize=32_768)  # Vietnamese has some 7,000 syllables: nearly every word has been seen before
def _forms(surface: str) -> tuple[str, str | None]:
    plain = fold(surface)
    if plain.isdecimal():
        return plain.lstrip("0") or "0", None
    marked = _marked(surface)
    return plain, marked if marked != plain else None


def _marked(surface: str) -> str:
    """With its marks, the tone moved to the end: where it stands is a matter of taste (uỷ, ủy)."""
    apart = unicodedata.normalize("NFD", surface.lower())
    tones = "".join(c for c in apart if c in _TONES)
    return unicodedata.normalize("NFC", "".join(c for c in apart if c not in _TONES)) + tones


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its weight in the index; `field` is the letter behind which its words are kept once more, or only."""

    text: str
    weight: Weight
    field: str = ""
    field_only: bool = False


def vector(parts: Iterable[Text]) -> str:
    """A tsvector literal of texts as they follow each other."""
    places: dict[str, list[str]] = defaultdict(list)
    position = 0
    for part in parts:
        for word in words(part.text):
            if position >= MAX_WORDS:
                break
            position += 1
            place = f"{position}{part.weight}"
            for lexeme in _lexemes(word, part):
                if len(places[lexeme]) < MAX_POSITIONS:
                    places[lexeme].append(place)
    return " ".join(f"'{lexeme}':{','.join(found)}" for lexeme, found in places.items())


def _lexemes(word: Word, part: Text) -> Iterator[str]:
    for form in (word.plain, f"={word.marked}" if word.marked else None):
        if form and not part.field_only:
            yield form
        if form and part.field:
            yield f"{part.field}:{form}"


def of_field(field: str, typed: str) -> str | None:
    """A tsquery for a text's words as they follow each other in one field; None for a text without words."""
    found = [f"'{field}:{_lexeme(word)}'" for word in words(typed)]
    return " <-> ".join(found) or None


def query(typed: str) -> Query:
    """All words must be there; "words in quotes" beside each other; -word must not; word* is a beginning."""
    wanted: list[str] = []
    hits: set[str] = set()
    prefixes: list[str] = []
    for found in _QUERY.finditer(unicodedata.normalize("NFC", typed)[:500]):
        text = found["phrase"] if found["phrase"] is not None else found["word"]
        lexemes = [_lexeme(word) for word in words(text)]
        if not lexemes:
            continue
        beginning = found["word"] is not None and text.endswith("*")
        quoted = [f"'{lexeme}'" for lexeme in lexemes]
        if beginning:
            quoted[-1] += ":*"
        # What is written together stands together: 15/QĐ-UBND is one thing, not three words anywhere.
        together = " <-> ".join(quoted)
        if found["minus"]:
            wanted.append(f"!({together})")
            continue
        wanted.append(f"({together})")
        hits |= set(lexemes[:-1] if beginning else lexemes)
        prefixes += lexemes[-1:] if beginning else []
    if not any(not each.startswith("!") for each in wanted):
        return Query(None)
    return Query(" & ".join(wanted), frozenset(hits), tuple(prefixes))


def _lexeme(word: Word) -> str:
    return f"={word.marked}" if word.marked else word.plain


def _is_hit(word: Word, asked: Query) -> bool:
    own = {word.plain, f"={word.marked}"} if word.marked else {word.plain}
    return bool(own & asked.words) or any(lexeme.startswith(asked.prefixes) for lexeme in own if asked.prefixes)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, and whether it is what was asked for."""

    text: str
    hit: bool


def marked_pieces(text: str, asked: Query, *, around: int | None = None) -> list[Piece]:
    """The text in pieces, those asked for marked; with `around` only that many words about the richest place."""
    found = list(words(text))
    hits = [n for n, word in enumerate(found) if _is_hit(word, asked)]
    low, high, start, end = 0, len(found), 0, len(text)
    if around is not None and found:
        low = _richest(hits, around)
        low = max(0, low - around // 4)
        high = min(len(found), low + around)
        start, end = found[low].start, found[high - 1].end
    pieces: list[Piece] = [Piece("… ", hit=False)] if start and around else []
    at = start
    for n in hits:
        if low <= n < high:
            word = found[n]
            pieces += [Piece(text[at : word.start], hit=False), Piece(text[word.start : word.end], hit=True)]
            at = word.end
    pieces.append(Piece(text[at:end], hit=False))
    if around is not None and end < len(text):
        pieces.append(Piece(" …", hit=False))
    return _joined(pieces)


def _richest(hits: Sequence[int], around: int) -> int:
    """Where a window of so many words meets most hits."""
    best, most, first = 0, 0, 0
    for last in range(len(hits)):
        while hits[last] - hits[first] >= around:
            first += 1
        if last - first + 1 > most:
            best, most = hits[first], last - first + 1
    return best


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.text]
