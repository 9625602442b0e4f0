"""Where an issued document is: recipients and their statuses, taking back, chasing, what it replaces and answers; groups."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

SHOWN = 20  # documents offered for a link


@router.get("/documents/{document_id}/circulation")
def show(visit: Reading, document_id: UUID, q: Annotated[str, Query(max_length=100)] = "") -> Response:
    return _page(visit, document_id, words=q)


def _page(
    visit: Visit, document_id: UUID, *, words: str = "", error: Rejected | None = None, typed: Form | None = None
) -> Response:
    document = visit.api.get("docs", f"/documents/{document_id}")
    found = visit.api.get("docs", f"/documents/{document_id}/circulation")
    receipts, _ = parts_of({"items": lambda: visit.api.get("docs", f"/documents/{document_id}/receipts")["items"]})
    leads = all(each["agency_id"] != str(visit.post.agency_id) for each in document["co_issuers"])
    return visit.page(
        "circulation.html",
        error=error,
        document=document,
        circulation=found,
        receipts=receipts.get("items", []),
        typed=typed or Form(),
        words=words,
        offered=_offered(visit, document_id, words) if words else [],
        acts=visit.has("clerk") and leads,
    )


def _offered(visit: Visit, document_id: UUID, words: str) -> list[dict[str, Any]]:
    """Documents that it could be linked to: issued ones of the agency, and registered arrivals."""
    rows = visit.api.get("docs", "/search", q=words, sort="relevance")["items"]
    fits = [
        each
        for each in rows
        if each["id"] != str(document_id)
        and (each["state"] == "issued" if each["kind"] == "document" else each["state"] in ("03", "04", "05", "06"))
    ]
    return fits[:SHOWN]


@router.post("/documents/{document_id}/circulation/recall")
def recall(visit: Posting, form: Posted, document_id: UUID) -> Response:
    body: dict[str, Any] = {
        "reason": form.get("reason"),
        "even_if_completed": form.get("even_if_completed") == "yes",
    }
    return _act(visit, form, document_id, "recall", body | _chosen(form), done="recall_asked")


@router.post("/documents/{document_id}/circulation/chase")
def chase(visit: Posting, form: Posted, document_id: UUID) -> Response:
    body: dict[str, Any] = {"note": form.get("note") or None}
    return _act(visit, form, document_id, "chase", body | _chosen(form), done="chased")


def _chosen(form: Form) -> dict[str, Any]:
    """Nobody ticked: everybody is meant."""
    return {"delivery_ids": form.all("delivery")} if form.all("delivery") else {}


@router.post("/documents/{document_id}/circulation/relate")
def relate(visit: Posting, form: Posted, document_id: UUID) -> Response:
    where, _, target = form.get("target").partition(":")
    answers = where == "incoming"
    body = {
        "kind": "answers" if answers else form.get("kind") or "replaces",
        "incoming_id" if answers else "document_id": target,
        "reason": form.get("reason") or None,
        "complete": form.get("complete") == "yes",
    }
    return _act(visit, form, document_id, "relations", body, done="related")


@router.post("/documents/{document_id}/circulation/unrelate")
def unrelate(visit: Posting, form: Posted, document_id: UUID) -> Response:
    try:
        visit.api.delete("docs", f"/documents/{document_id}/relations/{quote(form.get('relation_id'), safe='')}")
    except Rejected as rejected:
        return _page(visit, document_id, error=rejected, typed=form)
    return visit.to(f"/documents/{document_id}/circulation", "unrelated")


def _act(visit: Visit, form: Form, document_id: UUID, path: str, body: dict[str, Any], *, done: str) -> Response:
    try:
        visit.api.post("docs", f"/documents/{document_id}/{path}", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, document_id, error=rejected, typed=form)
    return visit.to(f"/documents/{document_id}/circulation", done)


# --- the receiver


@router.get("/arrivals/{delivery_id}")
def find_arrival(visit: Reading, delivery_id: UUID) -> Response:
    """Notices speak of deliveries; this leads to the incoming document."""
    found = visit.api.get("docs", f"/arrivals/{delivery_id}")
    return visit.to(f"/incoming/{found['incoming_id']}")


@router.get("/incoming/{incoming_id}/print")
def print_stamped(visit: Reading, incoming_id: UUID) -> Response:
    """The rendition for print, with the incoming stamp."""
    return relay(visit, "docs", f"/incoming/{incoming_id}/print", filename=f"{incoming_id}-ban-in.pdf")


@router.get("/documents/{document_id}/receipts/{receipt_id}")
def show_receipt(visit: Reading, document_id: UUID, receipt_id: UUID) -> Response:
    """What a receipt proves, and how anybody checks it."""
    receipt = visit.api.get("docs", f"/receipts/{receipt_id}/page")
    return visit.page("receipt.html", receipt=receipt, document_id=document_id)


@router.get("/documents/{document_id}/receipts/{receipt_id}/file")
def download_receipt(visit: Reading, document_id: UUID, receipt_id: UUID) -> Response:  # noqa: ARG001  part of the address
    name = f"bien-nhan-{receipt_id}.json"
    return relay(visit, "docs", f"/receipts/{receipt_id}", filename=name, media_type="application/json")


# --- groups


@router.get("/address-groups")
def list_groups(visit: Reading) -> Response:
    return visit.page("address_groups.html", groups=visit.api.get("docs", "/address-groups")["items"])


@router.get("/address-groups/{group_id}")
def show_group(visit: Reading, group_id: str, q: Annotated[str, Query(max_length=100)] = "") -> Response:
    """One group, or a `new` one."""
    return _group_page(visit, group_id, words=q)


def _group_page(
    visit: Visit, group_id: str, *, words: str = "", error: Rejected | None = None, typed: Form | None = None
) -> Response:
    group = None if group_id == "new" else visit.api.get("docs", f"/address-groups/{quote(group_id, safe='')}")
    members = {each["identifier"]: each["name"] for each in group["members"]} if group else {}
    found = visit.api.get("docs", "/agencies", q=words, limit=500)["items"]
    return visit.page(
        "address_group.html",
        error=error,
        group=group,
        group_id=group_id,
        members=members,
        ticked=set(typed.all("member")) if typed else set(members),
        found=[each for each in found if each["identifier"] not in members],
        words=words,
        typed=typed or Form([("name", group["name"] if group else "")]),
    )


@router.post("/address-groups/{group_id}")
def save_group(visit: Posting, form: Posted, group_id: str) -> Response:
    body = {"name": form.get("name"), "members": form.all("member"), "shared": form.get("shared") == "yes"}
    path = "/address-groups" if group_id == "new" else f"/address-groups/{quote(group_id, safe='')}"
    try:
        if form.get("remove"):
            visit.api.delete("docs", path)
            return visit.to("/address-groups", "group_removed")
        if group_id == "new":
            visit.api.post("docs", path, body, key=form.get("once"))
        else:
            visit.api.put("docs", path, body, version=form.get("version"))
    except Rejected as rejected:
        return _group_page(visit, group_id, error=rejected, typed=form)
    return visit.to("/address-groups", "group_saved")
