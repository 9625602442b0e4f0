"""Copies and extracts that the agency certifies: sao y, sao lục, trích sao. Whatever goes wrong, what was typed stays."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.submission import Uploaded, UploadRefused, upload_one, uploaded_in
from services.portal.pages.visit import Posting, Reading, Visit
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)


@router.get("/copies/new")
def show_form(
    visit: Reading,
    document: Annotated[UUID | None, Query()] = None,
    incoming: Annotated[UUID | None, Query()] = None,
) -> Response:
    """For a document of the agency, for one that arrived, or for a paper that is in no system."""
    visit.need("clerk")
    chosen = [(name, str(value)) for name, value in (("document_id", document), ("incoming_id", incoming)) if value]
    return _page(visit, Form(chosen), [])


@router.post("/copies/new")
def make_copy(visit: Posting, form: Posted) -> Response:
    uploaded = uploaded_in(form)
    try:
        uploaded = _upload(visit, form, uploaded)
        made = visit.api.post("docs", "/copies", _body(form, uploaded), key=form.get("once"))
    except UploadRefused as refused:
        return _page(visit, form, refused.uploaded, error=refused.rejected)
    except Rejected as rejected:
        return _page(visit, form, uploaded, error=rejected)
    return visit.to(f"/documents/{made['id']}", "copy_made")


def _upload(visit: Visit, form: Form, before: list[Uploaded]) -> list[Uploaded]:
    """One file; a new one takes the place of the earlier one."""
    files = form.files("main")
    return [upload_one(visit, form, files[0], "main", before)] if files else before


def _body(form: Form, uploaded: list[Uploaded]) -> dict[str, Any]:
    body: dict[str, Any] = {"form": form.get("form"), "symbol": form.get("symbol")}
    if uploaded:
        body["file_id"] = uploaded[0].file_id
    for name in ("document_id", "incoming_id"):
        if form.get(name):
            return body | {name: form.get(name)}
    original = {name: form.get(name) for name in ("agency", "number_symbol", "issued_on", "abstract")}
    return body | ({"original": original} if all(original.values()) else {})


def _page(visit: Visit, typed: Form, uploaded: list[Uploaded], *, error: Rejected | None = None) -> Response:
    source: dict[str, Any] | None = None
    if typed.get("document_id"):
        source = visit.api.get("docs", f"/documents/{typed.get('document_id')}")
    elif typed.get("incoming_id"):
        source = visit.api.get("docs", f"/incoming/{typed.get('incoming_id')}")
    return visit.page(
        "copy_new.html", error=error, typed=typed, uploaded=uploaded, source=source, once=typed.once(error)
    )
