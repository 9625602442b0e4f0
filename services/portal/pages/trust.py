"""Whom the province believes: pinned root CAs, and whether the services that say what is revoked can be reached."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)


@router.get("/trust")
def show_trust(visit: Reading) -> Response:
    visit.need("officer", "operator")
    return _page(visit)


def _page(visit: Visit, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    found, missing = parts_of(
        {
            "anchors": lambda: visit.api.get("registry", "/trust-anchors"),
            "sources": lambda: visit.api.get("registry", "/revocation-sources"),
        }
    )
    sources: list[dict[str, Any]] = found.get("sources", {"items": []})["items"]
    return visit.page(
        "trust.html",
        error=error or next(iter(missing.values()), None),
        anchors=found.get("anchors", {"items": []})["items"],
        sources=sorted(sources, key=lambda row: (row["down_since"] is None, row["url"])),
        typed=typed or Form(),
        now=datetime.now(UTC).isoformat(),
    )


@router.post("/trust/pin")
def pin(visit: Posting, form: Posted) -> Response:
    body = {"pem": form.get("pem"), "fingerprint": form.get("fingerprint"), "purposes": form.all("purpose")}
    try:
        visit.api.post("registry", "/trust-anchors", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected, typed=form)
    return visit.to("/trust", "anchor_pinned")


@router.post("/trust/{fingerprint}/{act}")
def withdraw_or_restore(visit: Posting, form: Posted, fingerprint: str, act: str) -> Response:
    if act not in {"withdraw", "restore"} or not fingerprint.isalnum():
        return visit.to("/trust")
    body = {"reason": form.get("reason")} if act == "withdraw" else {}
    try:
        visit.api.post("registry", f"/trust-anchors/{fingerprint}/{act}", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected)
    return visit.to("/trust", "saved")
