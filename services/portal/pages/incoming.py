"""Documents that arrived: the list, the page of one with the verdict on its signatures, and what is done with it."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

# act → (what the page says afterwards, which fields go along)
ACTS = {
    "register": ("registered", ("despite_duplicate", "register_code")),
    "recall-answer": ("recall_answered", ("agreed", "reason")),
    "refuse": ("refused", ("reason",)),
    "assign": ("assigned", ("person_id",)),
    "start": ("started", ()),
    "complete": ("completed", ("note",)),
}


@router.get("/incoming")
def list_incoming(
    visit: Reading,
    status: Annotated[str, Query(max_length=2)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    try:
        found = visit.api.get("docs", "/incoming", status=status, cursor=cursor)
    except Rejected as rejected:
        return visit.page("incoming_list.html", error=rejected, arrivals=None, chosen=status)
    return visit.page("incoming_list.html", arrivals=found, chosen=status)


@router.get("/incoming/{incoming_id}")
def show_incoming(visit: Reading, incoming_id: UUID) -> Response:
    return _page(visit, incoming_id)


def _page(visit: Visit, incoming_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    arrival = visit.api.get("docs", f"/incoming/{incoming_id}")
    found: dict[str, Any] = {}
    if arrival["status"] in {"03", "04"}:
        found, _ = parts_of({"choices": lambda: visit.api.get("docs", "/choices")})
    if arrival["status"] == "01" and visit.has("clerk"):
        found, _ = parts_of({"registers": lambda: visit.api.get("docs", "/registers")})
    people = found.get("choices", {}).get("reviewers", [])
    registers = [each for each in found.get("registers", {}).get("registers", []) if each["kind"] == "in"]
    around = visit.api.get("docs", f"/incoming/{incoming_id}/circulation")
    beside, _ = parts_of({"items": lambda: visit.api.get("docs", f"/incoming/{incoming_id}/intake")} | _next(visit))
    waiting = [each for each in beside.get("waiting", {}).get("items", []) if each["kind"] == "intake"]
    return visit.page(
        "incoming.html",
        error=error,
        arrival=arrival,
        around=around,
        people=people,
        registers=registers,
        items=beside.get("items", []),
        following=waiting[-1] if waiting else None,
        left=len(waiting),
        more_left=bool(beside.get("waiting", {}).get("next_cursor")),
        typed=typed or Form(),
    )


def _next(visit: Visit) -> dict[str, Any]:
    """Whoever has just entered a paper or mail has a pile of them: the oldest that waits is offered."""
    if visit.request.query_params.get("done") != "intake_registered":
        return {}
    return {"waiting": lambda: visit.api.get("docs", "/intake", state="ready")}


@router.get("/incoming/{incoming_id}/content")
def show_content(visit: Reading, incoming_id: UUID) -> Response:
    return relay(visit, "docs", f"/incoming/{incoming_id}/content", filename=f"{incoming_id}.pdf")


@router.get("/incoming/{incoming_id}/parts/{ordinal}")
def show_part(visit: Reading, incoming_id: UUID, ordinal: int) -> Response:
    path = f"/incoming/{incoming_id}/parts/{ordinal}/content"
    return relay(visit, "docs", path, filename=f"{incoming_id}-{ordinal}.pdf")


@router.get("/incoming/{incoming_id}/report")
def show_report(visit: Reading, incoming_id: UUID) -> Response:
    """The whole validation report; `?download` gives it as the JSON that it is."""
    path = f"/incoming/{incoming_id}/report"
    if "download" in visit.request.query_params:
        return relay(visit, "docs", path, filename=f"{incoming_id}-report.json", media_type="application/json")
    report = visit.api.get("docs", path)
    arrival = visit.api.get("docs", f"/incoming/{incoming_id}")
    return visit.page(
        "report.html", report=report, arrival=arrival, raw=json.dumps(report, ensure_ascii=False, indent=2)
    )


@router.post("/incoming/{incoming_id}/{act}")
def act_on_incoming(visit: Posting, form: Posted, incoming_id: UUID, act: str) -> Response:
    if act not in ACTS:
        return visit.to(f"/incoming/{incoming_id}")
    done, names = ACTS[act]
    body = {name: form.get(name) for name in names if form.get(name)}
    try:
        visit.api.post("docs", f"/incoming/{incoming_id}/{act}", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, incoming_id, error=rejected, typed=form)
    return visit.to(f"/incoming/{incoming_id}", done)
