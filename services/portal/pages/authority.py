"""What somebody may sign, whom they pass it on to while away, and who is away: the leader's own page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit, parts_of, today_in_vietnam
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)


@router.get("/authority")
def show_authority(visit: Reading) -> Response:
    visit.need("leader", "clerk")
    return _page(visit)


def _page(visit: Visit, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    agency_id = visit.post.agency_id
    found, missing = parts_of(
        {
            "mine": lambda: visit.api.get("registry", "/authorities/mine"),
            "signers": lambda: visit.api.get("registry", f"/agencies/{agency_id}/signers"),
            "absences": lambda: visit.api.get("registry", "/absences", agency_id=agency_id),
        }
    )
    mine = found.get("mine", {"items": []})["items"]
    me = str(visit.person.person_id)
    return visit.page(
        "authority.html",
        error=error or next(iter(missing.values()), None),
        mine=mine,
        passed_on=_passed_on(visit, mine, me),
        candidates=_candidates(found.get("signers", {"items": []})["items"], me),
        absences=found.get("absences", {"items": []})["items"],
        typed=typed or Form(),
        me=me,
        today=today_in_vietnam().isoformat(),
    )


def _passed_on(visit: Visit, mine: list[dict[str, Any]], me: str) -> list[dict[str, Any]]:
    """What this person has passed on of what they may sign, newest first; other people's doing is not shown here."""
    rows = []
    for source in mine:
        if source["in_force"]:
            rows += visit.api.get("registry", f"/authorities/{source['authority_id']}/delegations")
    return [row for row in reversed(rows) if row["delegation"]["delegated_by"] == me]


def _candidates(signers: list[dict[str, Any]], me: str) -> list[tuple[str, str]]:
    """The agency's other leaders, once a post: what they sign with already does not matter here."""
    found = {
        f"{each['person_id']} {each['post_id']}": f"{each['name']}, {each['post']}"
        for each in signers
        if each["person_id"] != me
    }
    return sorted(found.items(), key=lambda row: row[1])


@router.post("/authority/{authority_id}/delegate")
def delegate(visit: Posting, form: Posted, authority_id: UUID) -> Response:
    person, _, post = form.get("to").partition(" ")
    body = {
        "person_id": person,
        "post_id": post,
        "form": form.get("form"),
        "document_types": form.get("document_types").replace(",", " ").split(),
        "valid_from": form.get("valid_from"),
        "valid_until": form.get("valid_until"),
        "reason": form.get("reason"),
        "basis": form.get("basis") or None,
        "basis_on": form.get("basis_on") or None,
        "absence_id": form.get("absence_id") or None,
    }
    try:
        visit.api.post("registry", f"/authorities/{authority_id}/delegations", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected, typed=form)
    return visit.to("/authority", "delegated")


@router.post("/authority/{authority_id}/withdraw")
def withdraw(visit: Posting, form: Posted, authority_id: UUID) -> Response:
    try:
        visit.api.post("registry", f"/authorities/{authority_id}/withdraw", key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected)
    return visit.to("/authority", "authority_withdrawn")


@router.post("/authority/absence")
def enter_absence(visit: Posting, form: Posted) -> Response:
    body = {name: form.get(name) for name in ("valid_from", "valid_until", "reason")}
    try:
        visit.api.post("registry", "/absences", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected, typed=form)
    return visit.to("/authority", "absence_saved")


@router.post("/authority/absences/{absence_id}/return")
def come_back(visit: Posting, form: Posted, absence_id: UUID) -> Response:
    try:
        body = {"last_day": form.get("last_day")}
        visit.api.post("registry", f"/absences/{absence_id}/return", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected, typed=form)
    return visit.to("/authority", "absence_saved")
