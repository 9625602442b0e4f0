"""HTTP for the figures of documents: any period, by agency, level, type or month; as JSON, CSV and XLSX."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from services.docs import access, sheets, store_registry
from services.docs.access import Acting
from services.docs.figures import domain, store
from services.docs.figures.domain import By, Row, Scope
from services.docs.refusals import NOT_IN_POST
from services.docs.views import Body, View
from shared.errors import Rejected

router = APIRouter(tags=["figures"])

Reader = Annotated[Acting, Depends(access.acting_as("clerk", "leader", "officer"))]
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Asked(Body):
    """Both days included; this year until today when nothing is said."""

    since: date | None = None
    until: date | None = None
    by: By = "month"


Wanted = Annotated[Asked, Query()]


class FigureRow(View):
    """A group: `counts` by measure, `shares` in per cent, none of nothing."""

    key: str
    name: str
    counts: dict[str, int]
    shares: dict[str, float | None]


class FiguresView(View):
    """`waiting`: changes of the last seconds that are not counted yet. `oversees`: whose, beside the own agency's."""

    since: date
    until: date
    by: By
    oversees: tuple[str, ...]
    items: list[FigureRow]
    total: FigureRow
    waiting: int


class RecountView(View):
    days: int = Field(description="days of agencies that are being counted anew")


def _scope(acting: Acting) -> Scope:
    agency = store_registry.find_agency(acting.tx, acting.agency_id)
    if agency is None:
        raise Rejected(NOT_IN_POST)
    return domain.scope_of(acting.post, agency)


def _rows(acting: Acting, asked: Asked) -> tuple[date, date, list[Row]]:
    first, last = domain.check_period(asked.since, asked.until, acting.today())
    counts = store.sums(
        acting.tx, acting.agency_id, _scope(acting), asked.by, period=(first, last), today=acting.today()
    )
    return first, last, domain.rows(asked.by, counts)


def _view(row: Row) -> FigureRow:
    return FigureRow(key=row.key, name=row.name, counts=dict(row.counts), shares=row.shares)


@router.get("/figures")
def read_figures(acting: Reader, asked: Wanted) -> FiguresView:
    """Of the reader's agency, of an officer's all that they oversee."""
    first, last, found = _rows(acting, asked)
    return FiguresView(
        since=first,
        until=last,
        by=asked.by,
        oversees=_scope(acting).patterns,
        items=[_view(row) for row in found],
        total=_view(domain.total(found)),
        waiting=store.waiting(acting.tx),
    )


@router.get("/figures.csv", response_class=Response)
def read_csv(acting: Reader, asked: Wanted) -> Response:
    first, last, found = _rows(acting, asked)
    return _file(sheets.to_csv(domain.sheet(asked.by, found, first, last)), CSV, f"{first}-{last}.csv")


@router.get("/figures.xlsx", response_class=Response)
def read_xlsx(acting: Reader, asked: Wanted) -> Response:
    first, last, found = _rows(acting, asked)
    return _file(sheets.to_xlsx(domain.sheet(asked.by, found, first, last)), XLSX, f"{first}-{last}.xlsx")


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="van-ban-{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


@router.post("/figures/recount")
def recount(acting: Reader, asked: Wanted) -> RecountView:
    """Have a period counted anew from the rows, after a change of the calendar for one. Nothing else changes."""
    first, last = domain.check_period(asked.since, asked.until, acting.today())
    return RecountView(days=store.touch(acting.tx, acting.agency_id, _scope(acting), first, last))
