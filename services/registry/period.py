"""A span of days, both ends included; without an end it goes on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.registry.refusals import PERIOD_INVERTED
from shared.errors import Rejected


@dataclass(frozen=True, slots=True)
class Period:
    start: date
    until: date | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.until < self.start:
            raise Rejected(PERIOD_INVERTED, start=self.start.isoformat(), until=self.until.isoformat())

    def has(self, day: date) -> bool:
        return self.start <= day and (self.until is None or day <= self.until)

    def within(self, other: Period) -> bool:
        if self.start < other.start:
            return False
        return other.until is None or (self.until is not None and self.until <= other.until)

    def common(self, other: Period) -> Period | None:
        """The days that both have; none when there is none."""
        start = max(self.start, other.start)
        ends = [until for until in (self.until, other.until) if until is not None]
        until = min(ends, default=None)
        return None if until is not None and until < start else Period(start, until)

    @classmethod
    def of(cls, start: str, until: str | None) -> Period:
        """From ISO 8601 dates."""
        return cls(date.fromisoformat(start), date.fromisoformat(until) if until else None)
