"""How good the proof of signatures is: what is at risk, the agency's policy, and versions that a better one continued."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

SIGNED = ("awaiting_signature", "signed", "sealing", "issued")


def proof_of(visit: Visit, document: dict[str, Any]) -> dict[str, Any]:
    """For a document's page: signing's word on each signature and docs' on whether it may go; nothing before a signature,
    and without what can't be had now.
    """
    if document["state"] not in SIGNED or not document["level"]:
        return {}
    path = f"/documents/{document['id']}"
    found, _ = parts_of(
        {
            "signatures": lambda: visit.api.get("signing", f"{path}/signatures"),
            "standing": lambda: visit.api.get("docs", f"{path}/proof"),
        }
    )
    return found


@router.get("/at-risk")
def show_at_risk(visit: Reading) -> Response:
    visit.need("clerk", "leader", "operator")
    try:
        found = visit.api.get("signing", "/at-risk")
    except Rejected as rejected:
        return visit.page("at_risk.html", error=rejected, found=None)
    return visit.page("at_risk.html", found=found)


@router.get("/policy")
def show_policy(visit: Reading) -> Response:
    visit.need("clerk", "leader", "officer")
    return _policy_page(visit)


def _policy_page(visit: Visit, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    return visit.page("policy.html", error=error, policy=visit.api.get("docs", "/policy"), typed=typed)


@router.post("/policy")
def change_policy(visit: Posting, form: Posted) -> Response:
    visit.need("leader", "officer")
    body: dict[str, Any] = {
        "dispatch_level": form.get("dispatch_level"),
        "urgent_may_owe": form.get("urgent_may_owe") == "yes",
        "unchecked_allowed": form.get("unchecked_allowed") == "yes",
        "record_reading": form.get("record_reading") == "yes",
    }
    if form.get("review_days").isdecimal():
        body["review_days"] = int(form.get("review_days"))
    try:
        visit.api.put("docs", "/policy", body, version=form.get("version"))
    except Rejected as rejected:
        return _policy_page(visit, error=rejected, typed=form)
    return visit.to("/policy", "saved")


@router.get("/documents/{document_id}/versions/{sha256}")
def show_version(visit: Reading, document_id: UUID, sha256: str) -> Response:
    path = f"/documents/{document_id}/versions/{sha256}/content"
    return relay(visit, "docs", path, filename=f"{document_id}-{sha256[:8]}.pdf")
