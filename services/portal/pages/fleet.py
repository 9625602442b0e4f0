"""The machines that leaders sign on, for whoever looks after them: what is old, what ends soon, which driver fails."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.pages.visit import Reading
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)


@router.get("/fleet")
def show_fleet(visit: Reading) -> Response:
    """Those that need somebody come first, each with the reason."""
    visit.need("operator", "officer")
    try:
        found = visit.api.get("signing", "/clients")
    except Rejected as rejected:
        return visit.page("fleet.html", error=rejected, found=None, items=[])
    items = sorted(found["items"], key=lambda row: not row["attention"])
    return visit.page("fleet.html", found=found, items=items)
