"""By when something must be registered, on the agency's working days."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from services.docs import store_workdays
from shared.db import Tx


def next_working_day(tx: Tx, agency_id: UUID, day: date) -> date:
    """NĐ 30 art. 4.2c: what is not registered on the day is registered at the latest on the next working day."""
    return store_workdays.calendar_for(tx, agency_id).after(day, 1)


def second_working_day(tx: Tx, agency_id: UUID, year: int) -> date:
    """Of a year: from then on nothing of the year before may be registered in time any more."""
    return store_workdays.calendar_for(tx, agency_id).after(date(year - 1, 12, 31), 2)
