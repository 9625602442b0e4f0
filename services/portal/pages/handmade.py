"""The CA that is asked by hand: what waits goes out as one file, certificates come back as another and are judged."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Posted
from services.portal.pages import pdf
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from services.portal.refusals import FILE_NEEDED
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)


@router.get("/ca")
def show_ca(visit: Reading) -> Response:
    visit.need("officer")
    return _page(visit)


def _page(visit: Visit, *, error: Rejected | None = None, report: dict[str, Any] | None = None) -> Response:
    found, missing = parts_of(
        {
            "waiting": lambda: visit.api.get("registry", "/ca-orders", state="waiting"),
            "sent": lambda: visit.api.get("registry", "/ca-orders", state="sent"),
            "batches": lambda: visit.api.get("registry", "/ca-batches"),
        }
    )
    lists = {name: found.get(name, {"items": []})["items"] for name in ("waiting", "sent", "batches")}
    return visit.page("ca.html", error=error or next(iter(missing.values()), None), report=report, **lists)


@router.post("/ca/batches")
def make_batch(visit: Posting, form: Posted) -> Response:
    try:
        visit.api.post("registry", "/ca-batches", {}, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected)
    return visit.to("/ca", "batch_made")


@router.get("/ca/batches/{batch_id}")
def download_batch(visit: Reading, batch_id: UUID) -> Response:
    visit.need("officer")
    path = f"/ca-batches/{batch_id}/file"
    return pdf.relay(visit, "registry", path, filename=f"vanthu-{batch_id}.zip", media_type="application/zip")


@router.post("/ca/answers")
def bring_answers(visit: Posting, form: Posted) -> Response:
    """`act` says whether to look only, to take all in, or the good ones."""
    files = form.files("file")
    if not files:
        return _page(visit, error=Rejected(FILE_NEEDED))
    act, name = form.get("act"), files[0].filename or "?"
    path = "/ca-answers/preview" if act == "preview" else "/ca-answers"
    query = {"name": name} | ({"only_good": "true"} if act == "good" else {})
    try:
        report = visit.api.upload("registry", path, files[0].file, key=form.get("once"), **query)
    except Rejected as rejected:
        return _page(visit, error=rejected)
    return _page(visit, report=report)


@router.post("/ca/orders/{order_id}/refuse")
def refuse_order(visit: Posting, form: Posted, order_id: UUID) -> Response:
    body = {"reason": form.get("reason")}
    try:
        visit.api.post("registry", f"/ca-orders/{order_id}/refuse", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected)
    return visit.to("/ca", "saved")
