"""Working time: days and office hours in which deadlines run, with holidays (lunar Tết too) and swapped days. Pure.

Holidays and their swapped Saturdays come from the `holidays` library; what it lacks or has wrong, and what a province
or an agency decides for itself, is said in a table (day, off or work), which counts before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
ONE_DAY = timedelta(days=1)
Kind = Literal["off", "work"]

# Most offices; eight hours a day (Labour Code art. 105).
OFFICE_HOURS = ((time(7, 30), time(11, 30)), (time(13, 30), time(17, 30)))
HOURS_A_DAY = 8


@dataclass(frozen=True, slots=True)
class SaidDay:
    """A day as the table says it: off, or a working day (a Saturday that was swapped)."""

    day: date
    kind: Kind
    name: str
    scope: str = ""


@dataclass(frozen=True)
class Calendar:
    """The working time of one agency. `said` counts before what the library knows."""

    said: Mapping[date, SaidDay] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        if day in self.said:
            return self.said[day].kind == "work"
        off, make_up = _of_year(day.year)
        return day in make_up or (day.weekday() < 5 and day not in off)

    def name(self, day: date) -> str | None:
        """What a day is called: as the table says, else the holiday's name; None for any other day."""
        if day in self.said:
            return self.said[day].name
        off, make_up = _of_year(day.year)
        return off.get(day) or ("Làm bù" if day in make_up else None)

    def after(self, day: date, count: int) -> date:
        """The last day of a limit of `count` working days; the day it starts on is not counted (BLDS art. 147)."""
        while count > 0:
            day += ONE_DAY
            count -= self.works(day)
        return day

    def before(self, day: date, count: int) -> date:
        """The working day from which `count` working days are left until `day`."""
        while count > 0:
            day -= ONE_DAY
            count -= self.works(day)
        return day

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and with `last`; negative when `last` lies before."""
        if last < first:
            return -self.between(last, first)
        return sum(self.works(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))

    def last_day(self, due_on: date) -> date:
        """Until when a deadline really runs: one on what became a day off ends with the next working day (BLDS art. 148.5)."""
        return due_on if self.works(due_on) else self.after(due_on, 1)

    def days_late(self, due_on: date, on: date) -> int:
        """By how many working days `on` is too late; 0: in time. What is done on a day off after the deadline is one late."""
        return max(self.between(self.last_day(due_on), on), 1) if on > self.last_day(due_on) else 0

    def end_of(self, day: date) -> datetime:
        """When the office closes on a day."""
        return datetime.combine(day, OFFICE_HOURS[-1][1], VIETNAM)

    def start_of(self, day: date) -> datetime:
        return datetime.combine(day, OFFICE_HOURS[0][0], VIETNAM)

    def add_days(self, start: datetime, count: int) -> datetime:
        """When a limit of `count` working days ends: at closing time of its last day."""
        return self.end_of(self.after(start.astimezone(VIETNAM).date(), count))

    def add_hours(self, start: datetime, hours: float) -> datetime:
        """The moment after so many office hours; what comes in at night or on a holiday begins at the next opening."""
        left = timedelta(hours=hours)
        day, now = start.astimezone(VIETNAM).date(), start
        while True:
            for opens, closes in self._open(day):
                begin = max(opens, now)
                if begin < closes:
                    if left <= closes - begin:
                        return begin + left
                    left -= closes - begin
            day += ONE_DAY

    def hours(self, start: datetime, end: datetime) -> float:
        """Office hours between two moments; negative when `end` lies before `start`."""
        if end < start:
            return -self.hours(end, start)
        day, last, found = start.astimezone(VIETNAM).date(), end.astimezone(VIETNAM).date(), timedelta()
        while day <= last:
            for opens, closes in self._open(day):
                found += max(min(closes, end) - max(opens, start), timedelta())
            day += ONE_DAY
        return found / timedelta(hours=1)

    def _open(self, day: date) -> Iterable[tuple[datetime, datetime]]:
        if self.works(day):
            for opens, closes in OFFICE_HOURS:
                yield datetime.combine(day, opens, VIETNAM), datetime.combine(day, closes, VIETNAM)


def calendar_of(said: Iterable[SaidDay]) -> Calendar:
    """`said` from the widest scope to the narrowest: what an agency says of a day counts before its province."""
    return Calendar({each.day: each for each in said})


def scopes_of(identifier: str) -> tuple[str, ...]:
    """Whose tables an agency's calendar is made of, widest first: the province's (first group of its identifier), its own."""
    province = identifier.partition(".")[0]
    return (province,) if province == identifier else (province, identifier)


@cache
def _of_year(year: int) -> tuple[Mapping[date, str], frozenset[date]]:
    """Days off with their names, and make-up Saturdays, as the library knows them."""
    found = holidays.country_holidays("VN", years=year, language="vi")
    return dict(found.items()), frozenset(getattr(found, "weekend_workdays", ()))
