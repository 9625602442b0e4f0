"""What waits for the one who is logged in, by role, with counts."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.pages.visit import Reading

router = APIRouter(include_in_schema=False)


@router.get("/")
def show_home(visit: Reading) -> Response:
    return visit.page("home.html")
