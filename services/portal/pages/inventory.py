"""The devices that hold private keys: which there are, who has them, what they carry, and every move."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal import store
from services.portal.forms import Form, Posted
from services.portal.pages.directory import find_by_identifier
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from services.portal.refusals import AGENCY_UNKNOWN
from shared.db import transaction
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)


@router.get("/devices")
def list_devices(
    visit: Reading,
    place: Annotated[str, Query(max_length=20)] = "",
    serial: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    visit.need("officer", "clerk", "leader")
    return _list(visit, place=place, serial=serial, cursor=cursor)


def _list(
    visit: Visit,
    *,
    place: str = "",
    serial: str = "",
    cursor: str = "",
    error: Rejected | None = None,
    typed: Form | None = None,
) -> Response:
    found, missing = parts_of(
        {"devices": lambda: visit.api.get("registry", "/devices", place=place, serial=serial, cursor=cursor)}
    )
    return visit.page(
        "devices.html",
        error=error or missing.get("devices"),
        devices=found.get("devices"),
        holders=_holders(visit, found.get("devices", {}).get("items", [])),
        place_chosen=place,
        serial=serial,
        typed=typed or Form(),
    )


def _holders(visit: Visit, rows: list[dict[str, Any]]) -> dict[str, str]:
    with transaction(visit.site.pool) as tx:
        return store.names_of_holders(
            tx,
            people=[row["person_id"] for row in rows if row["person_id"]],
            agencies=[row["managed_by"] for row in rows],
        )


@router.post("/devices/receive")
def receive_devices(visit: Posting, form: Posted) -> Response:
    body = {name: form.get(name) for name in ("type", "model", "list")} | {"reason": form.get("reason") or None}
    try:
        visit.api.post("registry", "/devices", body, key=form.get("once"))
    except Rejected as rejected:
        return _list(visit, error=rejected, typed=form)
    return visit.to("/devices", "devices_received")


@router.get("/devices/{device_id}")
def show_device(visit: Reading, device_id: UUID) -> Response:
    visit.need("officer", "clerk", "leader")
    return _one(visit, device_id)


def _one(visit: Visit, device_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    found = visit.api.get("registry", f"/devices/{device_id}")
    return visit.page(
        "inventory_device.html",
        error=error,
        device=found,
        holders=_holders(visit, [found, *found["moves"]]),
        typed=typed or Form(),
    )


@router.post("/devices/{device_id}/hand-out")
def hand_out(visit: Posting, form: Posted, device_id: UUID) -> Response:
    """To an agency by its identifier; into a person's hand by their log-in."""
    try:
        body = _receiver(visit, form) | {"reason": form.get("reason") or None}
        visit.api.post("registry", f"/devices/{device_id}/hand-out", body, key=form.get("once"))
    except Rejected as rejected:
        return _one(visit, device_id, error=rejected, typed=form)
    return visit.to(f"/devices/{device_id}", "saved")


def _receiver(visit: Visit, form: Form) -> dict[str, str]:
    agency = find_by_identifier(visit, form.get("agency"))
    if agency is None:
        raise Rejected(AGENCY_UNKNOWN, identifier=form.get("agency")[:60])
    login = form.get("login")
    people = visit.api.get("registry", "/people", q=login, agency_id=agency["agency_id"])["items"] if login else []
    found = [person["person_id"] for person in people if person["login"] == login]
    return {"agency_id": agency["agency_id"]} | ({"person_id": found[0]} if found else {})
