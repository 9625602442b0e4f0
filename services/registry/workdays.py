"""Working days: Monday to Friday without holidays, with days off that were swapped for Saturdays. Pure.

Holidays come from the `holidays` library; whatever it lacks or has wrong is said in a table (day, off or work), which
counts before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = timedelta(days=1)
Kind = Literal["off", "work"]


@dataclass(frozen=True)
class Workdays:
    """`said` are the days of the table."""

    said: Mapping[date, Kind] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        if day in self.said:
            return self.said[day] == "work"
        off, make_up = _of_year(day.year)
        return day in make_up or (day.weekday() < 5 and day not in off)

    def after(self, day: date, count: int) -> date:
        """The last day of a limit of `count` working days; the day that it starts on is not counted (BLDS art. 147)."""
        while count > 0:
            day += DAY
            count -= self.works(day)
        return day

    def left(self, today: date, until: date) -> int:
        """Working days after `today` up to and with `until`; negative when it is past."""
        step = DAY if until >= today else -DAY
        count, day = 0, today
        while day != until:
            day += step
            # Going back, today's own day is owed as much as the days between.
            count += self.works(day if step == DAY else day + DAY)
        return count if step == DAY else -max(count, 1)


@cache
def _of_year(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Days off and make-up Saturdays of a year, as the library knows them."""
    found = holidays.country_holidays("VN", years=year)
    return frozenset(found), frozenset(getattr(found, "weekend_workdays", ()))


def end_of(day: date) -> datetime:
    """The end of a day in Viet Nam."""
    return datetime.combine(day + DAY, time(), HANOI)


def day_of(at: datetime) -> date:
    return at.astimezone(HANOI).date()
