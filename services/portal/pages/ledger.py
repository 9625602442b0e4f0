"""The ledger: who did what and when, each entry with its proof, the sealed heads, and what auditors take away."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal import wording_ledger
from services.portal.forms import Posted, is_id
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Query(max_length=60)]
LINES = "application/x-ndjson"


@router.get("/ledger")
def show_ledger(
    visit: Reading,
    *,
    about: Short = "",
    person: Short = "",
    name: Annotated[str, Query(max_length=100)] = "",
    number: Short = "",
    kind: Short = "",
    since: Short = "",
    until: Short = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Acts of one's own agency; an operator sees those of all."""
    typed = {"about": about.strip(), "person": person.strip(), "name": name.strip(), "number": number.strip()}
    typed |= {"kind": kind, "since": since, "until": until}
    return _page(visit, typed, cursor)


def _page(
    visit: Visit, typed: dict[str, str], cursor: str = "", *, error: Rejected | None = None, **more: Any
) -> Response:
    visit.need("clerk", "leader", "operator")
    typed = dict.fromkeys(("about", "person", "name", "number", "kind", "since", "until"), "") | typed
    found: dict[str, Any] = {}
    try:
        found["tree"] = visit.api.get("docs", "/ledger")
        asked = {name: value for name, value in (typed | {"cursor": cursor}).items() if value}
        found["entries"] = visit.api.get("docs", "/ledger/entries", **asked)
    except Rejected as rejected:
        error = error or rejected
    query = urlencode({name: value for name, value in typed.items() if value})
    values = {"document_id": None, "checked": None} | more
    address = f"/ledger?{query}"
    return visit.page(
        "ledger.html",
        error=error,
        typed=typed,
        address=address,
        names=wording_ledger,
        is_id=is_id,
        found=found,
        **values,
    )


@router.get("/ledger/entries/{position}")
def show_entry(visit: Reading, position: int) -> Response:
    """One entry as it was stated, and the proof that the newest sealed head covers it."""
    visit.need("clerk", "leader", "operator")
    entry = visit.api.get("docs", f"/ledger/entries/{position}")
    proof, missing = parts_of({"proof": lambda: visit.api.get("docs", f"/ledger/entries/{position}/proof")})
    event = base64.b64decode(entry["event_b64"]).decode(errors="replace")
    return visit.page(
        "ledger_entry.html",
        entry=entry,
        event=_indented(event),
        names=wording_ledger,
        is_id=is_id,
        proof=proof.get("proof"),
        unproven=missing.get("proof"),
    )


def _indented(event: str) -> str:
    try:
        return json.dumps(json.loads(event), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return event


@router.get("/ledger/entries/{position}/proof.json")
def download_proof(visit: Reading, position: int) -> Response:
    """Entry, path and head in one file: what an auditor needs to compute the root from the entry."""
    visit.need("clerk", "leader", "operator")
    entry = visit.api.get("docs", f"/ledger/entries/{position}")
    proof = visit.api.get("docs", f"/ledger/entries/{position}/proof")
    body = json.dumps({"event_b64": entry["event_b64"], "proof": proof}, ensure_ascii=False, indent=1)
    headers = {"Content-Disposition": f'attachment; filename="muc-{position}.json"', "Cache-Control": "no-store"}
    return Response(body, media_type="application/json", headers=headers)


@router.get("/ledger/heads")
def show_heads(visit: Reading, cursor: Annotated[str, Query(max_length=300)] = "") -> Response:
    heads = visit.api.get("docs", "/ledger/heads", cursor=cursor)
    return visit.page("ledger_heads.html", heads=heads)


@router.get("/ledger/heads.ndjson")
def keep_heads(visit: Reading) -> Response:
    return relay(visit, "docs", "/ledger/heads.ndjson", filename="vanthu-heads.ndjson", media_type=LINES)


@router.get("/ledger/export.ndjson")
def export(visit: Reading) -> Response:
    visit.need("operator")
    return relay(visit, "docs", "/ledger/export", filename="vanthu-ledger.ndjson", media_type=LINES)


@router.post("/ledger/seal")
def seal_now(visit: Posting, form: Posted) -> Response:
    visit.need("operator")
    try:
        visit.api.post("docs", "/ledger/heads", key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, {}, error=rejected)
    return visit.to("/ledger/heads", "head_ordered")


@router.post("/ledger/check")
def check_now(visit: Posting, form: Posted) -> Response:
    visit.need("operator")
    try:
        checked = visit.api.post("docs", "/ledger/checks", key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, {}, error=rejected)
    return _page(visit, {}, checked=checked)


@router.get("/documents/{document_id}/ledger")
def show_document_ledger(visit: Reading, document_id: UUID) -> Response:
    """A document's entries: who did what with it."""
    return _page(visit, {"about": str(document_id)}, document_id=document_id)
