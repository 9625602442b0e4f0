"""Certificates: which are there, which end soon, how one reaches its holder, and ending one."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal import store
from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from services.portal.refusals import DEVICE_UNKNOWN, FILE_NEEDED
from shared.db import transaction
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

SOON = timedelta(days=30)
ABOUT = ("procedure_id", "person_id", "agency_id")
MAX_CERTIFICATE = 100_000  # bytes; a chain as PKCS#7 has some thousands
CSR = re.compile(rb"-----BEGIN (NEW )?CERTIFICATE REQUEST-----")  # RFC 7468 §7
REQUESTS = "/certificate-requests"
REFUSED_SHOWN = 5
ACTS = {"revoke": "revoked", "suspend": "suspended", "resume": "resumed"}


@router.get("/certificates")
def list_certificates(
    *,
    visit: Reading,
    q: Annotated[str, Query(max_length=200)] = "",
    kind: Annotated[str, Query(max_length=20)] = "",
    status: Annotated[str, Query(max_length=20)] = "",
    ends_within: Annotated[str, Query(max_length=4, pattern=r"^\d*$")] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    visit.need("officer", "clerk", "leader")
    chosen = {"q": q, "kind": kind, "status": status, "ends_within": ends_within}
    loaders: dict[str, Callable[[], Any]] = {
        "certificates": lambda: visit.api.get("registry", "/certificates", **chosen, cursor=cursor)
    }
    if visit.has("officer") and not cursor:
        loaders["waiting"] = lambda: visit.api.get("registry", REQUESTS, state="requested")
        loaders["refused"] = lambda: visit.api.get("registry", REQUESTS, state="refused", limit=REFUSED_SHOWN)
    found, missing = parts_of(loaders)
    certificates = found.get("certificates", {}).get("items", [])
    asked = [each for name in ("waiting", "refused") for each in found.get(name, {"items": []})["items"]]
    rows = [*certificates, *asked]
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
        asked=asked,
        holders=holders,
        chosen=chosen,
        query=urlencode({name: value for name, value in chosen.items() if value}),
        soon=datetime.now(UTC) + SOON,
    )


@router.get("/certificates/new")
def show_new(
    visit: Reading, procedure_id: UUID | None = None, person_id: UUID | None = None, agency_id: UUID | None = None
) -> Response:
    """For a procedure: its holder; otherwise a person's or an agency's."""
    visit.need("officer")
    asked = visit.api.get("registry", f"/procedures/{procedure_id}") if procedure_id else {}
    given = {
        "procedure_id": procedure_id,
        "person_id": asked.get("person_id") or person_id,
        "agency_id": asked.get("agency_id") or (None if asked or person_id else agency_id),
    }
    return _entry(visit, Form([(name, str(value)) for name, value in given.items() if value]))


def _entry(visit: Visit, typed: Form, *, error: Rejected | None = None) -> Response:
    about = {name: typed.get(name) for name in ABOUT if typed.get(name)}
    with transaction(visit.site.pool) as tx:
        holders = store.names_of_holders(
            tx,
            people=[about["person_id"]] if "person_id" in about else [],
            agencies=[about["agency_id"]] if "agency_id" in about else [],
        )
    return visit.page(
        "certificate_new.html",
        error=error,
        about=about,
        subject=next(iter(holders.values()), ""),
        typed=typed,
        once=typed.once(error),
    )


@router.post("/certificates/new")
def enter_certificate(visit: Posting, form: Posted) -> Response:
    """A file as the CA sent it: PEM, DER or PKCS#7; or a request for one (CSR), which goes to the CA."""
    files = form.files("file")
    if not files:
        return _entry(visit, form, error=Rejected(FILE_NEEDED))
    content = files[0].file.read(MAX_CERTIFICATE + 1)
    body: dict[str, Any] = {name: form.get(name) for name in ABOUT if form.get(name)}
    try:
        body |= {"device_id": _device(visit, form.get("serial"))}
        if CSR.search(content):
            return _request(visit, body | {"csr_pem": content.decode("ascii", "replace")}, form.get("once"))
        body |= {"content": b64encode(content).decode()}
        made = visit.api.post("registry", "/certificates", body, key=form.get("once"))
    except Rejected as rejected:
        return _entry(visit, form, error=rejected)
    return visit.to(f"/certificates/{made['certificate_id']}", "certificate_entered")


def _request(visit: Visit, body: dict[str, Any], key: str) -> Response:
    """The CA answers by itself; what it issues is seen with its holder."""
    person = body.get("person_id")
    visit.api.post("registry", REQUESTS, body | {"kind": "person" if person else "seal"}, key=key)
    return visit.to(f"/people/{person}" if person else f"/agencies/{body.get('agency_id')}", "certificate_asked")


def _device(visit: Visit, serial: str) -> str | None:
    if not serial:
        return None
    found = visit.api.get("registry", "/devices", serial=serial)["items"]
    if not found:
        raise Rejected(DEVICE_UNKNOWN, serial=serial[:60])
    return str(found[0]["device_id"])


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
            agencies=[each for each in (found["agency_id"], found["managed_by"]) if each],
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
