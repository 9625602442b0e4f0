"""Directories as spreadsheets: a file is brought, what it would do is shown, and exactly that is done; and out again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Posted
from services.portal.pages import pdf
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from services.portal.refusals import FILE_NEEDED
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/directory/imports")
def show_imports(visit: Reading) -> Response:
    visit.need("officer")
    return _list(visit)


def _list(visit: Visit, *, error: Rejected | None = None) -> Response:
    found, missing = parts_of({"imports": lambda: visit.api.get("registry", "/imports", limit=20)})
    rows = found.get("imports", {"items": []})["items"]
    return visit.page("imports.html", error=error or missing.get("imports"), imports=rows)


@router.post("/directory/imports")
def bring_file(visit: Posting, form: Posted) -> Response:
    files = form.files("file")
    if not files:
        return _list(visit, error=Rejected(FILE_NEEDED))
    try:
        fields = {"convert": form.get("convert")} if form.get("convert") else {}
        name = files[0].filename or "?"
        made = visit.api.send_file("registry", "/imports", name, files[0].file, key=form.get("once"), **fields)
    except Rejected as rejected:
        return _list(visit, error=rejected)
    return visit.to(f"/directory/imports/{made['import_id']}")


@router.get("/directory/imports/{import_id}")
def show_import(visit: Reading, import_id: UUID, cursor: Annotated[str, Query(max_length=300)] = "") -> Response:
    visit.need("officer")
    return _one(visit, import_id, cursor=cursor)


def _one(visit: Visit, import_id: UUID, *, cursor: str = "", error: Rejected | None = None) -> Response:
    path = f"/imports/{import_id}"
    made = visit.api.get("registry", path)
    # A file with errors is corrected, not looked through: then only they are shown.
    what = "errors" if made["error_count"] else "rows"
    found = visit.api.get("registry", f"{path}/{what}", cursor=cursor)
    return visit.page("import.html", error=error, made=made, what=what, found=found)


@router.post("/directory/imports/{import_id}/commit")
def commit(visit: Posting, form: Posted, import_id: UUID) -> Response:
    try:
        visit.api.post("registry", f"/imports/{import_id}/commit", key=form.get("once"))
    except Rejected as rejected:
        return _one(visit, import_id, error=rejected)
    return visit.to(f"/directory/imports/{import_id}", "imported")


@router.get("/directory/export")
def export(visit: Reading) -> Response:
    visit.need("officer")
    return pdf.relay(visit, "registry", "/exports/directory.xlsx", filename="danh-ba.xlsx", media_type=XLSX)


@router.get("/directory/template")
def template(visit: Reading) -> Response:
    visit.need("officer")
    return pdf.relay(visit, "registry", "/import-template.xlsx", filename="danh-ba-mau.xlsx", media_type=XLSX)
