"""HTTP in front of the figures: any day so far, a period, the months to come; as JSON, CSV and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.registry import figures, store_figures
from services.registry.edge import Caller, Overseer, Shape
from services.registry.figures import MonthCount, Standing, Table
from services.registry.issuance import today
from services.registry.refusals_figures import FIGURES_OF_THE_FUTURE, FIGURES_PERIOD_WRONG
from services.registry.store_figures import Reader
from shared.errors import INVALID_REQUEST, Rejected
from shared.http import Tx

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST = 3660  # days of a period

KNOWN = {"on", "from", "to", "months"}


def only_known(request: Request) -> None:
    """A misspelt parameter would give the figures of another day without a word."""
    if strange := request.query_params.keys() - KNOWN:
        raise Rejected(INVALID_REQUEST, where=f"/query/{min(strange)[:60]}")


router = APIRouter(tags=["figures"], dependencies=[Depends(only_known)])

On = Annotated[date | None, Query(description="The day counted, at its end in Vietnam; today (now) when left out.")]
From = Annotated[date | None, Query(alias="from", description="First day; the first of this year when left out.")]
To = Annotated[date | None, Query(description="Last day, included; today when left out.")]
Months = Annotated[int, Query(ge=1, le=60, description="How many months, this one included.")]


class CertificatesView(Shape):
    level: str
    kind: str
    state: str
    count: int


class DevicesView(Shape):
    level: str
    type: str
    place: str
    pin: str
    count: int


class CoverageView(Shape):
    """`…_share` in per cent; none when there is nobody to count."""

    level: str
    agencies: int
    agencies_with_seal: int
    agencies_share: float | None
    leaders: int
    leaders_with_certificate: int
    leaders_share: float | None

    @classmethod
    def of(cls, one: figures.Coverage) -> CoverageView:
        return cls(
            level=one.level,
            agencies=one.agencies,
            agencies_with_seal=one.agencies_with_seal,
            agencies_share=figures.share(one.agencies_with_seal, one.agencies),
            leaders=one.leaders,
            leaders_with_certificate=one.leaders_with_certificate,
            leaders_share=figures.share(one.leaders_with_certificate, one.leaders),
        )


class StandingView(Shape):
    """`in_use` counts active certificates by kind; `coverage` has a line a level and one for `all`."""

    on: date
    in_use: dict[str, int]
    certificates: list[CertificatesView]
    devices: list[DevicesView]
    coverage: list[CoverageView]

    model_config = Shape.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "on": "2026-08-31",
                    "in_use": {"organisation": 734, "person": 1578},
                    "certificates": [{"level": "commune", "kind": "person", "state": "active", "count": 1012}],
                    "devices": [
                        {
                            "level": "commune",
                            "type": "pki_token",
                            "place": "with_person",
                            "pin": "unlocked",
                            "count": 1012,
                        }
                    ],
                    "coverage": [
                        {
                            "level": "all",
                            "agencies": 231,
                            "agencies_with_seal": 229,
                            "agencies_share": 99.1,
                            "leaders": 702,
                            "leaders_with_certificate": 690,
                            "leaders_share": 98.3,
                        }
                    ],
                }
            ]
        }
    }


class MonthView(Shape):
    month: str
    level: str
    kind: str
    count: int


class IssuedView(Shape):
    """`by_level` sums the whole period."""

    first: date
    last: date
    total: int
    by_level: dict[str, int]
    months: list[MonthView]


class EndingView(MonthView):
    replaced: int


class ExpiringView(Shape):
    """`replaced`: of the certificates counted, how many holders have a usable one that lasts longer."""

    total: int
    replaced: int
    months: list[EndingView]


def _reader(who: Caller) -> Reader:
    return Reader(who.scope, who.person.id, who.agency.id)


def _standing(tx: Tx, who: Caller, on: date | None) -> Standing:
    day = on or today()
    if day > today():
        raise Rejected(FIGURES_OF_THE_FUTURE, day=day.isoformat())
    return store_figures.standing(tx, _reader(who), day, datetime.now(UTC))


def _issued(tx: Tx, who: Caller, first: date | None, last: date | None) -> tuple[date, date, tuple[MonthCount, ...]]:
    last = last or today()
    first = first or last.replace(month=1, day=1)
    if first > last or (last - first).days > LONGEST:
        raise Rejected(FIGURES_PERIOD_WRONG, start=first.isoformat(), until=last.isoformat())
    return first, last, store_figures.issued(tx, _reader(who), first, last)


def _expiring(tx: Tx, who: Caller, months: int) -> tuple[MonthCount, ...]:
    return store_figures.expiring(tx, _reader(who), months, datetime.now(UTC))


# --- how it stood on a day


@router.get("/figures")
def read_figures(tx: Tx, who: Overseer, on: On = None) -> StandingView:
    """Certificates by level, kind and state, devices, coverage; of the agencies that the reader oversees."""
    found = _standing(tx, who, on)
    in_use = [c for c in found.certificates if c.state == "active"]
    coverage = [*found.coverage, figures.all_levels(found.coverage)]
    return StandingView(
        on=found.on,
        in_use=dict.fromkeys(figures.KINDS, 0) | figures.total(in_use, lambda c: c.kind, lambda c: c.count),
        certificates=[
            CertificatesView(level=c.level, kind=c.kind, state=c.state, count=c.count) for c in found.certificates
        ],
        devices=[
            DevicesView(level=d.level, type=d.type, place=d.place, pin=d.pin, count=d.count) for d in found.devices
        ],
        coverage=[CoverageView.of(each) for each in coverage],
    )


@router.get("/figures.csv", response_class=Response)
def read_figures_csv(tx: Tx, who: Overseer, on: On = None) -> Response:
    """One table after the other, each under its title."""
    found = _standing(tx, who, on)
    return _csv(figures.standing_tables(found), f"so-lieu-{found.on.isoformat()}")


@router.get("/figures.xlsx", response_class=Response)
def read_figures_xlsx(tx: Tx, who: Overseer, on: On = None) -> Response:
    """A sheet for certificates, one for devices, one for coverage."""
    found = _standing(tx, who, on)
    return _xlsx(figures.standing_tables(found), f"so-lieu-{found.on.isoformat()}")


# --- issued in a period


@router.get("/figures/issued")
def read_issued(tx: Tx, who: Overseer, first: From = None, to: To = None) -> IssuedView:
    """Certificates whose validity began in the period, by month, level and kind."""
    first_day, last_day, counts = _issued(tx, who, first, to)
    return IssuedView(
        first=first_day,
        last=last_day,
        total=sum(c.count for c in counts),
        by_level=dict.fromkeys(figures.LEVELS, 0) | figures.total(counts, lambda c: c.level, lambda c: c.count),
        months=[MonthView(month=c.month, level=c.level, kind=c.kind, count=c.count) for c in counts],
    )


@router.get("/figures/issued.csv", response_class=Response)
def read_issued_csv(tx: Tx, who: Overseer, first: From = None, to: To = None) -> Response:
    first_day, last_day, counts = _issued(tx, who, first, to)
    return _csv([figures.issued_table(counts)], f"da-cap-{first_day.isoformat()}-{last_day.isoformat()}")


@router.get("/figures/issued.xlsx", response_class=Response)
def read_issued_xlsx(tx: Tx, who: Overseer, first: From = None, to: To = None) -> Response:
    first_day, last_day, counts = _issued(tx, who, first, to)
    return _xlsx([figures.issued_table(counts)], f"da-cap-{first_day.isoformat()}-{last_day.isoformat()}")


# --- about to end


@router.get("/figures/expiring")
def read_expiring(tx: Tx, who: Overseer, months: Months = 12) -> ExpiringView:
    """Certificates that end in this month and the next ones, and how many of their holders are provided for."""
    counts = _expiring(tx, who, months)
    return ExpiringView(
        total=sum(c.count for c in counts),
        replaced=sum(c.replaced for c in counts),
        months=[
            EndingView(month=c.month, level=c.level, kind=c.kind, count=c.count, replaced=c.replaced) for c in counts
        ],
    )


@router.get("/figures/expiring.csv", response_class=Response)
def read_expiring_csv(tx: Tx, who: Overseer, months: Months = 12) -> Response:
    return _csv([figures.expiring_table(_expiring(tx, who, months))], "sap-het-han")


@router.get("/figures/expiring.xlsx", response_class=Response)
def read_expiring_xlsx(tx: Tx, who: Overseer, months: Months = 12) -> Response:
    return _xlsx([figures.expiring_table(_expiring(tx, who, months))], "sap-het-han")


# --- files. No cell holds text that somebody entered, so none can be read as a formula.


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


def _csv(tables: Sequence[Table], name: str) -> Response:
    """UTF-8 with a mark, which spreadsheet programs need to see that it is UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for at, table in enumerate(tables):
        if at:
            writer.writerow([])
        if len(tables) > 1:
            writer.writerow([table.title])
        writer.writerow(table.head)
        writer.writerows(table.rows)
    return _file(out.getvalue().encode("utf-8-sig"), CSV, f"{name}.csv")


def _xlsx(tables: Sequence[Table], name: str) -> Response:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    for table in tables:
        page = book.create_sheet(table.title)
        page.freeze_panes = "A2"
        head = [WriteOnlyCell(page, text) for text in table.head]
        for at, cell in enumerate(head):
            cell.font = Font(bold=True)
            page.column_dimensions[chr(ord("A") + at)].width = max(12, len(table.head[at]) + 2)
        page.append(head)
        for row in table.rows:
            page.append(row)
    out = io.BytesIO()
    book.save(out)
    return _file(out.getvalue(), XLSX, f"{name}.xlsx")
