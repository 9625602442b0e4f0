"""Words of Vietnamese text as the search index keeps them, and what a person types made into a query of such words.

Each word is kept without marks; one that has marks is kept with them as well, behind "=". So `quyet dinh` finds
everything and `quyết định` only what is written so, wherever the tone stands (hoà, hòa). A word of a field is kept
once more behind the field's letter and ":", so that a signer's name is found as a signer's only. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from services.docs.text import fold

Weight = Literal["A", "B", "C", "D"]
MAX_WORDS = 16_000  # PostgreSQL keeps no position past 16,383
MAX_POSITIONS = 60  # of one word in a text; more say nothing more about the rank
MAX_LENGTH = 60  # characters of a word; longer ones are no words
AROUND = 30  # words of a text that are shown
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
    """A tsvector literal of texts as they follow each other; a lexeme that several have stands there several times, which
    PostgreSQL makes one.
    """
    said: list[str] = []
    position = 0
    for part in parts:
        text, count = _placed(part, position)
        said.append(text)
        position = min(position + count, MAX_WORDS)
    return " ".join(filter(None, said))


# One text goes into the entries of all who have the document, one after the other, and mostly at the same place.
@lru_cache(maxsize=64)
def _placed(part: Text, position: int) -> tuple[str, int]:
    """The lexemes of a text before which stand so many words, and how many words it has."""
    places: dict[str, list[str]] = {}
    kept = _kept(part.text, part.field, part.field_only)
    for place, word in zip(_places(part.weight)[position:], kept, strict=False):
        for lexeme in word:
            if (found := places.get(lexeme)) is None:
                places[lexeme] = [place]
            elif len(found) < MAX_POSITIONS:
                found.append(place)
    return " ".join([f"'{lexeme}':{','.join(found)}" for lexeme, found in places.items()]), len(kept)


@lru_cache(maxsize=4)
def _places(weight: Weight) -> tuple[str, ...]:
    return tuple(f"{n}{weight}" for n in range(1, MAX_WORDS + 1))


@lru_cache(maxsize=16)
def _kept(text: str, field: str, field_only: bool) -> tuple[tuple[str, ...], ...]:  # noqa: FBT001  a key of the cache
    """Of each word what is kept of it."""
    surfaces = (found.group() for found in _WORD.finditer(text))
    return tuple(_lexemes(each, field, field_only) for each in surfaces if len(each) <= MAX_LENGTH)


@lru_cache(maxsize=32_768)
def _lexemes(surface: str, field: str, field_only: bool) -> tuple[str, ...]:  # noqa: FBT001  likewise
    plain, marked = _forms(surface)
    forms = (plain, f"={marked}") if marked else (plain,)
    return (() if field_only else forms) + (tuple(f"{field}:{form}" for form in forms) if field else ())


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


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, and whether it is what was asked for."""

    text: str
    hit: bool


class Marker:
    """Marks in texts what a query asked for; made once for all that was found, since texts share most of their words."""

    def __init__(self, asked: Query) -> None:
        self.asked = asked
        self._known: dict[str, bool] = {}  # what stands between blanks, or one word: whether it is asked for

    def _look(self, said: str) -> bool:
        asked, lexemes = self.asked, _said_in(said)
        hit = not asked.words.isdisjoint(lexemes)
        if not hit and asked.prefixes:
            hit = any(each.startswith(asked.prefixes) for each in lexemes)
        self._known[said] = hit
        return hit

    def mark(self, text: str) -> list[Piece]:
        """The text in pieces, those asked for marked."""
        pieces: list[Piece] = []
        at, known = 0, self._known
        for found in _WORD.finditer(text):
            word = found.group()
            hit = known.get(word)
            if self._look(word) if hit is None else hit:
                pieces += [Piece(text[at : found.start()], hit=False), Piece(word, hit=True)]
                at = found.end()
        pieces.append(Piece(text[at:], hit=False))
        return [piece for piece in pieces if piece.text]

    def excerpt(self, text: str) -> list[Piece]:
        """The richest thirty words of a long text, marked; nothing when what was asked is not in it.

        Cut at blanks only: what stands between them has mostly been seen in other texts before, and is looked up.
        """
        tokens, known = text.split(), self._known
        for token in set(tokens).difference(known):
            self._look(token)
        hits = [n for n, token in enumerate(tokens) if known[token]]
        if not hits:
            return []
        start = max(0, _richest(hits, AROUND) - AROUND // 4)
        pieces = self.mark(" ".join(tokens[start : start + AROUND]))
        before = [Piece("… ", hit=False)] if start else []
        return before + pieces + ([Piece(" …", hit=False)] if start + AROUND < len(tokens) else [])


@lru_cache(maxsize=65_536)
def _said_in(token: str) -> tuple[str, ...]:
    """The lexemes of what stands between two blanks."""
    return tuple(lexeme for found in _WORD.finditer(token) for lexeme in _lexemes(found.group(), "", False))


def _richest(hits: Sequence[int], width: int) -> int:
    """Where a window of so many words begins that meets most hits."""
    best, most, first = hits[0], 0, 0
    for last in range(len(hits)):
        while hits[last] - hits[first] >= width:
            first += 1
        if last - first + 1 > most:
            best, most = hits[first], last - first + 1
    return best
