"""HTTP for the working calendar: what a year looks like here, and the days that a province or agency says otherwise."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from services.docs import access, refusals, store_registry, store_workdays
from services.docs.access import Acting, Line
from services.docs.views import Body, View
from services.docs.workdays import SaidDay, calendar_of, scopes_of
from shared import outbox
from shared.db import Tx
from shared.errors import Rejected
from shared.events.docs import DocsAct

router = APIRouter(tags=["calendar"])

Anybody = Annotated[Acting, access.Depends(access.acting_as("clerk", "leader", "officer", "operator"))]
Officer = Annotated[Acting, access.Depends(access.acting_as("officer", "clerk"))]
Year = Annotated[int, Path(ge=2000, le=2100)]


class DayView(View):
    """A day that is not as its weekday says. `scope`: whose table says so; empty: the calendar library."""

    day: date
    kind: Literal["off", "work"]
    name: str
    scope: str


class CalendarView(View):
    """`scopes` are whose tables count here, widest first; `own_scopes` those that the reader may change."""

    year: int
    scopes: list[str]
    own_scopes: list[str]
    days: list[DayView]
    workdays: int


class DayBody(Body):
    scope: str = Field(min_length=1, max_length=35)
    kind: Literal["off", "work"]
    name: Line


@router.get("/calendar/{year}")
def get_calendar(year: Year, acting: Anybody) -> CalendarView:
    """Every holiday, swapped day and day of the tables in a year, for the reader's agency."""
    scopes, own = _scopes(acting)
    first, last = date(year, 1, 1), date(year, 12, 31)
    calendar = calendar_of(store_workdays.list_days(acting.tx, scopes, first, last))
    all_days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    special = [(day, calendar.name(day)) for day in all_days]
    return CalendarView(
        year=year,
        scopes=list(scopes),
        own_scopes=own,
        days=[
            DayView(
                day=day,
                kind="work" if calendar.works(day) else "off",
                name=name,
                scope=calendar.said[day].scope if day in calendar.said else "",
            )
            for day, name in special
            if name
        ],
        workdays=sum(calendar.works(day) for day in all_days),
    )


@router.put("/calendar/days/{day}", status_code=204)
def put_day(day: date, body: DayBody, acting: Officer) -> None:
    """Say that a day is off, or worked; deadlines that are set from now on count by it, and one that lies on a day
    off ends with the next working day.
    """
    _check(acting, body.scope)
    said = SaidDay(day, body.kind, body.name, body.scope)
    if store_workdays.put_day(acting.tx, said, by=acting.by, at=acting.now()):
        _record(acting.tx, acting, "set_calendar_day", body.scope, day=day.isoformat(), kind=body.kind, name=body.name)


@router.delete("/calendar/days/{day}", status_code=204)
def remove_day(day: date, scope: Annotated[str, access.Query(max_length=35)], acting: Officer) -> None:
    """Back to what the calendar library says."""
    _check(acting, scope)
    if store_workdays.remove_day(acting.tx, scope, day):
        _record(acting.tx, acting, "remove_calendar_day", scope, day=day.isoformat())


def _scopes(acting: Acting) -> tuple[tuple[str, ...], list[str]]:
    agency = store_registry.find_agency(acting.tx, acting.agency_id)
    if agency is None:
        raise Rejected(refusals.CALENDAR_NOT_YOURS, scope="")
    scopes = scopes_of(agency.identifier)
    wide = "officer" in acting.post.roles and agency.level == "province"
    own = [each for each in scopes if wide or each == agency.identifier]
    return scopes, own if acting.post.roles & {"officer", "clerk"} else []


def _check(acting: Acting, scope: str) -> None:
    if scope not in _scopes(acting)[1]:
        raise Rejected(refusals.CALENDAR_NOT_YOURS, scope=scope)


def _record(tx: Tx, acting: Acting, act: str, scope: str, **detail: str) -> None:
    fact = DocsAct(act=act, object_kind="calendar", object_id=scope, detail=detail, by=acting.by, at=acting.now())
    outbox.put(tx, fact, source=acting.office.source)
