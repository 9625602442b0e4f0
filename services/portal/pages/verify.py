"""Is this paper authentic? For anybody who holds a PDF, without log-in: the file is sent on to be judged and not kept."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.portal import throttle, wording
from services.portal.forms import Form, Posted
from services.portal.pages import visit as visits
from services.portal.pages.visit import Site, TheSite
from services.portal.refusals import FILE_NOT_CHOSEN, MOMENT_MALFORMED, PAGE_TOO_OLD
from shared.errors import Rejected
from shared.tokens import Principal

LIMIT = 50  # MB, signing's own for files that it does not keep
FREE_CHECKS = 40  # of one network address within the hour; then slower and slower
VISITOR = Principal(kind="visitor", name="Khách", roles=frozenset())

router = APIRouter(include_in_schema=False)


@router.get("/verify")
def show_form(request: Request, site: TheSite) -> Response:
    return _page(request, site)


@router.post("/verify")
def verify(request: Request, site: TheSite, form: Posted) -> Response:
    try:
        filename, report = _judged(request, site, form)
    except Rejected as rejected:
        return _page(request, site, error=rejected, form=form)
    return _page(request, site, form=form, report=report, filename=filename)


def _judged(request: Request, site: Site, form: Form) -> tuple[str, dict[str, Any]]:
    if not visits.is_our_plain_form(request, form):
        raise Rejected(PAGE_TOO_OLD)
    files = form.files("file")
    if not files:
        raise Rejected(FILE_NOT_CHOSEN)
    query = {"policy": form.get("policy") or "default"} | _moment(form.get("at"))
    throttle.count(site.pool, f"verify:{_address(request)}", free=FREE_CHECKS)
    report = site.services.as_person(VISITOR).upload("signing", "/checks", files[0].file, key="", **query)
    return files[0].filename or "", report


def _page(
    request: Request,
    site: Site,
    *,
    form: Form | None = None,
    error: Rejected | None = None,
    report: dict[str, Any] | None = None,
    filename: str = "",
) -> Response:
    try:
        found = site.services.as_person(VISITOR).get("signing", "/policies")["items"]
    except Rejected as rejected:
        found, error = [], error or rejected
    raw = json.dumps(report, ensure_ascii=False, indent=2) if report else ""
    chosen = {"policy": form.get("policy") if form else "", "at": form.get("at") if form else ""}
    return visits.plain_page(
        request,
        "verify.html",
        status=error.refusal.status if error else 200,
        error=error,
        report=report,
        filename=filename,
        raw=raw,
        encoded=base64.b64encode(raw.encode()).decode(),
        policies=[(each["name"], each["vi"]) for each in found] or [("default", "Mặc định")],
        chosen=chosen | {"policy": chosen["policy"] or "default"},
        limit=LIMIT,
    )


def _moment(typed: str) -> dict[str, str]:
    """A time in Vietnam as the browser gives it; nothing for now."""
    if not typed:
        return {}
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError as error:
        raise Rejected(MOMENT_MALFORMED) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=wording.VIETNAM)
    if moment > datetime.now(UTC) + timedelta(minutes=1):
        raise Rejected(MOMENT_MALFORMED)
    return {"at": moment.isoformat()}


def _address(request: Request) -> str:
    return request.client.host if request.client else "-"
