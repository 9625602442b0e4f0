"""Notices: the list, live in the browser, and whether they also come by mail."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import httpx
from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from services.portal.forms import Posted, local_path
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

RETRY = b"retry: 5000\n\n"  # ms until the browser connects again


@router.get("/notices")
def list_notices(visit: Reading, unread: str = "", cursor: Annotated[str, Query(max_length=300)] = "") -> Response:
    return _page(visit, unread=bool(unread), cursor=cursor)


def _page(visit: Visit, *, unread: bool = False, cursor: str = "", error: Rejected | None = None) -> Response:
    found, missing = parts_of(
        {
            "notices": lambda: visit.api.get("notify", "/notices", unread=unread or None, cursor=cursor),
            "preferences": lambda: visit.api.get("notify", "/preferences"),
        }
    )
    return visit.page(
        "notices.html",
        error=error or missing.get("notices"),
        notices=found.get("notices"),
        preferences=found.get("preferences"),
        unread_only=unread,
    )


@router.get("/notices/unread")
def count_unread(visit: Reading) -> dict[str, int]:
    """For the figure beside the menu's word, asked for by the script after the page stands."""
    return {"unread": int(visit.api.get("notify", "/notices", unread=True)["unread"])}


@router.post("/notices/preferences")
def set_preferences(visit: Posting, form: Posted) -> Response:
    try:
        visit.api.put("notify", "/preferences", {"email": form.get("email") == "yes"})
    except Rejected as rejected:
        return _page(visit, error=rejected)
    return visit.to("/notices", "saved")


@router.post("/notices/{notice_id}/read")
def mark_read(visit: Posting, form: Posted, notice_id: UUID) -> Response:
    """Read, and on to what it is about."""
    try:
        visit.api.post("notify", f"/notices/{notice_id}/read", key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected)
    link = local_path(form.get("link"))
    return visit.to(link) if link else visit.to("/notices", "read")


@router.get("/events")
def events(visit: Reading) -> StreamingResponse:
    """Server-Sent Events as notify has them. No transaction stands open, and the session is not prolonged by it."""
    stream = visit.api.stream("notify", "/stream", visit.request.headers.get("last-event-id"))
    return StreamingResponse(_relay(stream), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _relay(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield RETRY
    try:
        async for chunk in stream:
            yield chunk
    except (Rejected, httpx.TransportError) as error:
        log.info("event stream ended, the browser connects again: %s", error)
