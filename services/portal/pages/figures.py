"""The registry's figures: how it stood on a day, what was issued, what ends; and as files."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.pages import pdf
from services.portal.pages.visit import Reading, parts_of, today_in_vietnam

router = APIRouter(include_in_schema=False)

Day = Annotated[str, Query(max_length=10, pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


@router.get("/figures")
def show_figures(visit: Reading, on: Day = "", since: Day = "", until: Day = "") -> Response:
    visit.need("officer", "clerk")
    period = {"from": since, "to": until}
    found, missing = parts_of(
        {
            "standing": lambda: visit.api.get("registry", "/figures", on=on),
            "issued": lambda: visit.api.get("registry", "/figures/issued", **period),
            "expiring": lambda: visit.api.get("registry", "/figures/expiring", months=12),
        }
    )
    return visit.page(
        "figures.html",
        error=next(iter(missing.values()), None),
        standing=found.get("standing"),
        issued=found.get("issued"),
        months=_by_month(found.get("expiring", {"months": []})["months"]),
        typed={"on": on, "since": since, "until": until},
        today=today_in_vietnam().isoformat(),
    )


def _by_month(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """How many end in each month, and of how many the holder has a longer one."""
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        count, replaced = sums.get(row["month"], (0, 0))
        sums[row["month"]] = (count + row["count"], replaced + row["replaced"])
    return sums


@router.get("/figures/file.{kind}")
def download(*, visit: Reading, kind: str, what: str = "", on: Day = "", since: Day = "", until: Day = "") -> Response:
    """`what`: how it stood on a day, `issued` in a period, or `expiring` in the months to come."""
    visit.need("officer", "clerk")
    kind = kind if kind in TYPES else "xlsx"
    day = today_in_vietnam().isoformat()
    if what == "issued":
        name, asked = "da-cap", {"from": since, "to": until}
    elif what == "expiring":
        name, asked = "sap-het-han", {"months": "12"}
    else:
        day = on or day
        what, name, asked = "", "so-lieu", {"on": day}
    query = urlencode({each: value for each, value in asked.items() if value})
    path = f"/figures{'/' if what else ''}{what}{'' if kind == 'json' else '.' + kind}?{query}"
    return pdf.relay(visit, "registry", path, filename=f"{name}-{day}.{kind}", media_type=TYPES[kind])
