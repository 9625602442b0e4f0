"""Certificates: which are there, which end soon, how one reaches its holder, and ending one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal import store
from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.db import transaction
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

SOON = timedelta(days=30)
ACTS = {"revoke": "revoked", "suspend": "suspended", "resume": "resumed"}


@router.get("/certificates")
def list_certificates(
    visit: Reading,
    status: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    visit.need("officer", "clerk", "leader")
    return _page(visit, status=status, cursor=cursor)


def _page(visit: Visit, *, status: str, cursor: str) -> Response:
    found, missing = parts_of(
        {"certificates": lambda: visit.api.get("registry", "/certificates", status=status, cursor=cursor)}
    )
    rows = found.get("certificates", {}).get("items", [])
    with transaction(visit.site.pool) as tx:
        holders = store.names_of_holders(
            tx,
            people=[row["person_id"] for row in rows if row["person_id"]],
            agencies=[row["agency_id"] for row in rows if row["agency_id"]],
        )
    return visit.page(
        "certificates.html",
        error=missing.get("certificates"),
        certificates=found.get("certificates"),
        holders=holders,
        chosen=status,
        soon=datetime.now(UTC) + SOON,
    )


@router.get("/certificates/{certificate_id}")
def show_certificate(visit: Reading, certificate_id: UUID) -> Response:
    visit.need("officer", "clerk", "leader")
    return _one(visit, certificate_id)


def _one(visit: Visit, certificate_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    found = visit.api.get("registry", f"/certificates/{certificate_id}")
    with transaction(visit.site.pool) as tx:
        holders = store.names_of_holders(
            tx,
            people=[found["person_id"]] if found["person_id"] else [],
            agencies=[found["agency_id"]] if found["agency_id"] else [],
        )
    return visit.page(
        "certificate.html",
        error=error,
        certificate=found,
        stages=visit.api.get("registry", f"/certificates/{certificate_id}/stages")["items"],
        holders=holders,
        typed=typed or Form(),
    )


@router.post("/certificates/{certificate_id}/hand-over")
def hand_over(visit: Posting, form: Posted, certificate_id: UUID) -> Response:
    page = f"/certificates/{certificate_id}"
    try:
        visit.api.post("registry", f"{page}/hand-over", key=form.get("once"))
    except Rejected as rejected:
        return _one(visit, certificate_id, error=rejected)
    return visit.to(page, "handed_over")


@router.post("/certificates/{certificate_id}/receipt")
def enter_paper_receipt(visit: Posting, form: Posted, certificate_id: UUID) -> Response:
    """A receipt on paper; one that is signed comes from the holder's own program."""
    page = f"/certificates/{certificate_id}"
    body = {"kind": "paper", "reference": form.get("reference"), "reason": form.get("reason")}
    try:
        visit.api.post("registry", f"{page}/receipt", body, key=form.get("once"))
    except Rejected as rejected:
        return _one(visit, certificate_id, error=rejected, typed=form)
    return visit.to(page, "receipt_kept")


@router.post("/certificates/{certificate_id}/{act}")
def act_on_certificate(visit: Posting, form: Posted, certificate_id: UUID, act: str) -> Response:
    page = f"/certificates/{certificate_id}"
    if act not in ACTS:
        return visit.to(page)
    body = {} if act == "resume" else {"reason": form.get("reason")}
    try:
        visit.api.post("registry", f"{page}/{act}", body, key=form.get("once"))
    except Rejected as rejected:
        return _one(visit, certificate_id, error=rejected, typed=form)
    return visit.to(page, ACTS[act])
