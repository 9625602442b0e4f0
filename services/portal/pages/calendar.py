"""The working calendar of a year: holidays, swapped days, and what the province or the agency says otherwise."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit
from services.portal.wording import VIETNAM
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)


@router.get("/calendar")
def show_this_year(visit: Reading) -> Response:
    return visit.to(f"/calendar/{datetime.now(VIETNAM).year}")


@router.get("/calendar/{year}")
def show_calendar(visit: Reading, year: int) -> Response:
    return _page(visit, year)


@router.post("/calendar/{year}")
def say_day(visit: Posting, form: Posted, year: int) -> Response:
    """A day that is off or worked, or that a day is no more said otherwise."""
    path = f"/calendar/days/{quote(form.get('day') or '-', safe='')}"  # no day is a wrong day, not another address
    try:
        if form.get("remove"):
            visit.api.delete("docs", path, scope=form.get("scope"))
        else:
            body = {name: form.get(name) for name in ("scope", "kind", "name")}
            visit.api.put("docs", path, body)
    except Rejected as rejected:
        return _page(visit, year, typed=form, error=rejected)
    return visit.to(f"/calendar/{year}", "calendar_saved")


def _page(visit: Visit, year: int, *, typed: Form | None = None, error: Rejected | None = None) -> Response:
    found = visit.api.get("docs", f"/calendar/{year}")
    return visit.page("calendar.html", error=error, found=found, typed=typed or Form())
