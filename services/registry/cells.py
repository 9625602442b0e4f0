"""What a cell of a directory sheet means: dates, levels, roles, yes and no, in both languages. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import TypeVar, get_args

from services.registry.agency import Level
from services.registry.columns import FUNCTIONS, LEVELS, ROLES, SHEETS, YES_NO, Column, Holds, Sheet
from services.registry.names import fold
from services.registry.refusals_import import CELL_CHOICE, CELL_DATE, CELL_LONG, CELL_MISSING, CELL_NUMBER
from shared.errors import Rejected
from shared.events.registry import PostFunction, Role

MAX_TEXT = 300
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
ON_PAPER = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")  # day first, as in Vietnam

T = TypeVar("T")

COLUMNS: dict[Sheet, dict[str, Column]] = {sheet: {c.name: c for c in columns} for sheet, columns in SHEETS.items()}
_LEVELS: dict[str, Level] = {fold(word): level for level in get_args(Level) for word in (level, LEVELS[level])} | {
    "cap tinh": "province",
    "cap huyen": "district",
    "cap xa": "commune",
    "ngoai tinh": "outside",
    "ngoai he thong": "outside",
}
_ROLES: dict[str, Role] = {fold(word): role for role in get_args(Role) for word in (role, ROLES[role])} | {
    "can bo danh ba": "officer",
    "quan tri he thong": "operator",
}
_FUNCTIONS: dict[str, PostFunction] = {
    fold(word): each for each in get_args(PostFunction) for word in (each, FUNCTIONS[each])
} | {"nguoi dung dau": "head", "cap pho": "deputy", "van thu": "registrar", "chuyen vien": "specialist"}
_YES_NO: dict[str, bool] = {fold(YES_NO["yes"]): True, "yes": True, "true": True, "1": True, "x": True} | {
    fold(YES_NO["no"]): False,
    "no": False,
    "false": False,
    "0": False,
}


class Cell(Exception):
    """A refusal, and the column that it is about."""

    def __init__(self, column: str, error: Rejected) -> None:
        self.column = column
        self.error = error
        super().__init__(column)


class Cells:
    """The cells of one row. Each reader raises Cell; `None` means empty, a column that is not there gives `kept`."""

    def __init__(self, sheet: Sheet, given: Mapping[str, str]) -> None:
        self.sheet = sheet
        self.given = given

    def has(self, name: str) -> bool:
        return bool(self.given.get(name))

    def said(self, name: str, kept: str | None = None) -> str | None:
        return self._read(name, kept, _text)

    def text(self, name: str) -> str:
        """One that must be filled in."""
        found = self.said(name)
        if not found:
            raise Cell(name, Rejected(CELL_MISSING))
        return found

    def day(self, name: str, kept: date | None = None) -> date | None:
        return self._read(name, kept, _date)

    def first_day(self, name: str) -> date:
        found = self.day(name)
        if found is None:
            raise Cell(name, Rejected(CELL_MISSING))
        return found

    def number(self, name: str, kept: float, *, low: float, high: float) -> float:
        return self._read(name, kept, lambda value: _number(value, low, high)) or kept

    def yes_no(self, name: str, kept: bool) -> bool:  # noqa: FBT001  a value of the row
        found = self._read(name, kept, lambda value: _choice(value, _YES_NO, YES_NO.values()))
        return kept if found is None else found

    def level(self, name: str) -> Level:
        found: Level = at(name, lambda: _choice(self.text(name), _LEVELS, LEVELS.values()))
        return found

    def roles(self, name: str, kept: tuple[Role, ...]) -> tuple[Role, ...]:
        return self._read(name, kept, _roles) or ()

    def function(self, name: str, kept: PostFunction | None) -> PostFunction | None:
        return self._read(name, kept, lambda value: _choice(value, _FUNCTIONS, FUNCTIONS.values()))

    def wrong(self) -> Iterator[Cell]:
        """What cannot be read, cell by cell, whatever the rest of the row says."""
        readers: dict[Holds, Callable[[str], object]] = {
            "text": self.said,
            "date": self.day,
            "level": self.level,
            "number": lambda name: self.number(name, 0, low=float("-inf"), high=float("inf")),
            "yes_no": lambda name: self.yes_no(name, kept=True),
            "roles": lambda name: self.roles(name, ()),
            "function": lambda name: self.function(name, None),
        }
        for column in COLUMNS[self.sheet].values():
            try:
                if column.filled:
                    self.text(column.name)
                if self.has(column.name):
                    readers[column.holds](column.name)
            except Cell as cell:
                yield cell

    def _read(self, name: str, kept: T, read: Callable[[str], T]) -> T | None:
        if name not in self.given:
            return kept
        value = self.given[name]
        return at(name, lambda: read(value)) if value else None


def at(column: str, act: Callable[[], T]) -> T:
    """What `act` gives; its refusal is about this column."""
    try:
        return act()
    except Rejected as error:
        raise Cell(column, error) from error


def write_day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _text(value: str) -> str | None:
    if len(value) > MAX_TEXT:
        raise Rejected(CELL_LONG, limit=MAX_TEXT)
    return value


def _date(value: str) -> date | None:
    iso, paper = ISO.fullmatch(value), ON_PAPER.fullmatch(value)
    parts = iso.groups() if iso else paper.groups()[::-1] if paper else ()
    try:
        return date(*map(int, parts))
    except (ValueError, TypeError) as error:
        raise Rejected(CELL_DATE, value=value[:40]) from error


def _number(value: str, low: float, high: float) -> float:
    try:
        found = float(value.replace(",", "."))
    except ValueError:
        found = float("nan")
    if not low <= found <= high:
        raise Rejected(CELL_NUMBER, value=value[:40], low=f"{low:g}", high=f"{high:g}")
    return found


def _choice(value: str, known: Mapping[str, T], names: Iterable[str]) -> T:
    found = known.get(fold(value))
    if found is None:
        raise Rejected(CELL_CHOICE, value=value[:40], known=", ".join(names))
    return found


def _roles(value: str) -> tuple[Role, ...]:
    words = [word for word in re.split(r"[,;/+]", value) if word.strip()]
    wanted = {_choice(word, _ROLES, ROLES.values()) for word in words}
    return tuple(role for role in get_args(Role) if role in wanted)
