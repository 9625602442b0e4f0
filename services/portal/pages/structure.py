"""Agencies through time: a new name or identifier from a day on, units, mergers and splits with what they leave."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.directory import agency_page, find_by_identifier
from services.portal.pages.visit import Posting, Reading, Visit, today_in_vietnam
from services.portal.refusals import AGENCY_UNKNOWN
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

UNIT_FIELDS = ("agency_id", "code", "name", "parent_id", "valid_from", "valid_until")


@router.post("/agencies/{agency_id}/turn")
def turn_agency(visit: Posting, form: Posted, agency_id: UUID) -> Response:
    body = {name: form.get(name) for name in ("day", "decision", "name", "identifier", "old_identifier")}
    body = {name: value for name, value in body.items() if value}
    return _post(visit, form, agency_id, f"/agencies/{agency_id}/changes", body)


@router.post("/agencies/{agency_id}/units")
def set_up_unit(visit: Posting, form: Posted, agency_id: UUID) -> Response:
    body: dict[str, Any] = {"agency_id": str(agency_id), "code": form.get("code"), "name": form.get("unit_name")}
    return _post(visit, form, agency_id, "/units", body | {"valid_from": form.get("unit_from")})


@router.post("/agencies/{agency_id}/units/{unit_id}")
def change_unit(visit: Posting, form: Posted, agency_id: UUID, unit_id: UUID) -> Response:
    """A new name, carried to the posts that go on, or its last day."""
    page = f"/units/{unit_id}"
    try:
        before = visit.api.get("registry", page)
        body = {name: before[name] for name in UNIT_FIELDS}
        body |= {"name": form.get("unit_name"), "valid_until": form.get("unit_until") or None}
        visit.api.put("registry", page, body, version=form.get("unit_version"))
    except Rejected as rejected:
        return agency_page(visit, agency_id, error=rejected, typed=form)
    return visit.to(f"/agencies/{agency_id}", "agency_saved")


def _post(visit: Visit, form: Form, agency_id: UUID, path: str, body: dict[str, Any]) -> Response:
    try:
        visit.api.post("registry", path, body, key=form.get("once"))
    except Rejected as rejected:
        return agency_page(visit, agency_id, error=rejected, typed=form)
    return visit.to(f"/agencies/{agency_id}", "agency_saved")


@router.get("/successions/new")
def show_new_succession(visit: Reading) -> Response:
    visit.need("officer")
    return _form(visit, Form())


def _form(visit: Visit, typed: Form, *, error: Rejected | None = None) -> Response:
    return visit.page("succession_new.html", error=error, typed=typed, once=typed.once(error), today=today_in_vietnam())


@router.post("/successions/new")
def enter_succession(visit: Posting, form: Posted) -> Response:
    """Agencies are named by their identifiers, as the decision does."""
    try:
        body = {name: form.get(name) for name in ("kind", "day", "decision")} | {
            "predecessor_ids": _ids(visit, form.get("predecessors")),
            "successor_ids": _ids(visit, form.get("successors")),
        }
        made = visit.api.post("registry", "/successions", body, key=form.get("once"))
    except Rejected as rejected:
        return _form(visit, form, error=rejected)
    return visit.to(f"/successions/{made['succession_id']}/{made['predecessor_ids'][0]}", "agency_saved")


def _ids(visit: Visit, identifiers: str) -> list[str]:
    found = []
    for identifier in identifiers.replace(",", " ").split():
        agency = find_by_identifier(visit, identifier)
        if agency is None:
            raise Rejected(AGENCY_UNKNOWN, identifier=identifier[:60])
        found.append(agency["agency_id"])
    return found


@router.get("/successions/{succession_id}/{agency_id}")
def show_succession(visit: Reading, succession_id: UUID, agency_id: UUID) -> Response:
    visit.need("officer")
    return _one(visit, succession_id, agency_id)


def _one(visit: Visit, succession_id: UUID, agency_id: UUID, *, error: Rejected | None = None) -> Response:
    """A succession is looked up beside one of its agencies."""
    said = visit.api.get("registry", "/successions", agency_id=agency_id)["items"]
    one = next((each for each in said if each["succession_id"] == str(succession_id)), None)
    if one is None:
        return visit.to(f"/agencies/{agency_id}")
    both = (*one["predecessor_ids"], *one["successor_ids"])
    return visit.page(
        "succession.html",
        error=error,
        said=one,
        left=visit.api.get("registry", f"/successions/{succession_id}/left"),
        agencies={each: visit.api.get("registry", f"/agencies/{each}") for each in both},
        agency_id=str(agency_id),
    )


@router.post("/successions/{succession_id}/{agency_id}/move")
def move_posts(visit: Posting, form: Posted, succession_id: UUID, agency_id: UUID) -> Response:
    body: dict[str, Any] = {"successor_id": form.get("successor_id")}
    if posts := form.all("post_id"):
        body["post_ids"] = posts
    try:
        visit.api.post("registry", f"/successions/{succession_id}/moves", body, key=form.get("once"))
    except Rejected as rejected:
        return _one(visit, succession_id, agency_id, error=rejected)
    return visit.to(f"/successions/{succession_id}/{agency_id}", "saved")
