"""What waits for a leader's signature. Signing itself happens in vanthu-sign: no key and no PIN ever come near here."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)


@router.get("/signing")
def show_tasks(visit: Reading) -> Response:
    visit.need("leader")
    return _page(visit)


def _page(visit: Visit, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    try:
        tasks = visit.api.get("signing", "/tasks")["items"]
    except Rejected as rejected:
        return visit.page("signing.html", error=error or rejected, tasks=None, typed=typed or Form())
    return visit.page("signing.html", error=error, tasks=tasks, typed=typed or Form())


@router.post("/signing/{document_id}/return")
def return_instead(visit: Posting, form: Posted, document_id: UUID) -> Response:
    try:
        visit.api.post("docs", f"/documents/{document_id}/return", {"reason": form.get("reason")}, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected, typed=Form([*form.pairs, ("document_id", str(document_id))]))
    return visit.to("/signing", "returned")
