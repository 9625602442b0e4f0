"""Procedures about certificates and devices: what is asked for, how far it is, what is due, and the form to print."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal import store
from services.portal.forms import Form, Posted
from services.portal.pages import pdf
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.db import transaction
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

ABOUT = ("person_id", "agency_id", "certificate_id", "device_id")
ACTS = ("approve", "forward", "answer", "close", "refuse", "withdraw")
PDF = "application/pdf"


@router.get("/procedures")
def list_procedures(
    visit: Reading,
    state: Annotated[str, Query(max_length=20)] = "",
    standing: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    visit.need("officer", "clerk")
    found, missing = parts_of(
        {"procedures": lambda: visit.api.get("registry", "/procedures", state=state, standing=standing, cursor=cursor)}
    )
    rows = found.get("procedures", {}).get("items", [])
    return visit.page(
        "procedures.html",
        error=missing.get("procedures"),
        procedures=found.get("procedures"),
        holders=_holders(visit, rows),
        state_chosen=state,
        standing_chosen=standing,
    )


def _holders(visit: Visit, rows: list[dict[str, Any]]) -> dict[str, str]:
    """Names by id, of the people and agencies that are spoken of."""
    with transaction(visit.site.pool) as tx:
        return store.names_of_holders(
            tx,
            people=[row["person_id"] for row in rows if row["person_id"]],
            agencies=[row[name] for row in rows for name in ("agency_id", "managed_by") if row[name]],
        )


@router.get("/procedures/forms")
def print_one_letter(
    visit: Reading, procedure_id: Annotated[list[UUID] | None, Query(max_length=500)] = None
) -> Response:
    """Several requests of one kind and agency as one letter with a list, as they go out."""
    visit.need("officer", "clerk")
    if not procedure_id:
        return visit.to("/procedures")
    path = f"/procedure-forms?{urlencode([('procedure_id', each) for each in procedure_id])}"
    return pdf.relay(visit, "registry", path, filename=f"Danh sách {len(procedure_id)} đề nghị.pdf", media_type=PDF)


@router.get("/procedures/new")
def show_new(
    visit: Reading,
    person_id: UUID | None = None,
    agency_id: UUID | None = None,
    certificate_id: UUID | None = None,
    device_id: UUID | None = None,
) -> Response:
    visit.need("officer", "clerk")
    given = zip(ABOUT, (person_id, agency_id, certificate_id, device_id), strict=True)
    return _form(visit, Form([(name, str(value)) for name, value in given if value]))


def _form(visit: Visit, typed: Form, *, error: Rejected | None = None) -> Response:
    """Only the kinds that fit what the form is about."""
    about = next((name for name in ABOUT if typed.get(name)), "agency_id")
    if not typed.get(about):
        typed = Form([*typed.pairs, ("agency_id", str(visit.post.agency_id))])
    kinds = visit.api.get("registry", "/procedure-kinds")["items"]
    fitting = [kind for kind in kinds if kind["about"] == about.removesuffix("_id")]
    row = {name: typed.get(name) or None for name in (*ABOUT, "managed_by")}
    return visit.page(
        "procedure_new.html",
        error=error,
        kinds=fitting + [kind for kind in kinds if kind["about"] == "name" and about == "agency_id"],
        about={name: typed.get(name) for name in ABOUT if typed.get(name)},
        subject=_subject(visit, typed) or next(iter(_holders(visit, [row]).values()), ""),
        typed=typed,
        once=typed.once(error),
    )


def _subject(visit: Visit, typed: Form) -> str:
    """Which certificate and whose, or which device: nobody asks for the end of something unnamed."""
    if typed.get("certificate_id"):
        found = visit.api.get("registry", f"/certificates/{typed.get('certificate_id')}")
        whose = _holders(visit, [found]).get(found["person_id"] or found["agency_id"], "")
        return f"{whose}, chứng thư {found['serial']}"
    if typed.get("device_id"):
        found = visit.api.get("registry", f"/devices/{typed.get('device_id')}")
        return f"{found['model']}, số sê-ri {found['serial']}"
    return ""


@router.post("/procedures/new")
def request_procedure(visit: Posting, form: Posted) -> Response:
    details = {name.removeprefix("d_"): form.get(name) for name, value in form.pairs if name[:2] == "d_" and value}
    body: dict[str, Any] = {name: form.get(name) for name in ABOUT if form.get(name)}
    body |= {"kind": form.get("kind"), "details": details, "reason": form.get("reason") or None}
    try:
        made = visit.api.post("registry", "/procedures", body, key=form.get("once"))
    except Rejected as rejected:
        return _form(visit, form, error=rejected)
    return visit.to(f"/procedures/{made['procedure_id']}", "procedure_requested")


@router.get("/procedures/{procedure_id}")
def show_procedure(visit: Reading, procedure_id: UUID) -> Response:
    visit.need("officer", "clerk")
    return _one(visit, procedure_id)


def _one(visit: Visit, procedure_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    found = visit.api.get("registry", f"/procedures/{procedure_id}")
    return visit.page(
        "procedure.html", error=error, procedure=found, holders=_holders(visit, [found]), typed=typed or Form()
    )


@router.get("/procedures/{procedure_id}/form")
def print_form(visit: Reading, procedure_id: UUID) -> Response:
    visit.need("officer", "clerk")
    found = visit.api.get("registry", f"/procedures/{procedure_id}")
    whose = _holders(visit, [found]).get(found["person_id"] or found["agency_id"] or found["managed_by"], "")
    path = f"/procedures/{procedure_id}/form.pdf"
    return pdf.relay(visit, "registry", path, filename=f"Mẫu {found['form']} {whose}".strip() + ".pdf", media_type=PDF)


@router.post("/procedures/{procedure_id}/{act}")
def act_on_procedure(visit: Posting, form: Posted, procedure_id: UUID, act: str) -> Response:
    page = f"/procedures/{procedure_id}"
    if act not in ACTS:
        return visit.to(page)
    body: dict[str, Any] = {}
    if act in ("forward", "answer"):
        body = {"reference": form.get("reference") or None}
    elif act in ("refuse", "withdraw"):
        body = {"reason": form.get("reason")}
    try:
        visit.api.post("registry", f"{page}/{act}", body, key=form.get("once"))
    except Rejected as rejected:
        return _one(visit, procedure_id, error=rejected, typed=form)
    return visit.to(page, "saved")
