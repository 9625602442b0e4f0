"""Documents on their way out: the list, the page of one, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.proof import proof_of
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

# act → (path of the docs API, what the page says afterwards, which fields go along)
ACTS = {
    "approve": ("approve", "approved", ("stage",)),
    "return": ("return", "returned", ("reason", "to_stage", "resume_at")),
    "replace-reviewer": ("replace-reviewer", "reviewer_replaced", ("stage", "seat", "person_id", "reason")),
    "withdraw": ("withdraw", "withdrawn", ("reason",)),
    "issue": ("issue", "numbered", ("register_code",)),
    "void-number": ("void-number", "voided", ("reason",)),
    "counter-seal": ("counter-seal", "counter_seal_asked", ()),
}


@router.get("/documents")
def list_documents(
    visit: Reading,
    state: Annotated[str, Query(max_length=40)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    try:
        found = visit.api.get("docs", "/documents", state=state, cursor=cursor)
    except Rejected as rejected:
        return visit.page("documents.html", error=rejected, documents=None, chosen=state)
    return visit.page("documents.html", documents=found, chosen=state)


@router.get("/documents/{document_id}")
def show_document(visit: Reading, document_id: UUID) -> Response:
    return document_page(visit, document_id)


def document_page(
    visit: Visit, document_id: UUID, *, error: Rejected | None = None, typed: Form | None = None
) -> Response:
    """The page of one document; after a refused act with what was typed and why it was refused."""
    document = visit.api.get("docs", f"/documents/{document_id}")
    beside: dict[str, Callable[[], Any]] = {}
    if document["state"] == "signed" and visit.has("clerk"):
        asked = {"type_code": document["type_code"], "symbol": document["symbol"]}
        beside["number"] = lambda: visit.api.get("docs", "/registers/preview", **asked)
    if document["state"] == "issued":
        beside["current"] = lambda: visit.api.get("docs", f"/documents/{document_id}/circulation")["chain"]["current"]
    found, _ = parts_of(beside)
    review = _review(visit, document)
    return visit.page(
        "document.html",
        error=error,
        document=document,
        current=found.get("current"),
        number=found.get("number"),
        typed=typed or Form(),
        own=_own(visit, document, review.get("route")),
        route=review.get("route"),
        directory=review.get("directory"),
        has_draft=review.get("draft") is not None,
        proof=proof_of(visit, document),
    )


def _review(visit: Visit, document: dict[str, Any]) -> dict[str, Any]:
    """The document's way through review, whom one could put in a reviewer's place, and its draft."""
    if all(c["agency_id"] != str(visit.post.agency_id) for c in document["co_issuers"]):
        found, _ = parts_of({"route": lambda: visit.api.get("docs", f"/documents/{document['id']}/route")})
        if found.get("route", {}).get("may_replace"):
            found |= parts_of({"directory": lambda: visit.api.get("docs", "/workflows/directory")})[0]
        if document["state"] in {"returned", "refused"}:
            found |= parts_of({"draft": lambda: visit.api.get("docs", f"/drafts/{document['id']}")})[0]
        return found
    return {}


def _own(visit: Visit, document: dict[str, Any], route: dict[str, Any] | None) -> dict[str, bool]:
    """Which acts are offered. Only what concerns the reader is shown; whether it is allowed, docs decides."""
    me, state = str(visit.person.person_id), document["state"]
    reviews = any(r["person_id"] == me and not r["approved"] for r in document["reviewers"])
    signs = any(s["person_id"] == me and s["may_sign"] for s in document["signers"])
    own = next((c for c in document["co_issuers"] if c["agency_id"] == str(visit.post.agency_id)), None)
    leads = own is None
    waits = leads and all(c["state"] == "sealed" for c in document["co_issuers"])
    return {
        "review": state == "in_review" and reviews,
        "give_back": state == "in_review"
        and not reviews
        and bool(route and (route["may_return"] or route["may_withdraw"])),
        "sign": state == "awaiting_signature" and signs,
        "withdraw": state == "awaiting_signature"
        and document["author"]["person_id"] == me
        and not any(s["signed"] for s in document["signers"]),
        "number": state == "signed" and visit.has("clerk") and waits,
        "counter_seal": own is not None and own["state"] == "due" and state == "signed" and visit.has("clerk"),
        "void": state == "sealing" and visit.has("clerk") and leads,
        "dispatch": state == "issued" and visit.has("clerk") and leads,
        "certify": state == "issued" and visit.has("clerk") and leads and not document["disposed"],
        "resubmit": state in {"returned", "refused"} and visit.has("clerk") and bool(document["signers"]),
        "place": state in {"preparing", "awaiting_signature"} and visit.has("clerk") and leads,
        "confirm": leads
        and state == "preparing"
        and (document["state_reason"] or {}).get("code") == "places_to_confirm",
    }


@router.get("/documents/{document_id}/content")
def show_content(visit: Reading, document_id: UUID) -> Response:
    return relay(visit, "docs", f"/documents/{document_id}/content", filename=f"{document_id}.pdf")


@router.get("/documents/{document_id}/parts/{ordinal}")
def show_part(visit: Reading, document_id: UUID, ordinal: int) -> Response:
    path = f"/documents/{document_id}/parts/{ordinal}/content"
    return relay(visit, "docs", path, filename=f"{document_id}-{ordinal}.pdf")


@router.get("/documents/{document_id}/issued/{ordinal}")
def show_issued_part(visit: Reading, document_id: UUID, ordinal: int) -> Response:
    """A part as it is sent: an annex with the agency's signature."""
    path = f"/documents/{document_id}/issued-parts/{ordinal}/content"
    return relay(visit, "docs", path, filename=f"{document_id}-{ordinal}.pdf")


@router.post("/documents/{document_id}/{act}")
def act_on_document(visit: Posting, form: Posted, document_id: UUID, act: str) -> Response:
    """Approve, return, number and seal, void: one call each, repeated clicks included."""
    if act not in ACTS:
        return visit.to(f"/documents/{document_id}")
    path, done, names = ACTS[act]
    body = {name: form.get(name) for name in names if form.get(name)}
    try:
        made = visit.api.post("docs", f"/documents/{document_id}/{path}", body, key=form.get("once"))
    except Rejected as rejected:
        return document_page(visit, document_id, error=rejected, typed=form)
    if act == "approve" and made["state"] == "in_review":
        done = "approved_so_far"  # others are still to be asked
    return visit.to(f"/documents/{document_id}", done)
