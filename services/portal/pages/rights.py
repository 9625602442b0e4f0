"""Who within the agency may read a document: seen, changed, and changes confirmed; the agency's policy."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

Kind = Literal["documents", "incoming"]


@router.get("/access")
def show_changes(visit: Reading) -> Response:
    """The agency's policy, and changes that nobody has confirmed."""
    return _overview(visit)


def _overview(visit: Visit, error: Rejected | None = None) -> Response:
    changes = visit.api.get("docs", "/access/changes")
    return visit.page(
        "access_changes.html", error=error, changes=changes, policy=visit.api.get("docs", "/access/policy")
    )


@router.post("/access")
def change_policy(visit: Posting, form: Posted) -> Response:
    try:
        visit.api.put("docs", "/access/policy", {"need_to_know": form.get("need_to_know") == "yes"})
    except Rejected as rejected:
        return _overview(visit, rejected)
    return visit.to("/access", "access_saved")


@router.get("/{kind}/{subject}/access")
def show_access(visit: Reading, kind: Kind, subject: UUID) -> Response:
    return _page(visit, kind, subject)


def _page(visit: Visit, kind: Kind, subject: UUID, *, error: Rejected | None = None) -> Response:
    about = visit.api.get("docs", f"/{kind}/{subject}")
    found = visit.api.get("docs", f"/{kind}/{subject}/access")
    choices: dict[str, Any] = {"units": [], "people": []}
    if found["may_change"]:
        choices = visit.api.get("docs", "/handling/choices")
    named = {each["key"] for each in (*found["people"], *found["units"])}
    return visit.page(
        "access.html", error=error, about=about, access=found, choices=choices, named=named, base=f"/{kind}/{subject}"
    )


@router.post("/{kind}/{subject}/access")
def change_access(visit: Posting, form: Posted, kind: Kind, subject: UUID) -> Response:
    restricted = form.get("restricted") == "yes"
    body: dict[str, Any] = {"restricted": restricted}
    if restricted:
        body |= {"people": form.all("person"), "units": form.all("unit")}
    return _send(visit, form, kind, subject, act="access", body=body)


@router.post("/{kind}/{subject}/access/confirm")
def confirm(visit: Posting, form: Posted, kind: Kind, subject: UUID) -> Response:
    return _send(visit, form, kind, subject, act="access/confirm", body={})


def _send(visit: Visit, form: Form, kind: Kind, subject: UUID, *, act: str, body: dict[str, Any]) -> Response:
    try:
        visit.api.post("docs", f"/{kind}/{subject}/{act}", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, kind, subject, error=rejected)
    return visit.to(f"/{kind}/{subject}/access", "access_saved" if act == "access" else "access_confirmed")
